"""A string is told from a list of strings."""

import numpy as np
import pytest
import tensorflow as tf

from keras_transformer.text import texts


@pytest.mark.parametrize(
    "one", ["", "a cat", b"a cat", tf.constant("a cat"), np.array("a cat")]
)
def test_one_string(one):
    with pytest.raises(ValueError, match="`lines` is a list of strings"):
        texts.check_list("lines", one)


@pytest.mark.parametrize(
    "several",
    [[], ["a"], ("a", b"b"), tf.constant(["a"]), np.array(["a"]), iter("ab")],
)
def test_lists(several):
    texts.check_list("lines", several)


def test_none_is_left_to_others():
    texts.check_list("prefixes", None)
