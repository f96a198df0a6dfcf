"""Searches that follow one path of each hypothesis and never reorder.

B batch   W hypotheses per row   T target length   V vocabulary_size   S source
length   C candidates
"""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from keras_transformer.search import constraints as constraining
from keras_transformer.search import contract, extension, loop
from keras_transformer.search import task as tasks


class _Rows(NamedTuple):
    limits: constraining.RowLimits
    numbers: tf.Tensor  # (B,), the place of each row in the batch
    ids: tf.Tensor  # (B, W, T), padded
    lengths: tf.Tensor  # (B, W)
    log_probs: tf.Tensor  # (B, W, T), of each token
    attention: tuple  # of one (B, W, T, S), or of none
    has_ended: tf.Tensor  # (B, W)
    is_nan: tf.Tensor  # (B,), whether the model gave no numbers
    is_done: tf.Tensor  # (B,)


def follow(
    choose,
    step: contract.StepFn,
    state,
    task: tasks.Task,
    constraints: constraining.Constraints,
    *,
    width: int,
    count: int | None,
) -> contract.SearchResult:
    """Takes the token that `choose` picks until the end token or the limit.

    Args:
        choose: function of `Candidates`, the position and the numbers of the
            rows, to the place of the token taken, int32 `(B, W)`.
        step: see `StepFn`.
        state: see `Search`.
        task: see `Task`.
        constraints: see `Constraints`.
        width: W, hypotheses of each row, alike at first.
        count: how many candidates `choose` is given, see `candidates`.

    Returns:
        `SearchResult`, scores being plain log-probabilities, in the order of
        the hypotheses.
    """
    path = _Path(choose, step, task, constraints, count)
    limits = constraining.limits_of_rows(constraints, task)
    longest = constraining.longest_of(task, limits)
    rows = _first_rows(task, limits, longest, width)
    if width > 1:
        state = task.states.widen(state, width)
    rows = loop.run(path.advance, rows, state, task.states, width, longest)
    result = contract.SearchResult(
        rows.ids,
        rows.lengths,
        tf.reduce_sum(rows.log_probs, axis=2),
        rows.log_probs,
        *rows.attention,
    )
    return contract.with_nan(result, rows.is_nan)


class _Path(NamedTuple):
    """What one step needs to know."""

    choose: Callable
    step: contract.StepFn
    task: tasks.Task
    constraints: constraining.Constraints
    count: int | None

    def advance(self, position, row, state):
        """Takes the next token of each hypothesis."""
        choices, attention, state = extension.candidates_of(
            row.ids,
            position,
            state,
            row.limits,
            self.step,
            self.task,
            self.constraints,
            self.count,
        )
        is_nan = row.is_nan | contract.is_nan(choices.log_probs, ~row.has_ended)
        place = self.choose(choices, position, row.numbers)
        ids, log_probs = (
            tf.gather(x, place, axis=2, batch_dims=2) for x in choices
        )
        # Where all is forbidden a hypothesis ends without its end token.
        is_over = (
            row.has_ended | (log_probs <= contract.NEVER) | is_nan[:, None]
        )
        has_ended = (
            is_over
            | (ids == self.task.end_id)
            | (position + 1 >= row.limits.max_lengths[:, None])
        )

        def write(before, now):
            return _write(before, now, position, is_over)

        row = row._replace(
            ids=write(row.ids, ids),
            lengths=row.lengths + tf.where(is_over, 0, 1),
            log_probs=write(row.log_probs, log_probs),
            attention=tuple(
                write(before, tf.reshape(attention, tf.shape(before[:, :, 0])))
                for before in row.attention
            ),
            has_ended=has_ended,
            is_nan=is_nan,
            is_done=tf.reduce_all(has_ended, axis=1),
        )
        return row, state


def _write(before, now, position, is_over):
    """Writes (B, W, ...) at a position of (B, W, T, ...), if not over."""
    is_now = tf.range(tf.shape(before)[2]) == position
    is_kept = is_over[:, :, None] | ~is_now
    missing = [1] * (before.shape.rank - 3)
    is_kept = tf.reshape(is_kept, tf.concat([tf.shape(is_kept), missing], 0))
    return tf.where(is_kept, before, now[:, :, None])


def _first_rows(task, limits, longest, width):
    """The rows before the first step."""
    sources = extension.sources_of(task)
    rows = limits.max_lengths.shape[0] or tf.shape(limits.max_lengths)[0]
    shape = [rows, width, longest]
    is_empty = limits.max_lengths < 1
    return _Rows(
        limits,
        tf.range(rows),
        tf.fill(shape, task.pad_id),
        tf.zeros(shape[:2], tf.int32),
        tf.zeros(shape),
        tuple(
            tf.zeros([*shape, mask.shape[1] or tf.shape(mask)[1]])
            for mask in sources
        ),
        tf.repeat(is_empty[:, None], width, axis=1),
        tf.zeros_like(is_empty),
        is_empty,
    )
