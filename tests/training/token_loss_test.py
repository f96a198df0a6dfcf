"""The loss given to `compile`, summed over tokens and not yet averaged."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transformer.training import losses, token_loss, token_weights

B, T, V, IGNORED = 3, 5, 7, -100
GENERATOR = np.random.default_rng(0)
LABELS = GENERATOR.integers(0, V, (B, T))
LOGITS = GENERATOR.normal(size=(B, T, V)).astype("float32")
WEIGHTS = GENERATOR.random((B, T)).astype("float32")
# The loss of each token, computed with NumPy.
EXPECTED = np.log(np.exp(LOGITS).sum(-1)) - np.take_along_axis(
    LOGITS, LABELS[..., None], -1
).squeeze(-1)


def crossentropy(**settings):
    return keras.losses.SparseCategoricalCrossentropy(True, **settings)


def function(labels, logits):
    return keras.losses.sparse_categorical_crossentropy(labels, logits, True)


@pytest.mark.parametrize(
    "loss",
    [
        crossentropy(),
        crossentropy(reduction="mean"),
        crossentropy(reduction="mean_with_sample_weight"),
        crossentropy(dtype="float64"),
        losses.SmoothedCrossEntropy(0.0),
        function,
        [function],
        {"logits": function},
    ],
)
def test_sums_of_losses_and_weights(loss):
    found = token_loss.TokenLoss(loss)(LABELS, tf.constant(LOGITS), WEIGHTS)
    np.testing.assert_allclose(found.loss, (EXPECTED * WEIGHTS).sum(), 1e-5)
    np.testing.assert_allclose(found.tokens, WEIGHTS.sum(), 1e-6)
    np.testing.assert_allclose(found.weights, WEIGHTS)
    assert found.mask is None
    assert found.loss.dtype == "float32"


def test_a_loss_by_name_is_of_probabilities():
    probabilities = tf.nn.softmax(LOGITS)
    for name in ("sparse_categorical_crossentropy", "crossentropy", "ce"):
        found = token_loss.TokenLoss(name)(LABELS, probabilities)
        np.testing.assert_allclose(found.loss, EXPECTED.sum(), 1e-5)


@pytest.mark.parametrize("given", [0.3, [0.3], {"logits": 0.3}])
def test_loss_weights(given):
    found = token_loss.make(function, given)(LABELS, tf.constant(LOGITS))
    np.testing.assert_allclose(found.loss, 0.3 * EXPECTED.sum(), 1e-5)
    assert found.tokens == B * T


def test_masks_of_logits_and_of_the_loss():
    ignored = LABELS % 2 > 0
    labels = np.where(ignored, IGNORED, LABELS)
    mask = GENERATOR.random((B, T)) < 0.5
    logits = token_weights.with_mask(tf.constant(LOGITS), mask)
    loss = token_loss.TokenLoss(crossentropy(ignore_class=IGNORED))
    found = loss(labels, logits, WEIGHTS)
    left = np.where(mask & ~ignored, WEIGHTS, 0)
    np.testing.assert_allclose(found.loss, (EXPECTED * left).sum(), 1e-5)
    np.testing.assert_allclose(found.tokens, left.sum(), 1e-6)
    np.testing.assert_array_equal(found.mask, mask & ~ignored)
    np.testing.assert_allclose(found.weights, left)


class Reducing(keras.losses.Loss):
    def __call__(self, y_true, y_pred, sample_weight=None):
        return tf.reduce_mean(y_pred)


@pytest.mark.parametrize(
    "loss, message",
    [
        (crossentropy(reduction="sum"), "reduction='sum'"),
        (crossentropy(reduction=None), "reduction=None"),
        (crossentropy(reduction="none"), "reduction='none'"),
        (crossentropy(dtype="bfloat16"), "dtype='bfloat16'"),
        (crossentropy(dtype="float16"), "dtype='float16'"),
        (Reducing(), "Reducing, whose `__call__`"),
        (["ce", "ce"], "one loss. Received: loss="),
        ({"a": "ce", "b": "ce"}, "one loss. Received: loss="),
    ],
)
def test_losses_that_are_no_mean_over_tokens(loss, message):
    with pytest.raises(ValueError, match=message):
        token_loss.make(loss, None)


@pytest.mark.parametrize(
    "loss, loss_weights, message",
    [
        ("ce", [0.3, 0.7], "loss_weights=.0.3, 0.7."),
        (None, 0.3, "no loss to weigh. Received: loss_weights=0.3"),
    ],
)
def test_weights_of_other_losses(loss, loss_weights, message):
    with pytest.raises(ValueError, match=message):
        token_loss.make(loss, loss_weights)


def test_no_loss():
    assert token_loss.make(None, None) is None


@pytest.mark.parametrize(
    "labels, logits, message",
    [
        (None, LOGITS, "y=None"),
        (LABELS, {"a": LOGITS, "b": LOGITS}, "a dict of 2"),
        (LABELS, [LOGITS], "a list of 1"),
        (LABELS, LOGITS[..., 0], r"Received: shape \(3, 5\)"),
        (LABELS[..., None], LOGITS, r"labels of shape \(3, 5, 1\)"),
    ],
)
def test_data_of_other_kinds(labels, logits, message):
    loss = token_loss.TokenLoss(losses.SmoothedCrossEntropy())
    logits = tf.nest.map_structure(tf.constant, logits)
    with pytest.raises(ValueError, match=message):
        loss(labels, logits)


@pytest.mark.parametrize(
    "reduce, shape",
    [(tf.reduce_mean, ""), (lambda values: tf.reduce_mean(values, -1), "3,")],
)
def test_a_loss_that_is_a_mean_already(reduce, shape):
    loss = token_loss.TokenLoss(lambda y, z: reduce(function(y, z)))
    with pytest.raises(ValueError, match=rf"values of shape \({shape}\)"):
        loss(LABELS, tf.constant(LOGITS))
