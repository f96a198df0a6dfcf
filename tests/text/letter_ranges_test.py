"""Letters and numbers are those of Python's tables."""

import sys
import unicodedata

import tensorflow as tf

from keras_transformer.text import letter_ranges


def test_every_code_point():
    made = letter_ranges.are_alphanumeric(tf.range(sys.maxunicode + 1)).numpy()
    for code, is_alphanumeric in enumerate(made):
        category = unicodedata.category(chr(code))
        assert is_alphanumeric == (category[0] in "LN"), hex(code)
