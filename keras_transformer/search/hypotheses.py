"""Extends, ranks and merges the hypotheses of a beam search.

B batch   W hypotheses of a row   T target length   S source length
C candidates of a hypothesis, not of a row
"""

from typing import NamedTuple

import tensorflow as tf

from keras_transformer.search import constraints, contract

_NEVER = contract.NEVER


class Hypotheses(NamedTuple):
    """W or 2 W hypotheses of each row.

    A slot is room for one hypothesis of a row. An empty slot has the score
    `contract.NEVER`.
    """

    ids: tf.Tensor  # (B, W, T), padded
    lengths: tf.Tensor  # (B, W)
    scores: tf.Tensor  # (B, W)
    log_probs: tf.Tensor  # (B, W, T), of each token
    attention: tuple[tf.Tensor, ...]  # one tensor (B, W, T, S), or none


def extend(
    live: Hypotheses,
    choices: constraints.Candidates,
    attention: tf.Tensor | None,
    position: tf.Tensor,
    beam_size: int,
) -> tuple[Hypotheses, tf.Tensor]:
    """Returns the 2 W best one-token extensions of each row, best first.

    Args:
        live: the W hypotheses to extend.
        choices: C candidates for the next token of each hypothesis.
        attention: the attention of this step, `(B W, S)`. It may be `None` if
            `live` has no attention.
        position: scalar, the index of the new token.
        beam_size: W.

    Returns:
        `Hypotheses`, 2 W of each row, or W C if W C is smaller; and for each
        extension the index of the hypothesis that it extends, int32 `(B, 2 W)`.
    """
    totals_BWC = live.scores[:, :, None] + choices.log_probs
    count = size(totals_BWC, 2)
    flat = [-1, beam_size * count]
    # If C is known, Python's `min` adds no operation to the graph.
    minimum = min if isinstance(count, int) else tf.minimum
    scores, best = tf.math.top_k(
        tf.reshape(totals_BWC, flat), minimum(2 * beam_size, flat[1])
    )
    parents = best // count
    ids, log_probs = (
        tf.gather(tf.reshape(x, flat), best, batch_dims=1) for x in choices
    )
    # Sums that contain NEVER or NaN become NEVER, the score of an empty slot.
    scores = tf.where(scores > _NEVER / 2, scores, _NEVER)
    is_now = tf.range(size(live.ids, 2)) == position

    def write(before, now):
        past = tf.gather(before, parents, batch_dims=1)
        is_now_T = tf.reshape(is_now, [-1] + [1] * (past.shape.rank - 3))
        return tf.where(is_now_T, now[:, :, None], past)

    extended = Hypotheses(
        write(live.ids, ids),
        tf.fill(tf.shape(scores), position + 1),
        scores,
        write(live.log_probs, log_probs),
        tuple(
            write(
                before,
                tf.gather(
                    tf.reshape(attention, tf.shape(before[:, :, 0])),
                    parents,
                    batch_dims=1,
                ),
            )
            for before in live.attention
        ),
    )
    return extended, parents


def size(tensor: tf.Tensor, axis: int) -> int | tf.Tensor:
    """Returns the size of an axis; a tensor if the size is unknown or 0."""
    return tensor.shape[axis] or tf.shape(tensor)[axis]


def best(candidates: Hypotheses, count: int) -> tuple[Hypotheses, tf.Tensor]:
    """Returns the `count` best hypotheses of each row, best first.

    The second result has the indices of these hypotheses, int32 `(B, count)`.
    """
    _, chosen = tf.math.top_k(candidates.scores, count)
    taken = tf.nest.map_structure(
        lambda x: tf.gather(x, chosen, batch_dims=1), candidates
    )
    return taken, chosen


def merge(first: Hypotheses, second: Hypotheses, count: int) -> Hypotheses:
    """Returns the `count` best hypotheses of both sets, for each row.

    The best hypothesis is first. If scores are equal, hypotheses of `first`
    come before those of `second`.
    """
    both = tf.nest.map_structure(lambda *x: tf.concat(x, axis=1), first, second)
    return best(both, count)[0]


def fill_up(finished: Hypotheses, unfinished: Hypotheses) -> Hypotheses:
    """Fills the empty slots of a row with the row's best unfinished hypotheses.

    Args:
        finished: W slots, empty ones last.
        unfinished: W slots, in any order.
    """
    unfinished, _ = best(unfinished, unfinished.scores.shape[1])
    is_finished = finished.scores > _NEVER  # (B, W)
    count = tf.reduce_sum(tf.cast(is_finished, tf.int32), 1, keepdims=True)
    # The first empty slot gets the best unfinished hypothesis.
    rank = tf.range(tf.shape(is_finished)[1])[None] - count
    moved = tf.nest.map_structure(
        lambda x: tf.gather(x, tf.maximum(rank, 0), batch_dims=1), unfinished
    )
    return where(is_finished, finished, moved)


def where(
    condition: tf.Tensor, first: Hypotheses, second: Hypotheses
) -> Hypotheses:
    """Applies tf.where to every tensor; `condition` is (B,) or (B, W)."""

    def choose(a, b):
        missing = [1] * (a.shape.rank - condition.shape.rank)
        shape = tf.concat([tf.shape(condition), missing], 0)
        return tf.where(tf.reshape(condition, shape), a, b)

    return tf.nest.map_structure(choose, first, second)
