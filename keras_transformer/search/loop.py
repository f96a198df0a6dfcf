"""Runs a search step by step until every row is done.

B batch
"""

import tensorflow as tf


def run(advance, rows, state, states, width, longest):
    """Calls `advance` until all rows are done or `longest` steps are taken.

    Unless all shapes of the state are known, rows that are done are dropped
    each time they are the half of those left, so that no step computes them.

    Args:
        advance: function of position, rows and state to new rows and state.
        rows: a named tuple of nested tensors, each with the batch axis first,
            of which `is_done` `(B,)` says which rows change no more.
        state: of the step function, widened.
        states: see `States`.
        width: hypotheses of each row.
        longest: the most steps, an int or a scalar tensor.

    Returns:
        The rows when they were done, in their order.
    """
    if isinstance(longest, int) and longest < 1:
        # A graph of no steps has no first column to write in.
        return rows
    shapes = _shapes_like(state, states.shapes(state))
    if not all(s.is_fully_defined() for s in tf.nest.flatten(shapes)):
        return _run_dropping(
            advance, rows, state, states, width, longest, shapes
        )

    def is_running(position, rows, state):
        return (position < longest) & ~tf.reduce_all(rows.is_done)

    def body(position, rows, state):
        return (position + 1, *advance(position, rows, state))

    return tf.while_loop(is_running, body, (tf.constant(0), rows, state))[1]


def _run_dropping(advance, rows, state, states, width, longest, shapes):
    """As `run`, without the rows that are done."""
    invariants = (
        tf.TensorShape([]),
        tf.nest.map_structure(lambda x: _any_rows(x.shape), rows),
        tf.nest.map_structure(_any_rows, shapes),
    )

    def is_worth_it(position, rows, state):
        left = tf.reduce_sum(tf.cast(~rows.is_done, tf.int32))
        return (position < longest) & (2 * left > tf.size(rows.is_done))

    def body(position, rows, state):
        return (position + 1, *advance(position, rows, state))

    def are_left(position, rows, state, numbers, done):
        return tf.size(numbers) > 0

    def until_half_is_done(position, rows, state, numbers, done):
        position, rows, state = tf.while_loop(
            is_worth_it, body, (position, rows, state), invariants
        )
        is_over = rows.is_done | (position >= longest)
        over, left = (
            tf.cast(tf.reshape(tf.where(which), [-1]), tf.int32)
            for which in (is_over, ~is_over)
        )
        done = tf.nest.map_structure(
            lambda before, now: tf.concat([before, tf.gather(now, over)], 0),
            done,
            (rows, numbers),
        )
        rows, numbers = _gather((rows, numbers), left)
        return (
            position,
            rows,
            states.take_rows(state, left, width),
            numbers,
            done,
        )

    numbers = tf.range(tf.size(rows.is_done))
    nothing_done = _gather((rows, numbers), tf.zeros([0], tf.int32))
    any_number = tf.TensorShape([None])
    *_, (rows, numbers) = tf.while_loop(
        are_left,
        until_half_is_done,
        (tf.constant(0), rows, state, numbers, nothing_done),
        (*invariants, any_number, (invariants[1], any_number)),
    )
    return _gather(rows, tf.argsort(numbers))


def _gather(structure, rows):
    return tf.nest.map_structure(lambda x: tf.gather(x, rows), structure)


def _shapes_like(state, shapes):
    """The shapes as TensorShapes, in the structure of the state."""
    sizes = iter(tf.nest.flatten(shapes))
    return tf.nest.map_structure(
        lambda x: tf.TensorShape([next(sizes) for _ in range(x.shape.rank)]),
        state,
    )


def _any_rows(shape):
    return tf.TensorShape([None, *shape[1:]])
