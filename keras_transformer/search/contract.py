"""What a search is given and what it gives back; it knows no model.

B batch   W hypotheses per row   T target length   V vocabulary_size
S source length
"""

from typing import Any, NamedTuple, Protocol

import numpy as np
import tensorflow as tf

# Less than any log-probability, and finite: it is divided and compared.
NEVER = -1e9


class StepFn(Protocol):
    """One step of a model: scores the token that follows `ids`.

    Called with ids `(R,)`, the position of those ids (a scalar, from 0) and
    the state; returns logits `(R, V)` and the next state. R is B W: the W
    hypotheses of a row stand side by side. Given `source_mask`, a search
    expects a third result, where each row looked in the source, float32
    `(R, S)`.
    """

    def __call__(
        self, ids: tf.Tensor, position: tf.Tensor, state: Any
    ) -> tuple[tf.Tensor, ...]: ...


class States(Protocol):
    """How a state follows its hypotheses, as `Transformer` knows of its own."""

    def widen(self, state: Any, width: int) -> Any:
        """Makes `width` hypotheses of each row, side by side."""

    def select(self, state: Any, parents: tf.Tensor) -> Any:
        """Lets hypothesis w of row b continue hypothesis `parents[b, w]`."""

    def take_rows(self, state: Any, rows: tf.Tensor, width: int) -> Any:
        """Keeps these rows, of `width` hypotheses each."""

    def shapes(self, state: Any) -> Any:
        """Shapes that hold at every step, `None` for what varies.

        Where all are known, a search keeps all rows to its end, as XLA needs;
        otherwise it drops rows that are done.
        """


class RowStates:
    """States of any nested structure of tensors with a row a hypothesis.

    Their shapes stay the same from step to step.
    """

    def widen(self, state, width):
        return tf.nest.map_structure(
            lambda x: tf.repeat(x, width, axis=0), state
        )

    def select(self, state, parents):
        width = parents.shape[1]
        rows = tf.range(tf.shape(parents)[0])[:, None] * width + parents
        gathered = _gather(state, rows)
        # As many rows as before, which XLA wants to know.
        tf.nest.map_structure(
            lambda x, before: x.set_shape(before.shape), gathered, state
        )
        return gathered

    def take_rows(self, state, rows, width):
        return _gather(state, rows[:, None] * width + tf.range(width))

    def shapes(self, state):
        return tf.nest.map_structure(lambda x: tuple(x.shape), state)


ROW_STATES = RowStates()


def _gather(state, rows):
    return tf.nest.map_structure(
        lambda x: tf.gather(x, tf.reshape(rows, [-1])), state
    )


class SearchResult(NamedTuple):
    """Hypotheses of each row, best first.

    ids: int32 `(B, W, T)`, the end token included, padded after it. T is the
        largest of the rows' limits.
    lengths: int32 `(B, W)`, tokens with the end token.
    scores: float32 `(B, W)`, what hypotheses are ranked by. Where a row has
        fewer than W hypotheses, the places left have a score of -1e9, and
        their ids and lengths mean nothing. Where the model's output was not a
        number, all scores of the row are NaN, and nothing else means anything.
    log_probs: float32 `(B, W, T)`, the log-probability of each token, 0 after
        the end.
    attention: float32 `(B, W, T, S)`, where the step that emitted a token
        looked in the source, 0 after the end; `None` unless asked for.
    """

    ids: tf.Tensor
    lengths: tf.Tensor
    scores: tf.Tensor
    log_probs: tf.Tensor
    attention: tf.Tensor | None = None


def is_nan(log_probs, is_alive):
    """Tells in which rows a living hypothesis has no numbers to go on with.

    Args:
        log_probs: `(B, W, C)`, of the next tokens; all are NaN where one of
            the logits is.
        is_alive: boolean `(B, W)`.

    Returns:
        Boolean `(B,)`.
    """
    is_nan_BW = tf.reduce_any(tf.math.is_nan(log_probs), axis=2)
    return tf.reduce_any(is_nan_BW & is_alive, axis=1)


def with_nan(result: SearchResult, is_nan) -> SearchResult:
    """The result with a score of NaN for rows `(B,)` without numbers."""
    scores = tf.where(is_nan[:, None], np.nan, result.scores)
    return result._replace(scores=scores)


def check_count(name: str, count: int) -> None:
    """Raises ValueError unless a number of hypotheses is one."""
    if int(count) != count or count < 1:
        raise ValueError(
            f"`{name}` must be at least 1, and whole. Received: {count}. Give "
            "how many hypotheses of each row there shall be."
        )


def largest_limit(max_lengths):
    """The most steps of any row, an int where it is known, at least 0."""
    known = tf.get_static_value(max_lengths)
    if known is not None:
        return int(max(known.max(initial=0), 0))
    return tf.maximum(tf.reduce_max(max_lengths), 0)


def limits_per_row(lengths, batch_size, name="max_lengths"):
    """Broadcasts a limit, scalar or `(B,)`, to one for each row.

    Args:
        lengths: the limit.
        batch_size: B.
        name: of the limit, for messages.

    Raises:
        ValueError: limits of another number of rows, where both are known; a
            limit, or a number of rows, below 0.
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
        # A constant in graphs too, where TensorFlow sees through few others.
        return tf.constant(np.broadcast_to(known[0], [int(known[1])]))
    except ValueError as error:
        raise ValueError(
            "Limits are one for all rows, or one for each. Received: shape "
            f"{known[0].shape} for a batch of {known[1]}. Expected () or "
            f"({known[1]},)."
        ) from error


def call_step(step, ids, position, state, return_attention):
    """Calls a `StepFn`: logits in float32, state, attention or `None`."""
    answer = step(ids, position, state)
    if len(answer) != 2 + return_attention:
        raise ValueError(
            "A step returns logits and state, and its attention too where the "
            f"search has a `source_mask`. Received: {len(answer)} results. "
            f"Expected {2 + return_attention}."
        )
    logits, state, attention = (*answer, None)[:3]
    return tf.cast(logits, tf.float32), state, attention
