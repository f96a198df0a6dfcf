"""One step of all hypotheses: what each may go on with.

B batch   W hypotheses of a row   T target length   S source length
"""

import tensorflow as tf

from keras_transformer.search import constraints as constraining
from keras_transformer.search import contract
from keras_transformer.search import task as tasks


def sources_of(task: tasks.Task) -> tuple:
    """The mask (B, S) of a task's source tokens, or nothing, as a tuple."""
    if task.source_mask is None:
        return ()
    return (tf.cast(task.source_mask, tf.bool),)


def candidates_of(
    ids,
    position,
    state,
    limits: constraining.RowLimits,
    step: contract.StepFn,
    task: tasks.Task,
    constraints: constraining.Constraints,
    count: int | None,
):
    """Reads the last token of each hypothesis and scores the next.

    Args:
        ids: int32 `(B, W, T)`, the tokens before `position`.
        position: scalar.
        state: of the step function.
        limits: see `RowLimits`.
        step: see `StepFn`.
        task: see `Task`.
        constraints: see `Constraints`.
        count: how many candidates of each, see `candidates`.

    Returns:
        `Candidates`, the attention `(B W, S)` or `None`, and the next state.
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
