"""The interface of searches: step function, states and result.

B batch   W hypotheses per row   T target length   V vocabulary_size
S source length   R rows of a step   C candidates per hypothesis
"""

from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
import tensorflow as tf

TensorLike: TypeAlias = tf.types.experimental.TensorLike
# A nested structure of tensors, each with the batch axis first. Only the step
# function and `States` know what is in it.
State: TypeAlias = Any

# The score of an empty slot or a forbidden token: below any log-probability,
# and finite, because scores are divided and compared.
NEVER = -1e9


class StepFn(Protocol):
    """One step of a model: scores the token that follows `ids`.

    It takes ids `(R,)`, the position of those ids (a scalar, from 0) and the
    state; it returns logits `(R, V)` and the next state. R is B W: the W
    hypotheses of a row are neighbours. If the task has a `source_mask`, a
    search expects a third result, the attention of each row to the source,
    float32 `(R, S)`.
    """

    def __call__(
        self, ids: tf.Tensor, position: tf.Tensor, state: State
    ) -> tuple[Any, ...]: ...


class States(Protocol):
    """The operations of a search on a state; a `Transformer` has them."""

    def widen(self, state: State, width: int) -> State:
        """Copies each row to `width` hypotheses, which are neighbours."""

    def select(self, state: State, parents: tf.Tensor) -> State:
        """Lets hypothesis w of row b continue hypothesis `parents[b, w]`."""

    def take_rows(self, state: State, rows: tf.Tensor, width: int) -> State:
        """Takes these rows, each with its `width` hypotheses."""

    def shapes(self, state: State) -> Any:
        """Returns the shapes of a state, `None` for sizes that change.

        If all sizes are known, a search keeps all rows until its end, as XLA
        needs; otherwise it drops rows that are done.
        """


class RowStates:
    """States that are nested tensors with one row for each hypothesis.

    Their shapes are the same at every step.
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

    ids: int32 `(B, W, T)`, the end token included, padded after it. T is the
        largest limit of the rows.
    lengths: int32 `(B, W)`, the number of tokens, end token included.
    scores: float32 `(B, W)`, which rank the hypotheses; with a minimum risk
        they do not rank the first ones. If a row has
        fewer than W hypotheses, its empty slots have a score of -1e9, and
        their ids and lengths mean nothing. If the model's output was NaN, all
        scores of the row are NaN, and its other fields mean nothing.
    log_probs: float32 `(B, W, T)`, the log-probability of each token, 0 after
        the end.
    attention: float32 `(B, W, T, S)`, the attention to the source of the step
        that emitted each token, 0 after the end; `None` unless asked for.
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
        log_probs: `(B, W, C)`, of the next tokens. One NaN among the logits
            of a hypothesis makes all its log-probabilities NaN.
        is_live: boolean `(B, W)`.

    Returns:
        Boolean `(B,)`.
    """
    is_nan_BW = tf.reduce_any(tf.math.is_nan(log_probs), axis=2)
    return tf.reduce_any(is_nan_BW & is_live, axis=1)


def with_nan_scores(result: SearchResult, is_nan: tf.Tensor) -> SearchResult:
    """Returns the result, with NaN scores for the rows `is_nan` (B,) marks."""
    scores = tf.where(is_nan[:, None], np.nan, result.scores)
    return result._replace(scores=scores)


def check_count(name: str, count: int) -> None:
    """Raises ValueError unless `count` is a whole number above 0."""
    if int(count) != count or count < 1:
        raise ValueError(
            f"`{name}` must be at least 1, and whole. Received: {count}. Give "
            "the number of hypotheses of each row."
        )


def largest_limit(max_lengths: tf.Tensor) -> int | tf.Tensor:
    """Returns the largest limit, an int if it is known, at least 0."""
    known = tf.get_static_value(max_lengths)
    if known is not None:
        return int(max(known.max(initial=0), 0))
    return tf.maximum(tf.reduce_max(max_lengths), 0)


def limits_per_row(
    lengths: TensorLike, batch_size: int | tf.Tensor, name: str = "max_lengths"
) -> tf.Tensor:
    """Broadcasts a limit, scalar or `(B,)`, to one limit for each row.

    Args:
        lengths: the limit.
        batch_size: B.
        name: the name of the limit, for messages.

    Raises:
        ValueError: the number of limits is not B, where both are known; a
            limit or the batch size is below 0.
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
        # It stays a constant, which `tf.get_static_value` can read in a graph.
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
    """Returns float32 logits, state, and attention or `None` of a `StepFn`."""
    outputs = step(ids, position, state)
    if len(outputs) != 2 + return_attention:
        raise ValueError(
            "A step returns logits and state, and its attention too where the "
            f"search has a `source_mask`. Received: {len(outputs)} results. "
            f"Expected {2 + return_attention}."
        )
    logits, state, attention = (*outputs, None)[:3]
    return tf.cast(logits, tf.float32), state, attention
