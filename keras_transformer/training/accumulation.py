"""Adds up gradients of a batch that is read in micro-batches, one by one.

B batch
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import tensorflow as tf

# One gradient for each variable; `None` for a variable without a gradient.
Gradients: TypeAlias = list[tf.Tensor | None]


def check_micro_batches(micro_batches: int) -> None:
    """Raises ValueError unless `micro_batches` is an int of at least 1."""
    if not isinstance(micro_batches, int) or micro_batches < 1:
        raise ValueError(
            "`gradient_accumulation_steps` is the number of micro-batches, an "
            f"integer of at least 1. Received: {micro_batches!r}."
        )


def check_rows(rows: int | None, replicas: int, micro_batches: int) -> None:
    """Checks that all micro-batches of a batch can have the same size.

    Args:
        rows: the number of rows of a global batch; `None` if unknown.
        replicas: the number of replicas that share the rows.
        micro_batches: the number of micro-batches on each replica.

    Raises:
        ValueError: `rows` is known, and cannot be divided by `replicas` x
            `micro_batches`.
    """
    shares = replicas * micro_batches
    if rows is not None and rows % shares:
        raise ValueError(
            "A batch must divide by replicas x gradient_accumulation_steps. "
            f"Received: {rows} rows, {replicas} replica(s) x {micro_batches} = "
            f"{shares}. Use a batch of {-(-rows // shares) * shares} rows."
        )


def add_up(
    gradients_of: Callable[[Any], Gradients],
    data: Any,
    micro_batches: int,
    variables: Sequence[tf.Variable],
) -> Gradients:
    """Adds up the gradients of the micro-batches of a batch.

    The micro-batches are read one after another, so that memory holds the
    activations of only one. If the number of rows cannot be divided by
    `micro_batches`, as in the last batch of a data set, some micro-batches have
    one row more than others. A batch with fewer rows than `micro_batches` is
    read row by row.

    Args:
        gradients_of: a function from a micro-batch of `data` to a list: the
            gradient of each variable, or `None` for one without a gradient.
        data: nested tensors `(B, ...)`; labels and weights may be `None`.
        micro_batches: the number of micro-batches.
        variables: the variables that the gradients belong to.

    Returns:
        The sum of the gradients of each variable, or `None` for a variable
        without a gradient.

    Example:

    >>> slope = tf.Variable(0.0)
    >>> def gradients_of(data):
    ...     return [tf.reduce_sum(data)]
    >>> float(add_up(gradients_of, tf.constant([1.0, 2, 3]), 2, [slope])[0])
    6.0
    """
    if micro_batches == 1:
        return gradients_of(data)
    rows = _num_rows(data)
    not_empty = tf.minimum(micro_batches, rows)
    has_gradient = [False] * len(variables)

    def add(index, sums):
        gradients = gradients_of(_micro_batch(data, index, micro_batches, rows))
        has_gradient[:] = [gradient is not None for gradient in gradients]
        return index + 1, [
            total
            if gradient is None
            else total + tf.convert_to_tensor(gradient)
            for total, gradient in zip(sums, gradients, strict=True)
        ]

    _, sums = tf.while_loop(
        lambda index, _: index < not_empty,
        add,
        (0, [tf.zeros(v.shape, v.dtype) for v in variables]),
        parallel_iterations=1,
        maximum_iterations=micro_batches,
    )
    return [
        total if has else None
        for total, has in zip(sums, has_gradient, strict=True)
    ]


def _num_rows(data):
    """Returns the number of rows: an `int` if it is static, else a tensor."""
    # Weights and labels may be `None`.
    tensors = [value for value in tf.nest.flatten(data) if value is not None]
    first = tf.convert_to_tensor(tensors[0])
    return first.shape[0] or tf.shape(first)[0]


def _micro_batch(data, index, micro_batches, rows):
    """Returns micro-batch number `index` of tensors `(B, ...)`."""

    def cut(value):
        if value is None:
            return None
        value = tf.convert_to_tensor(value)
        if isinstance(rows, int) and rows % micro_batches == 0:
            # A TPU needs a static shape. `reshape` gives a static shape, but a
            # slice with computed ends has a dynamic shape.
            shape = [micro_batches, rows // micro_batches]
            shape = tf.concat([shape, tf.shape(value)[1:]], axis=0)
            return tf.reshape(value, shape)[index]
        not_empty = tf.minimum(micro_batches, rows)
        first, end = index * rows // not_empty, (index + 1) * rows // not_empty
        return value[first:end]

    return tf.nest.map_structure(cut, data)
