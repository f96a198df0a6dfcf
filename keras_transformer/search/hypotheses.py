"""The hypotheses of a beam: extended, ranked, merged.

B batch   W hypotheses of a row   T target length   S source length
C candidates
"""

from typing import NamedTuple

import tensorflow as tf

from keras_transformer.search import contract

_NEVER = contract.NEVER


class Hypotheses(NamedTuple):
    """W hypotheses of each row, best first; NEVER marks an empty slot."""

    ids: tf.Tensor  # (B, W, T), padded
    lengths: tf.Tensor  # (B, W)
    scores: tf.Tensor  # (B, W)
    log_probs: tf.Tensor  # (B, W, T), of each token
    attention: tuple  # of one (B, W, T, S), or of none


def extend(alive, choices, attention, position, beam_size):
    """The 2 W best one-token extensions of each row, and their parents."""
    totals_BWC = alive.scores[:, :, None] + choices.log_probs
    count = size(totals_BWC, 2)
    flat = [-1, beam_size * count]
    # Where V is known the comparison is one of ints.
    least = min if isinstance(count, int) else tf.minimum
    scores, best = tf.math.top_k(
        tf.reshape(totals_BWC, flat), least(2 * beam_size, flat[1])
    )
    parents = best // count
    ids, log_probs = (
        tf.gather(tf.reshape(x, flat), best, batch_dims=1) for x in choices
    )
    # What extends no hypothesis, or is forbidden, must not creep above NEVER.
    scores = tf.where(scores > _NEVER / 2, scores, _NEVER)
    is_now = tf.range(size(alive.ids, 2)) == position

    def write(before, now):
        past = tf.gather(before, parents, batch_dims=1)
        is_now_T = tf.reshape(is_now, [-1] + [1] * (past.shape.rank - 3))
        return tf.where(is_now_T, now[:, :, None], past)

    extended = Hypotheses(
        write(alive.ids, ids),
        tf.fill(tf.shape(scores), position + 1),
        scores,
        write(alive.log_probs, log_probs),
        tuple(
            write(
                before,
                tf.gather(
                    tf.reshape(attention, tf.shape(before[:, :, 0])),
                    parents,
                    batch_dims=1,
                ),
            )
            for before in alive.attention
        ),
    )
    return extended, parents


def size(tensor, axis):
    """A size of a tensor, an int where it is known."""
    return tensor.shape[axis] or tf.shape(tensor)[axis]


def best(candidates, count):
    """The `count` best of each row, and where they were."""
    _, chosen = tf.math.top_k(candidates.scores, count)
    kept = tf.nest.map_structure(
        lambda x: tf.gather(x, chosen, batch_dims=1), candidates
    )
    return kept, chosen


def merge(first, second, count):
    """The `count` best of both; of equals, those of `first`."""
    both = tf.nest.map_structure(lambda *x: tf.concat(x, axis=1), first, second)
    return best(both, count)[0]


def fill_up(finished, unfinished):
    """Puts the best unfinished after the last finished of each row."""
    unfinished, _ = best(unfinished, unfinished.scores.shape[1])
    is_finished = finished.scores > _NEVER
    count = tf.reduce_sum(tf.cast(is_finished, tf.int32), 1, keepdims=True)
    place = tf.range(tf.shape(is_finished)[1])[None] - count
    moved = tf.nest.map_structure(
        lambda x: tf.gather(x, tf.maximum(place, 0), batch_dims=1), unfinished
    )
    return where(is_finished, finished, moved)


def where(condition, first, second):
    """tf.where on every tensor, the condition on its leading axes."""

    def choose(a, b):
        missing = [1] * (a.shape.rank - condition.shape.rank)
        shape = tf.concat([tf.shape(condition), missing], 0)
        return tf.where(tf.reshape(condition, shape), a, b)

    return tf.nest.map_structure(choose, first, second)
