"""Small translators with random weights, for each kind of model."""

import dataclasses
import functools

import keras
import numpy as np

import keras_transformer as kt

TEXTS = (
    "the old cat sleeps",
    "the street was too wide",
    "a dog didn't cross it",
    "the animal is tired because",
    "le vieux chat dort",
    "la rue était trop large",
    "un chien ne l'a pas traversée",
    "il est fatigué parce qu'elle",
)
# The settings of each kind of model, without the sizes below.
KINDS = {
    **{name: {} for name in kt.CONVENTIONS},
    "learned": {"positions": "learned"},
    "relative": {"positions": "relative"},
    "modern": {
        "positions": "rotary",
        "norm": "rms",
        "activation": "swiglu",
        "biases": "none",
        "num_key_value_heads": 3,
    },
}


@functools.cache
def tokenizer():
    return kt.Tokenizer(kt.learn_vocabulary(TEXTS, 311, may_be_smaller=True))


def translator(kind="paper", search=None, seed=0, **changes):
    """Returns a translator with 2 + 3 layers and 6 heads of size 4."""
    keras.utils.set_random_seed(seed)
    config = kt.TransformerConfig(
        tokenizer().vocabulary_size,
        num_encoder_layers=2,
        num_decoder_layers=3,
        model_dim=24,
        num_heads=6,
        feed_forward_dim=31,
    )
    if kind in kt.CONVENTIONS:
        config = kt.CONVENTIONS[kind].apply(config)
    config = dataclasses.replace(config, **{**KINDS[kind], **changes})
    model = kt.build_transformer(config)
    # Biases and factors of norms must not have their initial values.
    generator = np.random.default_rng(seed)
    for weight in model.weights:
        if len(weight.shape) == 1:
            noise = generator.normal(0, 0.1, weight.shape)
            weight.assign(np.array(weight) + noise)
    lengths = kt.translation.Lengths(maximum=11)
    return kt.Translator(model, tokenizer(), search, lengths=lengths)
