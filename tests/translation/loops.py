"""An untrained translator. Most of its translations are loops."""

import functools

import keras

import keras_transformer as kt
from keras_transformer import translation
from keras_transformer.translation import defects, isotonic

TEXTS = ["a dog ran", "", "cats", "small mat and a dog", "a a a a a", " "]
CALIBRATION = translation.Calibration(
    isotonic.Curve((-30.0, 0.0), (0.0, 1.0)),
    isotonic.Curve((-20.0, 0.0), (0.0, 1.0)),
    # No length is unusual.
    defects.LengthModel(1.0, 99.0),
)


@functools.cache
def translator():
    """Returns a translator with beam 3 and at least 13 target tokens.

    Tests share it, because each translator traces its own graphs.
    """
    texts = ["the cat sat on the mat", "a dog ran away", "small cats and dogs"]
    tokenizer = kt.Tokenizer(kt.learn_vocabulary(texts, may_be_smaller=True))
    config = kt.TransformerConfig(tokenizer.vocabulary_size, 1, 1, 8, 2, 13)
    keras.utils.set_random_seed(5)
    model = kt.build_transformer(config)
    for weight in model.trainable_weights:
        weight.assign(3 * weight)
    return kt.Translator(
        model,
        tokenizer,
        kt.search.BeamSearch(beam_size=3, top_beams=2),
        lengths=translation.Lengths(maximum=17, minimum=13),
    )


@functools.cache
def hypotheses():
    """Returns the hypotheses of each text."""
    return translator().hypotheses(TEXTS)
