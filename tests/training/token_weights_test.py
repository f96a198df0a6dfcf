"""Weights of rows and of tokens, and the masks beside them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transformer.training import token_weights

LABELS = np.zeros((3, 5), "int32")
BY_ROW = np.array([0.5, 0, 2], "float32")
BY_TOKEN = np.arange(15, dtype="float32").reshape(3, 5)
SPREAD = np.repeat(BY_ROW[:, None], 5, axis=1)
# Static shapes: the rank is known, or nothing is known.
UNKNOWN = [(None, None), None]


@pytest.mark.parametrize(
    "given, expected",
    [
        (None, np.ones((3, 5))),
        (BY_ROW, SPREAD),
        (BY_ROW[:, None], SPREAD),
        (BY_TOKEN, BY_TOKEN),
        (np.array([1, 0, 2]), np.repeat([[1], [0], [2]], 5, axis=1)),
    ],
)
def test_each_shape(given, expected):
    found = token_weights.per_token(given, LABELS)
    assert found.dtype == "float32"
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("shape", UNKNOWN)
@pytest.mark.parametrize("given", [BY_ROW, BY_ROW[:, None], BY_TOKEN])
def test_of_unknown_sizes(given, shape):
    if shape and given.ndim == 1:
        shape = shape[:1]

    @tf.function(
        input_signature=[
            tf.TensorSpec(shape, tf.float32),
            tf.TensorSpec((None, None), tf.int32),
        ]
    )
    def spread(weights, labels):
        return token_weights.per_token(weights, labels)

    expected = BY_TOKEN if given is BY_TOKEN else SPREAD
    np.testing.assert_array_equal(spread(given, LABELS), expected)
    for wrong in (given[:1], given[:2]):
        with pytest.raises(tf.errors.InvalidArgumentError):
            spread(wrong, LABELS)


@pytest.mark.parametrize(
    "shape", [(), (5,), (1,), (1, 5), (5, 3), (3, 4), (3, 5, 1), (3, 5, 7)]
)
def test_other_weights(shape):
    with pytest.raises(ValueError, match=r"Expected: \(3,\), \(3, 1\) or \(3"):
        token_weights.per_token(np.ones(shape), LABELS)


@pytest.mark.parametrize("shape", [(3,), (3, 5, 1), (3, 5, 7)])
def test_other_labels(shape):
    with pytest.raises(ValueError, match="labels of shape"):
        token_weights.per_token(None, np.zeros(shape))


def test_masks_go_with_tensors():
    ids = np.array([[2, 0, 1]])
    embedding = keras.layers.Embedding(3, 2, mask_zero=True)
    vectors = embedding(ids)
    np.testing.assert_array_equal(token_weights.mask_of(vectors), ids > 0)
    assert token_weights.mask_of(vectors + 1) is None
    mask = tf.constant([[False, True, True]])
    masked = token_weights.with_mask(vectors, mask)
    np.testing.assert_array_equal(token_weights.mask_of(masked), mask)
    np.testing.assert_array_equal(masked, vectors)
    # `with_mask` does not change the mask of its argument.
    np.testing.assert_array_equal(token_weights.mask_of(vectors), ids > 0)


def test_combined_masks_leave_what_both_do():
    one, other = (
        tf.constant([True, True, False]),
        tf.constant([True, False, True]),
    )
    found = token_weights.combine(one, other)
    np.testing.assert_array_equal(found, [True, False, False])
    assert token_weights.combine(one, None) is one
    assert token_weights.combine(None, other) is other
    assert token_weights.combine(None, None) is None
