"""A translator that is not trained, so that most translations are loops."""

import keras

import keras_transformer as kt
from keras_transformer import translation
from keras_transformer.translation import defects, isotonic

TEXTS = ["a dog ran", "", "cats", "small mat and a dog", "a a a a a", " "]
CALIBRATION = translation.Calibration(
    isotonic.Curve((-30.0, 0.0), (0.0, 1.0)),
    isotonic.Curve((-20.0, 0.0), (0.0, 1.0)),
    # Any length is usual.
    defects.LengthModel(1.0, 99.0),
)


def make_translator():
    """A translator of a beam of three; its translations have 13 tokens up."""
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
