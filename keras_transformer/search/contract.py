"""The types that a search, its step function and its caller share.

B batch   W hypotheses of a row   T target length   V vocabulary_size
S source length   R rows of a step   C candidates of a hypothesis, not of a row
"""

import numbers
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
import tensorflow as tf

TensorLike: TypeAlias = tf.types.experimental.TensorLike
# The state of a step function: a nested structure of tensors, each with the
# batch axis first. Only the step function and `Task.states` know what the
# tensors are.
State: TypeAlias = Any

# Searches give this score to an empty slot and to a forbidden token. It is far
# below the log-probability of any hypothesis. It is finite, because the
# difference of two infinite scores would be NaN.
NEVER = -1e9


class StepFn(Protocol):
    """A function that computes the logits of the next token of each hypothesis.

    It takes the last id of each hypothesis, `(R,)`; the position of these ids,
    a scalar, from 0; and the state. It returns the logits of the tokens after
    these ids, `(R, V)`, and the next state. The W hypotheses of a row are
    adjacent. R is B times W, or less if the search has dropped rows that are
    done. If the `Task` of the search has a `source_mask`, the search expects a
    third result: the attention of each hypothesis to the source, float32
    `(R, S)`.
    """

    def __call__(
        self, ids: tf.Tensor, position: tf.Tensor, state: State
    ) -> tuple[Any, ...]: ...


class States(Protocol):
    """The operations of a search on a state. A `Transformer` has them.

    A state has B rows. It has one hypothesis of each row until the search
    calls `widen`, then W hypotheses.
    """

    def widen(self, state: State, width: int) -> State:
        """Copies the hypothesis of each row to `width` adjacent hypotheses."""

    def select(self, state: State, parents: tf.Tensor) -> State:
        """Gives slot w of row b the state of slot `parents[b, w]` of row b."""

    def take_rows(self, state: State, rows: tf.Tensor, width: int) -> State:
        """Returns the state of the rows with the indices `rows`, a vector.

        Each row keeps its `width` hypotheses.
        """

    def shapes(self, state: State) -> Any:
        """Returns the shapes of a state.

        `None` stands for a size that may change at a step or is not known. If
        all sizes are known, a search keeps all rows until it ends, because
        XLA needs fixed shapes. Otherwise it drops rows that are done.
        """


class RowStates:
    """Operations on states that are nested structures of tensors.

    The first axis of each tensor has one element for each hypothesis of each
    row. The other sizes must be the same at every step.
    """

    def widen(self, state: State, width: int) -> State:
        return tf.nest.map_structure(
            lambda x: tf.repeat(x, width, axis=0), state
        )

    def select(self, state: State, parents: tf.Tensor) -> State:
        width = parents.shape[1]
        rows = tf.range(tf.shape(parents)[0])[:, None] * width + parents
        gathered = _gather(state, rows)
        # XLA must know that the number of rows does not change.
        tf.nest.map_structure(
            lambda x, before: x.set_shape(before.shape), gathered, state
        )
        return gathered

    def take_rows(self, state: State, rows: tf.Tensor, width: int) -> State:
        return _gather(state, rows[:, None] * width + tf.range(width))

    def shapes(self, state: State) -> Any:
        return tf.nest.map_structure(lambda x: tuple(x.shape), state)


ROW_STATES = RowStates()


def _gather(state, rows):
    return tf.nest.map_structure(
        lambda x: tf.gather(x, tf.reshape(rows, [-1])), state
    )


class SearchResult(NamedTuple):
    """Hypotheses of each row, best first.

    Here W is the number of hypotheses that the search returns for each row. In
    a beam search this is `top_beams`, which can be below the beam size.

    ids: int32 `(B, W, T)`, the tokens, the end token if the hypothesis reached
        it, then padding. T is `longest` of the task; if this is `None`, T is
        the largest limit of the rows.
    lengths: int32 `(B, W)`, the number of tokens, end token included.
    scores: float32 `(B, W)`. The scores rank the hypotheses. But `BeamSearch`
        puts finished hypotheses before all others, and with `minimum_risk`,
        expected BLEU ranks the first `minimum_risk` hypotheses. If a row has
        fewer than W hypotheses, its empty slots have a score of -1e9, and the
        other fields of these slots mean nothing. If an output of the model was
        NaN for a row, all scores of the row are NaN, and its other fields mean
        nothing.
    log_probs: float32 `(B, W, T)`, the log-probability of each token, 0 after
        the end.
    attention: float32 `(B, W, T, S)`, the attention to the source at the step
        that emitted each token, 0 after the end. `None` unless the task has a
        `source_mask`.
    """

    ids: tf.Tensor
    lengths: tf.Tensor
    scores: tf.Tensor
    log_probs: tf.Tensor
    attention: tf.Tensor | None = None


