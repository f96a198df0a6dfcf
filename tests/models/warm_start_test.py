"""Weights of another model must be copied to the right weights."""

import dataclasses
from unittest import mock

import keras
import numpy as np
import pytest

from keras_transformer import models
from keras_transformer.models import warm_start
from tests.assertions import assert_all_close, assert_all_equal

CONFIG = models.TransformerConfig(7, 1, 2, 4, 2, 11, biases="all")
ROWS = [[0], [3, 5], [], [6], [1, 2, 4]]


def make(seed, **values):
    keras.utils.set_random_seed(seed)
    model = models.build_transformer(dataclasses.replace(CONFIG, **values))
    for weight in model.trainable_weights:
        weight.assign(keras.random.normal(weight.shape, seed=seed))
    return model


def test_the_same_architecture_takes_everything():
    model, other = make(1), make(2)
    report = warm_start.take_weights(model, other)
    assert len(report.taken) == len(model.trainable_weights)
    assert not report.rows and not report.kept
    ids = np.array([[3, 5, 2]])
    inputs = {"source_ids": ids, "target_input_ids": ids}
    assert_all_equal(model(inputs), other(inputs))


def test_rows_of_another_vocabulary_are_means():
    model, other = make(1, vocabulary_size=5), make(2)
    report = warm_start.take_weights(model, other, ROWS)
    assert sorted(report.rows) == ["embedding/bias", "embedding/embeddings"]
    for name in ("embeddings", "bias"):
        new, old = (
            np.array(getattr(each.source_embedding, name))
            for each in (model, other)
        )
        for row, ids in zip(new, ROWS, strict=True):
            expected = old[ids or slice(None)].mean(axis=0)
            assert_all_close(row, expected, rtol=1e-6)


def test_separate_vocabularies_have_separate_rows():
    model = make(1, tying="none", target_vocabulary_size=5)
    other = make(2, tying="none")
    report = warm_start.take_weights(model, other, None, ROWS)
    assert {path.split("/")[0] for path in report.rows} == {
        "target_embedding",
        "projection",
    }
    assert_all_equal(
        model.source_embedding.embeddings, other.source_embedding.embeddings
    )
    assert_all_equal(
        model.projection.embeddings[3], other.projection.embeddings[6]
    )


def test_what_the_other_model_lacks_is_kept():
    model, other = make(1, num_decoder_layers=3), make(2)
    before = {w.path: w.numpy() for w in model.trainable_weights}
    report = warm_start.take_weights(model, other)
    assert report.kept
    for weight in model.trainable_weights:
        path = warm_start.path_of(weight)
        is_new = path.startswith("decoder/block_3/")
        assert is_new == (path in report.kept)
        assert is_new == (before[weight.path] == weight.numpy()).all()


def test_weights_in_bfloat16():
    keras.config.set_dtype_policy("bfloat16")
    try:
        model, other = make(1), make(2)
        warm_start.take_weights(model, other)
        for one, another in zip(
            model.trainable_weights, other.trainable_weights, strict=True
        ):
            assert one.dtype == "bfloat16"
            assert_all_equal(one, another)
    finally:
        keras.config.set_dtype_policy("float32")


def test_a_model_of_another_size_is_refused():
    with pytest.raises(
        ValueError, match="No weight fits.*block_1.*same model_dim"
    ):
        warm_start.take_weights(
            make(1, biases="none", model_dim=6), make(2, biases="none")
        )


@pytest.mark.parametrize("which", [0, 1])
def test_a_quantized_model_is_refused(which):
    both = [make(1), make(2)]
    # Keras runs the garbage collector for each weight, which is slow.
    with mock.patch("gc.collect"):
        both[which] = models.in_int8(both[which])
    name = ("model", "other")[which]
    with pytest.raises(ValueError, match=f"`{name}` must have floating-point"):
        warm_start.take_weights(*both)
