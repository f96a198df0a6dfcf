"""Checks the arguments of `compile`, `fit`, `evaluate` and similar methods.

These checks run before any graph is built.

B batch   T target length
"""

import inspect
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from keras_transformer.training import token_weights


def check_call(
    method: Callable[..., Any], args: tuple, kwargs: dict[str, Any]
) -> None:
    """Checks the arguments of `fit`, `evaluate` or a similar method.

    Args:
        method: the method of Keras that will get the arguments.
        args: the positional arguments.
        kwargs: the keyword arguments.

    Raises:
        ValueError: `check_batch` refuses the data. The batches of a generator
            are checked later, each when it is used.
    """
    values = inspect.signature(method).bind_partial(*args, **kwargs).arguments
    labels, weights = values.get("y"), values.get("sample_weight")
    if isinstance(values.get("x"), tf.data.Dataset):
        labels, weights = _labels_and_weights(values["x"].element_spec)
    check_batch(labels, weights, values.get("class_weight"))
    validation_data = values.get("validation_data")
    if isinstance(validation_data, tf.data.Dataset):
        validation_data = validation_data.element_spec
    if isinstance(validation_data, tuple):
        check_batch(*_labels_and_weights(validation_data))


def check_batch(labels: Any, weights: Any, class_weight: Any = None) -> None:
    """Checks labels and weights, of one batch or of all data.

    Args:
        labels: an array or a `tf.TensorSpec`. If it has no `shape`, no shape is
            checked. If it is `None`, only `class_weight` is checked.
        weights: an array or a `tf.TensorSpec`. `None` if all weights are 1.
        class_weight: the argument `class_weight` of `fit`; it must be `None`.

    Raises:
        ValueError: the shape of the labels is not `(B, T)`; the shape of the
            weights is none of `(B,)`, `(B, 1)` and `(B, T)`; labels or weights
            are a list, tuple or dict; or `class_weight` is not `None`.

    Example:

    >>> check_batch(tf.zeros([2, 3]), tf.ones([2]))
    >>> check_batch(tf.zeros([2, 3]), tf.ones([3]))
    Traceback (most recent call last):
    ValueError: `sample_weight` weighs rows, (B,) or (B, 1), or tokens, ...
    """
    if class_weight is not None:
        raise ValueError(
            "`class_weight` is for models with one label for each row, but "
            "here each token has one. Received: class_weight="
            f"{class_weight!r}. Give the weight of each token as "
            "`sample_weight`, of the labels' shape."
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


def rows_of(x: Any, batch_size: int | None) -> int | None:
    """Returns the number of rows in a batch of all replicas together.

    Args:
        x: the argument `x` of `fit`.
        batch_size: the argument `batch_size` of `fit`. It is not used if `x` is
            a `tf.data.Dataset`, whose batches have their own size.

    Returns:
        The number. `None` if `x` is a data set whose batches may have different
        numbers of rows. Also `None` if `x` is no data set and `batch_size` is
        `None`, although Keras then makes batches of 32 rows from arrays.
    """
    if isinstance(x, tf.data.Dataset):
        return tf.nest.flatten(x.element_spec)[0].shape[0]
    return batch_size


def check_names(*metrics: Any) -> None:
    """Raises ValueError if a metric of `compile` has the name `loss`.

    Args:
        *metrics: the arguments `metrics` and `weighted_metrics` of `compile`.
    """
    for metric in keras.tree.flatten(metrics):
        name = metric if isinstance(metric, str) else _name_of(metric)
        if name == "loss":
            raise ValueError(
                "No metric may be called `loss`: `fit` reports the loss itself "
                f"by this name. Received: the metric {metric!r}. Give it "
                "another name."
            )


def _labels_and_weights(batch):
    return keras.utils.unpack_x_y_sample_weight(batch)[1:]


def _name_of(metric):
    return getattr(metric, "name", None) or getattr(metric, "__name__", None)
