"""Gradients of a batch that is read in parts, one after another.

B batch   P parts
"""

import tensorflow as tf


def check_micro_batches(parts: int) -> None:
    """Raises ValueError if a batch cannot be read in so many parts."""
    if not isinstance(parts, int) or parts < 1:
        raise ValueError(
            "`gradient_accumulation_steps` is a number of parts, at least 1. "
            f"Received: {parts!r}."
        )


def check_rows(rows: int | None, replicas: int, parts: int) -> None:
    """Checks that a batch can be shared evenly.

    Args:
        rows: of a global batch, or `None` if that is not known.
        replicas: how many share it.
        parts: in how many a replica reads its share.

    Raises:
        ValueError: it cannot.
    """
    if rows is not None and rows % (replicas * parts):
        raise ValueError(
            "A batch must divide by replicas x gradient_accumulation_steps. "
            f"Received: {rows} rows, {replicas} replica(s) x {parts} = "
            f"{replicas * parts}. Use a batch of "
            f"{-(-rows // (replicas * parts)) * replicas * parts} rows."
        )


def add_up(gradients_of, data, parts, variables):
    """Adds the gradients of equal parts of a batch's rows.

    The parts follow each other, so that only one at a time is in memory. Of
    rows that do not divide, as the last of a data set may not, parts have one
    more or less; of fewer rows than parts, one each.

    Args:
        gradients_of: function from a part of `data` to a list of gradients,
            `None` where a variable has none.
        data: structure of tensors `(B, ...)`.
        parts: P.
        variables: what the gradients are of.

    Returns:
        The list of their sums.

    Example:

    >>> slope = tf.Variable(0.0)
    >>> def gradients_of(data):
    ...     return [tf.reduce_sum(data)]
    >>> float(add_up(gradients_of, tf.constant([1.0, 2, 3]), 2, [slope])[0])
    6.0
    """
    if parts == 1:
        return gradients_of(data)
    # There may be no weights, or no labels.
    rows = [value for value in tf.nest.flatten(data) if value is not None]
    rows = tf.convert_to_tensor(rows[0]).shape[0] or tf.shape(rows[0])[0]
    parts_with_rows = tf.minimum(parts, rows)
    has_gradient = [False] * len(variables)

    def add(part, sums):
        gradients = gradients_of(
            tf.nest.map_structure(
                lambda value: _rows_of_part(value, part, parts, rows), data
            )
        )
        has_gradient[:] = [gradient is not None for gradient in gradients]
        return part + 1, [
            total
            if gradient is None
            else total + tf.convert_to_tensor(gradient)
            for total, gradient in zip(sums, gradients, strict=True)
        ]

    _, sums = tf.while_loop(
        lambda part, _: part < parts_with_rows,
        add,
        (0, [tf.zeros(v.shape, v.dtype) for v in variables]),
        parallel_iterations=1,
        maximum_iterations=parts,
    )
    return [
        total if has else None
        for total, has in zip(sums, has_gradient, strict=True)
    ]


def _rows_of_part(value, part, parts, rows):
    """From (B, ...) to the rows of one part."""
    if value is None:
        return None
    value = tf.convert_to_tensor(value)
    if isinstance(rows, int) and rows % parts == 0:
        # A shape that is known stays so, as a TPU wants it.
        shape = tf.concat([[parts, rows // parts], tf.shape(value)[1:]], axis=0)
        return tf.reshape(value, shape)[part]
    parts = tf.minimum(parts, rows)
    return value[part * rows // parts : (part + 1) * rows // parts]
