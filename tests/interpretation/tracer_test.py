"""A tracer gives the traces of `trace`, with the current weights."""

import dataclasses

import numpy as np
import pytest

import keras_transformer as kt
from tests.explorer import translators

TEXTS = ["the cat ate the rat", "it was too tired"]


@pytest.fixture(scope="module")
def translator():
    return translators.translator(kt.search.GreedySearch())


def assert_same(found, expected):
    assert dataclasses.replace(found, arrays={}, steps=[], lens=[]) == (
        dataclasses.replace(expected, arrays={}, steps=[], lens=[], search=None)
    )
    assert list(found.arrays) == list(expected.arrays)
    for name, array in expected.arrays.items():
        np.testing.assert_allclose(found.arrays[name], array, atol=1e-5)


def test_it_is_the_trace(translator):
    traces = kt.interpretation.Tracer(translator)(TEXTS)
    for text, found in zip(TEXTS, traces, strict=True):
        assert_same(found, kt.interpretation.trace(translator, text))


@pytest.mark.grid
def test_the_weights_of_the_moment_in_float32(translator):
    model = kt.build_transformer(
        kt.TransformerConfig(
            translator.tokenizer.vocabulary_size, 1, 1, 8, 2, 16
        ),
        dtype="mixed_bfloat16",
    )
    moving = translator.with_model(model)
    tracer = kt.interpretation.Tracer(moving)
    tracer(TEXTS)
    for variable in model.trainable_variables:
        variable.assign(1.3 * variable + 0.01)
    for text, found in zip(TEXTS, tracer(TEXTS), strict=True):
        assert_same(found, kt.interpretation.trace(moving, text))


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["a", " "], "must have words. Received: ' '"),
        ([], "Received: 0 strings. Expected: at least 1"),
        ([b"a cat"], "Received: b'a cat'"),
        ("a cat", "`texts` is a list of strings.*'a cat'"),
    ],
)
def test_refuses(translator, texts, message):
    with pytest.raises(ValueError, match=message):
        kt.interpretation.Tracer(translator)(texts)
