"""Runs the loop of a search until every row is done.

B batch
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from keras_transformer.search import contract


def run(
    advance: Callable[..., tuple[Any, contract.State]],
    rows: Any,
    state: contract.State,
    states: contract.States,
    width: int,
    longest: int | tf.Tensor,
) -> Any:
    """Calls `advance` until all rows are done or `longest` steps are taken.

    If a size in `states.shapes(state)` is `None`, the rows that are done are
    dropped whenever they are at least half of the rows in the loop. Later steps
    do not compute dropped rows.

    Args:
        advance: a function to call at each step with the position, the rows
            and the state. It returns the next rows and state.
        rows: a named tuple of nested tensors, each with the batch axis first.
            Its field `is_done` `(B,)` tells which rows no longer change.
        state: the state of the step function, for `width` hypotheses per row.
        states: the object that handles the state, see `contract.States`.
        width: the number of hypotheses of each row.
        longest: the maximum number of steps, an int or a scalar tensor.

    Returns:
        The rows after their last step, in their original order.
    """
    if isinstance(longest, int) and longest < 1:
        # If the search records attention, `advance` reads column 0 of a tensor
        # that has `longest` columns. TensorFlow cannot trace this if `longest`
        # is 0.
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
    """Runs the loop like `run`, but drops rows that are done.

    The inner loop takes steps until at least half of its rows are done. The
    outer loop moves these rows out, and starts the inner loop with the
    remaining rows.
    """
    invariants = (
        tf.TensorShape([]),
        tf.nest.map_structure(lambda x: _any_rows(x.shape), rows),
        tf.nest.map_structure(_any_rows, shapes),
    )

    def most_are_running(position, rows, state):
        running = tf.reduce_sum(tf.cast(~rows.is_done, tf.int32))
        return (position < longest) & (2 * running > tf.size(rows.is_done))

    def body(position, rows, state):
        return (position + 1, *advance(position, rows, state))

    def any_is_left(position, rows, state, numbers, moved_out):
        return tf.size(numbers) > 0

    def until_half_is_done(position, rows, state, numbers, moved_out):
        position, rows, state = tf.while_loop(
            most_are_running, body, (position, rows, state), invariants
        )
        is_over = rows.is_done | (position >= longest)
        over, running = (
            tf.cast(tf.reshape(tf.where(which), [-1]), tf.int32)
            for which in (is_over, ~is_over)
        )
        moved_out = tf.nest.map_structure(
            lambda before, now: tf.concat([before, tf.gather(now, over)], 0),
            moved_out,
            (rows, numbers),
        )
        rows, numbers = _gather((rows, numbers), running)
        return (
            position,
            rows,
            states.take_rows(state, running, width),
            numbers,
            moved_out,
        )

    # The indices of the rows restore the original order at the end.
    numbers = tf.range(tf.size(rows.is_done))
    no_rows = _gather((rows, numbers), tf.zeros([0], tf.int32))
    any_number = tf.TensorShape([None])
    *_, (rows, numbers) = tf.while_loop(
        any_is_left,
        until_half_is_done,
        (tf.constant(0), rows, state, numbers, no_rows),
        (*invariants, any_number, (invariants[1], any_number)),
    )
    return _gather(rows, tf.argsort(numbers))


def _gather(structure, rows):
    return tf.nest.map_structure(lambda x: tf.gather(x, rows), structure)


def _shapes_like(state, shapes):
    """Returns the shapes as TensorShapes, in the structure of the state."""
    sizes = iter(tf.nest.flatten(shapes))
    return tf.nest.map_structure(
        lambda x: tf.TensorShape([next(sizes) for _ in range(x.shape.rank)]),
        state,
    )


def _any_rows(shape):
    return tf.TensorShape([None, *shape[1:]])
