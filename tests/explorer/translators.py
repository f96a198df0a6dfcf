"""Small translators with random weights, for tests of the page's engine."""

import dataclasses
import functools

import keras
import numpy as np

import keras_transformer as kt

TEXTS = (
    "The animal didn't cross the street because it was too tired.",
    "L'animal n'a pas traversé la rue parce qu'il était trop fatigué.",
    "Ça va très bien, merci ! Où est la gare ?",
    "Животное не перешло улицу, потому что оно слишком устало.",
    "لم يعبر الحيوان الشارع لأنه كان متعبا جدا.",
    "その動物は疲れていたので通りを渡らなかった。",
    "a cat sat on the mat and the cat ate the rat, haa haaaa",
)
SENTENCES = (
    "The animal didn't cross the street",
    "it was too tired",
    "the cat ate L'animal, merci",
)


@functools.cache
def tokenizer(normalization="nfc_punctuation"):
    return kt.Tokenizer(
        kt.learn_vocabulary(
            TEXTS * 3, 431, may_be_smaller=True, normalization=normalization
        )
    )


def translator(search=None, seed=0, lengths=None, **settings):
    """Returns a translator; `settings` change the config of its model."""
    vocabulary = tokenizer()
    small = kt.TransformerConfig(
        vocabulary_size=vocabulary.vocabulary_size,
        num_encoder_layers=2,
        num_decoder_layers=3,
        model_dim=24,
        num_heads=4,
        feed_forward_dim=37,
        dropout=0.0,
    )
    # Initial weights must be the same, whatever tests ran before.
    keras.utils.set_random_seed(seed)
    model = kt.build_transformer(dataclasses.replace(small, **settings))
    randomize(model, seed)
    return kt.Translator(
        model,
        vocabulary,
        search,
        lengths=lengths or kt.translation.Lengths(ratio=1.0, extra=3),
    )


def translator_that_ends(search=None, seed=0, **settings):
    """Returns a translator whose hypotheses end at many lengths."""
    settings = {"biases": "all", "normalization": "pre", **settings}
    live = translator(search, seed, **settings)
    bias = np.array(live.model.projection.bias)
    bias[live.target_tokenizer.special_ids.end] = 3.0
    live.model.projection.bias.assign(bias)
    return live


def randomize(model, seed):
    """Changes all weights. No bias stays 0, and no scale stays 1."""
    generator = np.random.default_rng(seed)
    for weight in model.weights:
        noise = generator.normal(size=weight.shape)
        weight.assign(np.asarray(weight) + 0.2 * noise)
