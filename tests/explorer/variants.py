"""Settings of `translators.translator` that cover every part of the engine."""

from keras_transformer.models import CONVENTIONS

MODERN = {
    "normalization": "pre",
    "positions": "rotary",
    "num_key_value_heads": 2,
    "norm": "rms",
    "activation": "swiglu",
    "biases": "none",
}
VARIANTS = {
    **{name: CONVENTIONS[name].architecture for name in CONVENTIONS},
    "modern": MODERN,
    "relative": {"positions": "relative", "normalization": "pre"},
    "relative_grouped": {"positions": "relative", "num_key_value_heads": 1},
    "learned": {"positions": "learned", "biases": "blocks"},
    "learned_normalized": {"positions": "learned_normalized"},
    "geglu": {"activation": "geglu", "biases": "all", "norm": "rms"},
    "reglu": {"activation": "reglu", "tying": "target"},
    "gelu": {"activation": "gelu", "tying": "none", "biases": "all"},
    "unscaled": {"embedding_scale": "none", "epsilon": 0.1},
    "one_block": {"num_decoder_layers": 1, "positions": "rotary"},
}
