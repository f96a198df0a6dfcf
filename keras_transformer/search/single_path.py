"""A search that only extends hypotheses, and never replaces or reorders them.

B batch   W hypotheses of a row   T target length   S source length
"""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from keras_transformer.search import constraints as constraining
from keras_transformer.search import contract, extension, loop
from keras_transformer.search import task as tasks


class _Rows(NamedTuple):
    """The rows of a search between two steps.

    The loop may drop rows that are done. B does not count the dropped rows.
    """

    limits: constraining.RowLimits
    numbers: tf.Tensor  # (B,), the index of each row in the batch
    ids: tf.Tensor  # (B, W, T), padded
    lengths: tf.Tensor  # (B, W)
    log_probs: tf.Tensor  # (B, W, T), of each token
    attention: tuple[tf.Tensor, ...]  # one tensor (B, W, T, S), or none
    has_ended: tf.Tensor  # (B, W)
    is_nan: tf.Tensor  # (B,), whether an unfinished hypothesis had NaN logits
    is_done: tf.Tensor  # (B,)


def follow(
    choose: Callable[
        [constraining.Candidates, tf.Tensor, tf.Tensor], tf.Tensor
    ],
    step: contract.StepFn,
    state: contract.State,
    task: tasks.Task,
    constraints: constraining.Constraints,
    *,
    width: int,
    num_candidates: int | None,
) -> contract.SearchResult:
    """Extends each hypothesis to its end by tokens that `choose` chooses.

    A hypothesis ends at the end token, at the limit of its row, or if the
    chosen token is forbidden because no token is allowed. If the logits of an
    unfinished hypothesis are NaN, all hypotheses of its row end.

    Args:
        choose: a function to call at each step. Its arguments are `Candidates`,
            the position, and the index of each row in the batch, `(B,)`. B does
            not count the rows that the loop has dropped. The function returns
            the index of each hypothesis's chosen candidate, int32 `(B, W)`.
        step: the `StepFn`.
        state: the state before the first step.
        task: the `Task`.
        constraints: the `Constraints` of every hypothesis.
        width: W, the number of hypotheses of each row.
        num_candidates: the argument `count` of the function `candidates` of the
            module `constraints`, which makes the candidates for `choose`.

    Returns:
        `SearchResult`. Scores are log-probabilities without penalties, or NaN
        in rows whose logits were NaN. Hypotheses are not sorted.
    """
    path = _Path(choose, step, task, constraints, num_candidates)
    limits = constraining.limits_of_rows(constraints, task)
    longest = constraining.result_length(task, limits)
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
    return contract.with_nan_scores(result, rows.is_nan)


class _Path(NamedTuple):
    """A search of one task that never reorders hypotheses."""

    choose: Callable
    step: contract.StepFn
    task: tasks.Task
    constraints: constraining.Constraints
    num_candidates: int | None

    def advance(self, position, rows, state):
        """Extends each hypothesis by one token; see `loop.run`."""
        choices, attention, state = extension.next_candidates(
            rows.ids,
            position,
            state,
            rows.limits,
            self.step,
            self.task,
            self.constraints,
            self.num_candidates,
        )
        is_live = ~rows.has_ended  # (B, W)
        is_nan = rows.is_nan | contract.rows_with_nan(
            choices.log_probs, is_live
        )
        chosen = self.choose(choices, position, rows.numbers)  # (B, W)
        ids, log_probs = (  # (B, W) both
            tf.gather(x, chosen, axis=2, batch_dims=2) for x in choices
        )
        # Nothing is written if the hypothesis has ended before, if the chosen
        # token is forbidden, or if logits of the row are NaN.
        is_over = (
            rows.has_ended | (log_probs <= contract.NEVER) | is_nan[:, None]
        )
        has_ended = (
            is_over
            | (ids == self.task.end_id)
            | (position + 1 >= rows.limits.max_lengths[:, None])
        )

        def write(before, now):
            return _write(before, now, position, is_over)

        rows = rows._replace(
            ids=write(rows.ids, ids),
            lengths=rows.lengths + tf.where(is_over, 0, 1),
            log_probs=write(rows.log_probs, log_probs),
            attention=tuple(
                write(before, tf.reshape(attention, tf.shape(before[:, :, 0])))
                for before in rows.attention
            ),
            has_ended=has_ended,
            is_nan=is_nan,
            is_done=tf.reduce_all(has_ended, axis=1),
        )
        return rows, state


def _write(before, now, position, is_over):
    """Puts `now` (B, W, ...) at `position` of `before` (B, W, T, ...).

    Hypotheses for which `is_over` (B, W) is true do not change.
    """
    is_now = tf.range(tf.shape(before)[2]) == position
    is_unchanged = is_over[:, :, None] | ~is_now  # (B, W, T)
    missing = [1] * (before.shape.rank - 3)
    is_unchanged = tf.reshape(
        is_unchanged, tf.concat([tf.shape(is_unchanged), missing], 0)
    )
    return tf.where(is_unchanged, before, now[:, :, None])


def _first_rows(task, limits, longest, width):
    """Returns the rows before the first step."""
    masks = extension.source_masks(task)
    rows = limits.max_lengths.shape[0] or tf.shape(limits.max_lengths)[0]
    shape = [rows, width, longest]
    has_no_room = limits.max_lengths < 1
    return _Rows(
        limits,
        tf.range(rows),
        tf.fill(shape, task.pad_id),
        tf.zeros(shape[:2], tf.int32),
        tf.zeros(shape),
        tuple(
            tf.zeros([*shape, mask.shape[1] or tf.shape(mask)[1]])
            for mask in masks
        ),
        tf.repeat(has_no_room[:, None], width, axis=1),
        tf.zeros_like(has_no_room),
        has_no_room,
    )
