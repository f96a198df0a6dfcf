"""Sorts hypotheses by their Bayes risk; the lowest risk comes first.

This is the method of Kumar and Byrne (2004). It assumes that one hypothesis is
the right translation, and computes the probability of each hypothesis from the
model's log-probabilities of its tokens. The loss of a hypothesis is 1 minus its
sentence BLEU against the right translation, and its risk is the expected loss.
So a hypothesis that resembles the others has a low risk. If the most probable
hypothesis resembles no other, another hypothesis may have a lower risk.

B batch   W hypotheses of a row   T target length
"""

import tensorflow as tf

from keras_transformer.search import contract

_MOST_TOKENS = 4
# The logit of a hypothesis is its mean log-probability per token, times this
# number. With log-probabilities of whole hypotheses as logits, the best one
# would have nearly all probability. See `docs/search.md`.
_SHARPNESS = 4.0
# `_ngrams` gives this integer to n-grams that go beyond the end of their
# hypothesis.
_NONE = tf.int64.max


def by_expected_bleu(
    result: contract.SearchResult, count: int, end_id: int
) -> contract.SearchResult:
    """Sorts the first hypotheses of each row by their expected BLEU.

    The highest expected BLEU comes first. Each score stays with its hypothesis,
    so scores may no longer be sorted.

    Args:
        result: hypotheses, best first.
        count: how many hypotheses of each row are compared and sorted. All
            other hypotheses come after these, in the order of `result`.
        end_id: the id of the end token, which BLEU does not count.

    Example:

    >>> ids = [[[5, 6, 7, 2], [8, 9, 7, 2], [8, 9, 6, 2]]]
    >>> result = contract.SearchResult(
    ...     tf.constant(ids), tf.constant([[4, 4, 4]]),
    ...     tf.constant([[-1.0, -1.1, -1.2]]),
    ...     tf.fill([1, 3, 4], -0.3))
    >>> by_expected_bleu(result, 3, end_id=2).ids[0, 0].numpy().tolist()
    [8, 9, 7, 2]
    """
    compared = contract.first_hypotheses(result, count)
    columns = tf.range(tf.shape(compared.ids)[2])
    is_token = columns < compared.lengths[:, :, None]
    is_token &= compared.ids != end_id
    bleu = pairwise_bleu(compared.ids, is_token)
    is_there = compared.scores > contract.NEVER
    probabilities = _probabilities(compared, is_there)
    expected = tf.linalg.matvec(bleu, probabilities)
    # Empty slots stay last. If expected BLEU is equal, the order stays.
    order = tf.argsort(
        tf.where(is_there, expected, -1.0),
        axis=1,
        direction="DESCENDING",
        stable=True,
    )
    return contract.SearchResult(
        *(
            None
            if field is None
            else tf.concat(
                [
                    tf.gather(field[:, :count], order, batch_dims=1),
                    field[:, count:],
                ],
                1,
            )
            for field in result
        )
    )


def pairwise_bleu(ids: tf.Tensor, is_token: tf.Tensor) -> tf.Tensor:
    """Returns the BLEU of each hypothesis against each hypothesis of its row.

    N-grams have 1 to 4 tokens. For 2 to 4 tokens, 1 is added to the number of
    matches and to the number of n-grams (Lin and Och 2004). So BLEU is 0 only
    if no single token matches.

    Args:
        ids: integers `(B, W, T)`.
        is_token: boolean `(B, W, T)`, which ids BLEU counts: neither end tokens
            nor padding. The counted ids come first in a hypothesis.

    Returns:
        Float32 `(B, W, W)`; axis 1 is the hypothesis, axis 2 the reference.
    """
    lengths = tf.reduce_sum(tf.cast(is_token, tf.float32), axis=2)
    log_precision = 0.0
    for n, grams in enumerate(_ngrams(ids, is_token), start=1):
        matches = _matches(grams)
        total = tf.maximum(lengths - (n - 1), 0)[:, :, None]
        added = 0.0 if n == 1 else 1.0
        precision = tf.math.divide_no_nan(matches + added, total + added)
        log_precision += tf.math.log(precision) / _MOST_TOKENS
    shorter = tf.math.divide_no_nan(lengths[:, None, :], lengths[:, :, None])
    brevity = tf.minimum(1 - shorter, 0.0)
    return tf.exp(log_precision + brevity)


def _probabilities(result, is_there):
    lengths = tf.cast(tf.maximum(result.lengths, 1), tf.float32)
    means = tf.reduce_sum(result.log_probs, axis=2) / lengths
    return tf.nn.softmax(tf.where(is_there, _SHARPNESS * means, contract.NEVER))


def _ngrams(ids, is_token):
    """Yields a tensor for each n from 1 to 4: an integer for each n-gram.

    Each tensor is int64 `(B, W, T)`. The integer at a position stands for the
    n-gram that begins at this position. The integer is `_NONE` if the n-gram
    goes beyond the end of the hypothesis.
    """
    tokens = tf.cast(ids, tf.int64)
    # The base is larger than every id, so different n-grams of the same length
    # have different integers.
    base = tf.reduce_max(tokens) + 1
    numbers, are_there = tokens, is_token
    for n in range(1, _MOST_TOKENS + 1):
        if n > 1:
            following = _shifted(tokens, n - 1)
            numbers = _ranks(numbers) * base + following
            are_there &= _shifted(is_token, n - 1)
        yield tf.where(are_there, numbers, _NONE)


def _ranks(numbers):
    """Replaces each integer by its rank among the integers of its row.

    Equal integers have equal ranks. A rank is less than W T. The product of a
    rank and a vocabulary size fits into 63 bits, but a product of four
    vocabulary sizes may not.

    Args:
        numbers: int64 `(B, W, T)`.
    """
    of_rows = tf.reshape(
        numbers, [tf.shape(numbers)[0], tf.reduce_prod(tf.shape(numbers)[1:])]
    )
    ranks = tf.searchsorted(
        tf.sort(of_rows, axis=1), of_rows, out_type=tf.int64
    )
    return tf.reshape(ranks, tf.shape(numbers))


def _shifted(x, count):
    """Shifts axis T to the left by `count`, and fills it up with zeros."""
    return tf.pad(x[:, :, count:], [[0, 0], [0, 0], [0, count]])[
        :, :, : tf.shape(x)[2]
    ]


def _matches(grams):
    """Counts the n-grams that each two hypotheses of a row share, (B, W, W).

    Axis 1 is the hypothesis, axis 2 the reference. An n-gram that a reference
    has k times matches at most k times.

    Args:
        grams: a tensor that `_ngrams` yields, int64 `(B, W, T)`.
    """
    grams = tf.sort(grams, axis=2)
    width, length = tf.shape(grams)[1], tf.shape(grams)[2]
    # Equal integers are adjacent now. `index` is 0 for the first of several
    # equal integers, 1 for the second, and so on.
    index = tf.range(length) - tf.searchsorted(grams, grams)
    of_hypotheses = tf.repeat(grams[:, :, None], width, axis=2)
    of_references = tf.repeat(grams[:, None], width, axis=1)
    count = tf.searchsorted(
        of_references, of_hypotheses, side="right"
    ) - tf.searchsorted(of_references, of_hypotheses)
    is_match = (index[:, :, None] < count) & (of_hypotheses != _NONE)
    return tf.reduce_sum(tf.cast(is_match, tf.float32), axis=3)
