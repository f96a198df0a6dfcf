"""What a search is given and what it gives back; it knows no model.

B batch   W hypotheses per row   T target length   V vocabulary_size
"""

from typing import Any, NamedTuple, Protocol

import tensorflow as tf


class StepFn(Protocol):
    """One step of a model: scores the token that follows `ids`.

    Called with ids `(B,)`, the position of those ids (a scalar, from 0) and
    the state; returns logits `(B, V)` and the next state. The state is any
    nested structure of tensors with the batch axis first; its shapes stay
    the same from step to step.
    """

    def __call__(
        self, ids: tf.Tensor, position: tf.Tensor, state: Any
    ) -> tuple[tf.Tensor, Any]: ...


class SearchResult(NamedTuple):
    """Hypotheses of each row, best first.

    ids: int32 `(B, W, T)`, the end token included, padded after it.
    lengths: int32 `(B, W)`, tokens with the end token.
    scores: float32 `(B, W)`, log-probability over the length penalty. Where a
        row has fewer than W hypotheses, the places left have a score of -1e9,
        and their ids and lengths mean nothing.
    """

    ids: tf.Tensor
    lengths: tf.Tensor
    scores: tf.Tensor


def log_softmax(logits: tf.Tensor) -> tf.Tensor:
    """Log-probabilities in float32, whatever the logits are."""
    return tf.nn.log_softmax(tf.cast(logits, tf.float32))


def limits_per_row(max_lengths, batch_size):
    """Broadcasts a limit, scalar or `(B,)`, to one for each row."""
    return tf.broadcast_to(tf.cast(max_lengths, tf.int32), [batch_size])
