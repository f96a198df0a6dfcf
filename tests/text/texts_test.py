"""One string is not accepted as a list of strings."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf

from keras_transformer.text import texts


@pytest.mark.parametrize(
    "one",
    [
        "",
        "a cat",
        b"a cat",
        bytearray(b"a cat"),
        pathlib.Path("a cat"),
        tf.constant("a cat"),
        np.array("a cat"),
    ],
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


@pytest.mark.parametrize(
    "several",
    [
        ["a", b"b"],
        ("a", b"b"),
        (text for text in ["a", b"b"]),
        {"a": 1, b"b": 2},
        np.array(["a", b"b"], object),
    ],
)
def test_as_list(several):
    assert texts.as_list("texts", several) == ["a", b"b"]


def test_a_tensor_as_list():
    found = texts.as_list("texts", tf.constant(["a", "b"]))
    assert found == [b"a", b"b"]


@pytest.mark.parametrize("wrong", [None, 7, [7], ["a", None], [["a"]], "a"])
def test_what_is_no_list_of_texts(wrong):
    with pytest.raises(ValueError, match="`texts` is a list of strings"):
        texts.as_list("texts", wrong)


def test_what_is_blank():
    characters = [
        chr(code)
        for code in range(1, 0x110000)
        if not 0xD800 <= code < 0xE000  # Surrogates are not characters.
    ]
    found = texts.are_blank(tf.constant(characters)).numpy()
    expected = [texts.is_blank(character) for character in characters]
    np.testing.assert_array_equal(found, expected)
    assert 20 < sum(expected) < 40
    assert texts.is_blank("") and texts.is_blank("\t \u3000")
    found = texts.are_blank(["", "\t \u3000", " a ", "\u200b"]).numpy()
    assert found.tolist() == [True, True, False, False]
