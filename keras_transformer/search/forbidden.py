"""Finds forbidden next tokens, and masks their logits.

B batch   W hypotheses per row   V vocabulary_size   T target length

In a shape, `B W` is one size, B times W.
"""

from collections.abc import Iterable

import tensorflow as tf

from keras_transformer.search import contract


def without(
    logits: tf.Tensor,
    banned: Iterable[int],
    end_id: int,
    is_too_short: tf.Tensor,
    width: int,
) -> tf.Tensor:
    """Gives forbidden tokens the logit `NEVER`, so their probability is 0.

    Args:
        logits: float32 `(B W, V)`.
        banned: ids that are never allowed.
        end_id: the end token, which is forbidden where `is_too_short` is True.
        is_too_short: boolean `(B,)`, True for a row whose hypotheses have too
            few tokens to end now.
        width: W.
    """
    size = tf.shape(logits)[1]
    is_end = tf.range(size) == end_id
    is_banned = tf.zeros_like(is_end)
    for token in banned:
        is_banned |= tf.range(size) == token
    is_too_short = tf.repeat(is_too_short, width)[:, None]
    is_forbidden = is_banned | (is_end & is_too_short)
    return tf.where(is_forbidden, contract.NEVER, logits)


def repeats(
    ids: tf.Tensor,
    position: tf.Tensor,
    size: int,
    vocabulary_size: int | tf.Tensor,
) -> tf.Tensor:
    """Returns which tokens would repeat an n-gram, boolean `(B W, V)`.

    Args:
        ids: int32 `(B, W, T)`, of which only the tokens before `position` are
            read.
        position: scalar.
        size: n, the number of tokens of an n-gram.
        vocabulary_size: V.
    """
    ids = tf.reshape(ids, [-1, tf.shape(ids)[2]])
    length = tf.shape(ids)[1]
    starts = tf.range(length)
    # `is_same` (B W, T) says for each index whether the n - 1 tokens from this
    # index on equal the n - 1 tokens just before `position`.
    is_same = tf.ones_like(ids, tf.bool)
    for i in range(size - 1):
        earlier = tf.gather(ids, tf.minimum(starts + i, length - 1), axis=1)
        last = position - (size - 1) + i
        recent = tf.gather(ids, tf.clip_by_value(last, 0, length - 1), axis=1)
        is_same &= earlier == recent[:, None]
    ends = starts + size - 1
    # Only n-grams that end before `position` can be repeated. If there are
    # fewer than n - 1 tokens before `position`, no n-gram is repeated.
    is_same &= (ends < position) & (position >= size - 1)
    tokens = tf.gather(ids, tf.minimum(ends, length - 1), axis=1)
    # `tf.scatter_nd` needs ids in the vocabulary, but padding may be -1. So 0
    # replaces each token where `is_same` is False. Such a token adds 0 to the
    # count of id 0.
    tokens = tf.where(is_same, tokens, 0)
    rows = tf.range(tf.shape(ids)[0])[:, None]
    indices = tf.stack([tf.broadcast_to(rows, tf.shape(ids)), tokens], axis=-1)
    counts = tf.scatter_nd(
        indices,
        tf.cast(is_same, tf.int32),
        [tf.shape(ids)[0], vocabulary_size],
    )
    return counts > 0