def first_hypotheses(result: SearchResult, count: int) -> SearchResult:
    """Returns the first `count` hypotheses of each row."""
    return SearchResult(
        *(None if field is None else field[:, :count] for field in result)
    )


def rows_with_nan(log_probs: tf.Tensor, is_live: tf.Tensor) -> tf.Tensor:
    """Returns which rows have a live hypothesis whose logits are NaN.

    Args:
        log_probs: the field `log_probs` of `Candidates`, `(B, W, C)`.
        is_live: boolean `(B, W)`, which hypotheses the search still extends.

    Returns:
        Boolean `(B,)`.
    """
    is_nan_BW = tf.reduce_any(tf.math.is_nan(log_probs), axis=2)
    return tf.reduce_any(is_nan_BW & is_live, axis=1)


def with_nan_scores(result: SearchResult, is_nan: tf.Tensor) -> SearchResult:
    """Sets the scores of rows to NaN where `is_nan`, boolean (B,), is true."""
    scores = tf.where(is_nan[:, None], np.nan, result.scores)
    return result._replace(scores=scores)


def check_count(name: str, count: int) -> None:
    """Raises ValueError unless `count` is a whole number above 0."""
    if not isinstance(count, numbers.Integral) or count < 1:
        raise ValueError(
            f"`{name}` must be a whole number of at least 1. Received: "
            f"{count}. Give a number of hypotheses."
        )


def largest_limit(max_lengths: tf.Tensor) -> int | tf.Tensor:
    """Returns the largest of the limits, but at least 0.

    Args:
        max_lengths: the limits, `(B,)`.

    Returns:
        An int if the limits are known before the graph runs, otherwise a
        scalar tensor.
    """
    known = tf.get_static_value(max_lengths)
    if known is not None:
        return int(max(known.max(initial=0), 0))
    return tf.maximum(tf.reduce_max(max_lengths), 0)


def limits_per_row(
    lengths: TensorLike, batch_size: int | tf.Tensor, name: str = "max_lengths"
) -> tf.Tensor:
    """Returns one limit for each row, int32 `(B,)`.

    Args:
        lengths: one limit for all rows, or `(B,)`, one for each row.
        batch_size: B.
        name: the name of the limit, for error messages.

    Raises:
        ValueError: `lengths` cannot be broadcast to `(B,)`, or a limit or B is
            below 0. Values that only the running graph computes are not
            checked.
    """
    lengths = tf.cast(lengths, tf.int32)
    known = tf.get_static_value(lengths), tf.get_static_value(batch_size)
    for label, value in zip((name, "batch_size"), known, strict=True):
        if value is not None and np.any(np.asarray(value) < 0):
            raise ValueError(
                f"`{label}` must be at least 0. Received: "
                f"{np.asarray(value).min()}."
            )
    if any(value is None for value in known):
        return tf.broadcast_to(lengths, [batch_size])
    try:
        # The result stays a constant, so `tf.get_static_value` can read it.
        return tf.constant(np.broadcast_to(known[0], [int(known[1])]))
    except ValueError as error:
        raise ValueError(
            f"`{name}` is one number for all rows, or one for each row. "
            f"Received: shape {known[0].shape} for a batch of {known[1]}. "
            f"Expected () or ({known[1]},)."
        ) from error


def call_step(
    step: StepFn,
    ids: tf.Tensor,
    position: tf.Tensor,
    state: State,
    return_attention: bool,
) -> tuple[tf.Tensor, State, tf.Tensor | None]:
    """Calls a `StepFn`, and checks the number of its results.

    Args:
        step: the `StepFn`.
        ids: its first argument, `(R,)`.
        position: its second argument, a scalar.
        state: its third argument.
        return_attention: whether the step must return its attention.

    Returns:
        The logits as float32, the next state, and the attention or `None`.

    Raises:
        ValueError: the step does not return exactly three results with
            `return_attention`, or exactly two without it.
    """
    outputs = step(ids, position, state)
    if len(outputs) != 2 + return_attention:
        raise ValueError(
            "A step returns logits and state, and its attention too if the "
            f"task has a `source_mask`. Received: {len(outputs)} results. "
            f"Expected {2 + return_attention}."
        )
    logits, state, attention = (*outputs, None)[:3]
    return tf.cast(logits, tf.float32), state, attention
