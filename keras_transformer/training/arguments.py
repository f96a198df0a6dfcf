"""What `compile`, `fit` and their like are given, checked before any graph.

B batch   T target length
"""

import inspect

import keras
import tensorflow as tf

from keras_transformer.training import token_weights


def check_call(method, args, kwargs) -> None:
    """Checks what `fit`, `evaluate`, or one of their like is called with.

    Args:
        method: Keras's own.
        args: its arguments by place.
        kwargs: its arguments by name.

    Raises:
        ValueError: as `check_batch`. Generators are checked batch by batch.
    """
    given = inspect.signature(method).bind_partial(*args, **kwargs).arguments
    labels, weights = given.get("y"), given.get("sample_weight")
    if isinstance(given.get("x"), tf.data.Dataset):
        labels, weights = _labels_and_weights(given["x"].element_spec)
    check_batch(labels, weights, given.get("class_weight"))
    validation_data = given.get("validation_data")
    if isinstance(validation_data, tf.data.Dataset):
        validation_data = validation_data.element_spec
    if isinstance(validation_data, tuple):
        check_batch(*_labels_and_weights(validation_data))


def check_batch(labels, weights, class_weight=None) -> None:
    """Checks labels and weights, of a batch or of all.

    Args:
        labels: an array, a `tf.TensorSpec`, or `None`.
        weights: the same, or `None` where every token counts for one.
        class_weight: what `fit` was given under this name.

    Raises:
        ValueError: labels that are not `(B, T)`; weights that are not `(B,)`
            or `(B, 1)`, of rows, or `(B, T)`, of tokens; a `class_weight`.

    Example:

    >>> check_batch(tf.zeros([2, 3]), tf.ones([2]))
    >>> check_batch(tf.zeros([2, 3]), tf.ones([3]))
    Traceback (most recent call last):
    ValueError: `sample_weight` weighs rows, (B,) or (B, 1), or tokens, ...
    """
    if class_weight is not None:
        raise ValueError(
            "`class_weight` weighs examples by their one class, but each token "
            f"has a label. Received: class_weight={class_weight!r}. Give the "
            "weight of each token as `sample_weight`, of the labels' shape."
        )
    if labels is None:
        return
    for name, value in (("labels", labels), ("sample_weight", weights)):
        if isinstance(value, dict | list | tuple):
            raise ValueError(
                f"The model has one output, and `{name}` is one array. "
                f"Received: a {type(value).__name__} of {len(value)}."
            )
    if not hasattr(labels, "shape"):
        return
    token_weights.check_labels(tf.TensorShape(labels.shape))
    if hasattr(weights, "shape"):
        token_weights.check_weights(
            tf.TensorShape(labels.shape), tf.TensorShape(weights.shape)
        )


def rows_of(x, batch_size):
    """Rows of a global batch, `None` if that is not known."""
    if isinstance(x, tf.data.Dataset):
        return tf.nest.flatten(x.element_spec)[0].shape[0]
    return batch_size


def check_names(*metrics) -> None:
    """Raises ValueError if a metric of `compile` goes by the loss's name."""
    for metric in keras.tree.flatten(metrics):
        name = metric if isinstance(metric, str) else _name_of(metric)
        if name == "loss":
            raise ValueError(
                "The name `loss` is that of the loss itself in what `fit` "
                f"reports. Received: the metric {metric!r}. Give it another."
            )


def _labels_and_weights(batch):
    return keras.utils.unpack_x_y_sample_weight(batch)[1:]


def _name_of(metric):
    return getattr(metric, "name", None) or getattr(metric, "__name__", None)
