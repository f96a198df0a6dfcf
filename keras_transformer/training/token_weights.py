"""How much each target token counts: by its weight, its row's, and masks.

B batch   T target length   V vocabulary_size
"""

import keras
import tensorflow as tf


def per_token(weights, labels):
    """Spreads weights over the tokens of their row.

    Args:
        weights: `(B,)`, `(B, 1)` or `(B, T)`; `None` means ones.
        labels: `(B, T)`.

    Returns:
        float32, shape `(B, T)`.

    Raises:
        ValueError: other shapes, where they are known.
        tf.errors.InvalidArgumentError: otherwise.

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
        # One row of weights would pass for one of each row's.
        tf.debugging.assert_equal(
            tf.shape(weights)[0],
            tf.shape(labels)[0],
            "`sample_weight` and labels have other numbers of rows.",
        )
    return tf.broadcast_to(weights, tf.shape(labels))


def mask_of(tensor):
    """The mask that Keras keeps beside a tensor, or `None`."""
    return _READER(tensor)


def with_mask(tensor, mask):
    """The same tensor with a mask beside it, as Keras's metrics honour."""
    return _WRITER([tensor, mask])


def combine(one, other):
    """The mask of what both leave, where either may be `None`."""
    if one is None or other is None:
        return other if one is None else one
    return one & other


class _Reader(keras.layers.Layer):
    """Returns its input's mask: Keras hands it to what takes a `mask`."""

    def __init__(self, name):
        super().__init__(name=name, dtype="float32", autocast=False)
        self.supports_masking = True
        self.built = True

    def call(self, inputs, mask=None):
        return mask


class _Writer(_Reader):
    """Returns the first of its inputs, and makes the second its mask."""

    def call(self, inputs):
        return tf.identity(inputs[0])

    def compute_mask(self, inputs, previous_mask=None):
        return inputs[1]


_READER = _Reader("mask_reader")
_WRITER = _Writer("mask_writer")


def check_labels(shape):
    """Raises ValueError unless a `tf.TensorShape` may be that of labels."""
    if shape.rank not in (None, 2):
        raise ValueError(
            "Labels are the ids of target tokens, of shape (B, T). Received: "
            f"labels of shape {_text(shape)}. A loss that wants them one-hot "
            "makes them so itself."
        )


def check_weights(labels, weights):
    """Raises ValueError unless weights of a shape fit labels of another."""
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
