"""Settings for `translators.translator` that use all parts of the engine."""

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

# A few models that together have nearly all settings of the variants.
JOINED = {
    "marian": VARIANTS["marian"],
    "modern": VARIANTS["modern"],
    "tensor2tensor_reglu": {**VARIANTS["tensor2tensor"], **VARIANTS["reglu"]},
    "fairseq_geglu": {**VARIANTS["fairseq"], **VARIANTS["geglu"]},
    "relative_gelu": {**VARIANTS["relative_grouped"], **VARIANTS["gelu"]},
    "learned_unscaled": {
        **VARIANTS["learned_normalized"], **VARIANTS["unscaled"]
    },
}  # fmt: skip
