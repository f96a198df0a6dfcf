"""Computes the weights of target tokens, and reads and attaches masks.

B batch   T target length   V vocabulary_size
"""

from typing import TypeAlias

import keras
import tensorflow as tf

TensorLike: TypeAlias = tf.types.experimental.TensorLike


def per_token(weights: TensorLike | None, labels: TensorLike) -> tf.Tensor:
    """Returns the weight of each token.

    If there is one weight for each row, all tokens of the row get this weight.

    Args:
        weights: `(B,)` or `(B, 1)`, one for each row; or `(B, T)`, one for each
            token. With `None`, each token has the weight 1.
        labels: ids, `(B, T)`; only their shape is used.

    Returns:
        float32, shape `(B, T)`.

    Raises:
        ValueError: weights or labels have another shape.
        tf.errors.InvalidArgumentError: weights and labels do not fit, and their
            shapes are known only when the graph runs.

    Example:

    >>> per_token(tf.constant([0.0, 2.0]), tf.zeros([2, 3])).numpy()
    array([[0., 0., 0.],
           [2., 2., 2.]], dtype=float32)
    """
    labels = tf.convert_to_tensor(labels)
    check_labels(labels.shape)
    if weights is None:
        return tf.ones(tf.shape(labels), "float32")
    weights = tf.cast(weights, "float32")
    check_weights(labels.shape, weights.shape)
    if weights.shape.rank != 2:
        rows = tf.shape(weights)[:1]
        weights = tf.reshape(weights, tf.concat([rows, [-1]], axis=0))
    if None in (weights.shape[0], labels.shape[0]):
        # Without this check, `broadcast_to` would copy the weights of a single
        # row to all rows.
        tf.debugging.assert_equal(
            tf.shape(weights)[0],
            tf.shape(labels)[0],
            "`sample_weight` and labels have different numbers of rows.",
        )
    return tf.broadcast_to(weights, tf.shape(labels))


def mask_of(tensor: TensorLike) -> tf.Tensor | None:
    """Returns the mask that Keras attached to a tensor, or `None`."""
    return _READER(tensor)


def with_mask(tensor: TensorLike, mask: TensorLike) -> tf.Tensor:
    """Returns a copy of a tensor with an attached mask, for Keras's metrics."""
    return _WRITER([tensor, mask])


def combine(
    first: tf.Tensor | None, second: tf.Tensor | None
) -> tf.Tensor | None:
    """Returns the mask of the tokens that both masks keep.

    Args:
        first: a boolean mask; `None` keeps all tokens.
        second: a boolean mask; `None` keeps all tokens. If `first` and `second`
            are `None`, the result is `None`.
    """
    if first is None or second is None:
        return second if first is None else first
    return first & second


class _MaskLayer(keras.layers.Layer):
    """A layer without weights that keeps the dtypes of its inputs."""

    def __init__(self, name):
        super().__init__(name=name, dtype="float32", autocast=False)
        self.supports_masking = True
        self.built = True


class _Reader(_MaskLayer):
    """A layer that returns the mask of its input. Keras passes in the mask."""

    def call(self, inputs, mask=None):
        return mask


class _Writer(_MaskLayer):
    """A layer that returns its first input, with its second input as mask."""

    def call(self, inputs):
        return tf.identity(inputs[0])

    def compute_mask(self, inputs, previous_mask=None):
        return inputs[1]


_READER = _Reader("mask_reader")
_WRITER = _Writer("mask_writer")


def check_labels(shape: tf.TensorShape) -> None:
    """Raises ValueError if the shape of the labels cannot be `(B, T)`."""
    if shape.rank not in (None, 2):
        raise ValueError(
            "Labels are the ids of target tokens, of shape (B, T). Received: "
            f"labels of shape {_text(shape)}. A loss that needs one-hot "
            "labels must make them itself."
        )


def check_weights(labels: tf.TensorShape, weights: tf.TensorShape) -> None:
    """Raises ValueError if the shapes of weights and labels do not match."""
    rows, length = labels if labels.rank else (None, None)
    allowed = [(rows,), (rows, 1), (rows, length)]
    if not any(weights.is_compatible_with(shape) for shape in allowed):
        raise ValueError(
            "`sample_weight` weighs rows, (B,) or (B, 1), or tokens, (B, T). "
            f"Received: weights of shape {_text(weights)} for labels of shape "
            f"{_text(labels)}. Expected: "
            f"{', '.join(_text(shape) for shape in allowed[:2])} or "
            f"{_text(allowed[2])}."
        )


def _text(shape):
    return str(tuple(shape))
