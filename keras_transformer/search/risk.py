"""Minimum Bayes risk: the hypothesis that agrees best with the others.

Kumar and Byrne 2004. The most probable translation may be an odd one. Its risk
is the expected loss, if the right translation is one of the hypotheses, each
with the probability that the model gives it. The loss is that of sentence BLEU.

B batch   W hypotheses of a row   T target length
"""

import tensorflow as tf

from keras_transformer.search import contract

_MOST_TOKENS = 4
# Probabilities are those of the mean log-probability of a token, times this.
# With the probabilities of whole hypotheses, few would be compared with the
# best one. `docs/search.md` has what it gave.
_SHARPNESS = 4.0
# The number of an n-gram with tokens that are not there.
_NONE = tf.int64.max


def by_expected_bleu(
    result: contract.SearchResult, count: int, end_id: int
) -> contract.SearchResult:
    """Sorts the first hypotheses of each row by their expected BLEU.

    Scores stay with their hypotheses. So they are no longer in order.

    Args:
        result: hypotheses, best first.
        count: how many of each row are compared, and sorted.
        end_id: the end token, which counts for nothing.

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
    # Empty slots stay last. Equal ones stay in the order of their scores.
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
    """Returns BLEU of each hypothesis, with each other as the reference.

    N-grams of up to 4 tokens; those of 2 to 4 count one more, matched and in
    all, so that few tokens do not make BLEU 0 (Lin and Och 2004).

    Args:
        ids: integers `(B, W, T)`.
        is_token: boolean `(B, W, T)`, which of them are tokens; the first ones.

    Returns:
        Float32 `(B, W, W)`; rows are hypotheses, columns references.
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
    """Yields numbers (B, W, T) of the n-grams that begin at each position."""
    tokens = tf.cast(ids, tf.int64)
    # Numbers of different n-grams differ, unless they overflow.
    base = tf.reduce_max(tokens) + 1
    numbers, are_there = tokens, is_token
    for n in range(1, _MOST_TOKENS + 1):
        if n > 1:
            following = _shifted(tokens, n - 1)
            numbers = numbers * base + following
            are_there &= _shifted(is_token, n - 1)
        yield tf.where(are_there, numbers, _NONE)


def _shifted(x, count):
    """Moves T to the left, and fills it up with zeros."""
    return tf.pad(x[:, :, count:], [[0, 0], [0, 0], [0, count]])[
        :, :, : tf.shape(x)[2]
    ]


def _matches(grams):
    """Returns how many n-grams of W are in W too, float32 (B, W, W).

    Args:
        grams: the numbers of n-grams, int64 `(B, W, T)`. One that a hypothesis
            has k times has at most k matches.
    """
    grams = tf.sort(grams, axis=2)
    width, length = tf.shape(grams)[1], tf.shape(grams)[2]
    # Equal ones are neighbours now. This is the index among the equal ones.
    index = tf.range(length) - tf.searchsorted(grams, grams)
    of_hypotheses = tf.repeat(grams[:, :, None], width, axis=2)
    of_references = tf.repeat(grams[:, None], width, axis=1)
    count = tf.searchsorted(
        of_references, of_hypotheses, side="right"
    ) - tf.searchsorted(of_references, of_hypotheses)
    is_match = (index[:, :, None] < count) & (of_hypotheses != _NONE)
    return tf.reduce_sum(tf.cast(is_match, tf.float32), axis=3)
