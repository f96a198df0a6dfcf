"""Finds candidates for the next tokens, in each step of a search.

B batch, without the rows that the search has dropped   W hypotheses of a row
T target length   S source length
"""

import tensorflow as tf

from keras_transformer.search import constraints as constraining
from keras_transformer.search import contract
from keras_transformer.search import task as tasks


def source_masks(task: tasks.Task) -> tuple[tf.Tensor, ...]:
    """Returns a tuple with the task's source mask, boolean `(B, S)`.

    The tuple is empty if the task has no source mask.
    """
    if task.source_mask is None:
        return ()
    return (tf.cast(task.source_mask, tf.bool),)


def next_candidates(
    ids: tf.Tensor,
    position: tf.Tensor,
    state: contract.State,
    limits: constraining.RowLimits,
    step: contract.StepFn,
    task: tasks.Task,
    constraints: constraining.Constraints,
    count: int | None,
) -> tuple[constraining.Candidates, tf.Tensor | None, contract.State]:
    """Reads the last token of each hypothesis and scores the next tokens.

    Args:
        ids: int32 `(B, W, T)`. Only the tokens before `position` are used.
        position: scalar, the index of the next token. At position 0 the last
            token is the start token.
        state: the state of the step function.
        limits: the limits and prefixes of the rows.
        step: the step function.
        task: the `Task`.
        constraints: the `Constraints` on every hypothesis.
        count: as for `constraints.candidates`.

    Returns:
        `Candidates`; the attention to the source, float32 `(B W, S)`, or `None`
        if the task has no source mask; and the next state.
    """
    last = tf.where(
        position == 0,
        task.start_id,
        tf.gather(ids, tf.maximum(position - 1, 0), axis=2),
    )
    logits, state, attention = contract.call_step(
        step,
        tf.reshape(last, [-1]),
        position,
        state,
        task.source_mask is not None,
    )
    choices = constraining.candidates(
        logits, count, constraints, task, limits, ids, position
    )
    return choices, attention, state
