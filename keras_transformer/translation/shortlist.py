"""The likely target tokens of a source, learned from sentence pairs.

B batch   S source length   V vocabulary_size of the target

V_source is the size of the vocabulary of the sources.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

# A couple is a source token and a target token of one pair of sentences. The
# data of this number of couples fit into about 1 GB. If a corpus has more
# couples, only every second sentence pair is read, or every third, and so on.
_MOST_COUPLES = 20_000_000
_ITERATIONS = 5


class Shortlist(NamedTuple):
    """The target tokens that may occur in the translation of a source.

    The translation of a row may have the frequent tokens, and the likely tokens
    of each of its source tokens. A source token is unknown if it is in no pair
    that `learn` has read, and not in the argument `known` of `learn`. If one of
    the source tokens is unknown, the translation may have all tokens.

    is_frequent: boolean `(V,)`, which target tokens all rows may have: the most
        frequent tokens, and the argument `always` of `learn`.
    likely: int32 `(V_source, likely)`, the likely target tokens of each source
        token; `likely` is an argument of `learn`. If a source token has fewer
        likely tokens, the likeliest one is repeated. If it has no likely token,
        a frequent token is repeated.
    is_known: boolean `(V_source,)`, which source tokens are known.

    Example:

    >>> shortlist = learn([[5, 6], [5]], [[7], [8]], 8, 9, always=[0, 1, 2],
    ...     known=[0, 2], frequent=0, likely=1)
    >>> tf.where(shortlist.allowed([[5, 2]])[0])[:, 0].numpy().tolist()
    [0, 1, 2, 8]
    """

    is_frequent: np.ndarray
    likely: np.ndarray
    is_known: np.ndarray

    def allowed(self, source_ids: Any) -> tf.Tensor:
        """Returns which tokens each row may have, boolean `(B, V)`.

        Args:
            source_ids: integers `(B, S)`, padded. If `is_known` is False for
                the padding id, rows with padding may have all tokens.
        """
        source_ids = tf.convert_to_tensor(source_ids)
        rows, size = tf.shape(source_ids)[0], len(self.is_frequent)
        ids = tf.reshape(tf.gather(self.likely, source_ids), [rows, -1])
        row = tf.broadcast_to(tf.range(rows)[:, None], tf.shape(ids))
        is_likely = tf.tensor_scatter_nd_update(
            tf.zeros([rows, size], tf.bool),
            tf.stack([row, ids], axis=-1),
            tf.ones_like(ids, tf.bool),
        )
        has_unknown = tf.reduce_any(
            ~tf.gather(self.is_known, source_ids), axis=1, keepdims=True
        )
        return is_likely | self.is_frequent | has_unknown


def learn(
    sources: Sequence[Any],
    targets: Sequence[Any],
    source_vocabulary_size: int,
    vocabulary_size: int,
    always: Sequence[int],
    known: Sequence[int],
    frequent: int = 2000,
    likely: int = 20,
) -> Shortlist:
    """Learns a shortlist from the ids of sentence pairs.

    The likely target tokens of a source token have the largest translation
    probabilities of IBM model 1 (Brown et al. 1993). If the corpus is very
    large, these probabilities are computed from only a part of the pairs. Then
    source tokens that are only in other pairs are unknown.

    Args:
        sources: the source ids `(S,)` of each pair, without special ids. Pairs
            with an empty side are left out.
        targets: the target ids `(T,)` of each pair, without special ids.
        source_vocabulary_size: V_source.
        vocabulary_size: V.
        always: tokens that every row may have, such as special ids.
        known: source tokens that are known although they are in no pair: the
            special ids of the source, padding included.
        frequent: how many of the most frequent target tokens every row may
            have; some of them may be in `always` too.
        likely: the number of likely tokens of each source token.

    Raises:
        ValueError: no pair has tokens on both sides, the numbers of sources
            and targets differ, `likely` is below 1, or `frequent` is below 0.
    """
    if likely < 1 or frequent < 0:
        raise ValueError(
            "`likely` must be at least 1, and `frequent` at least 0. "
            f"Received: likely={likely}, frequent={frequent}."
        )
    pairs = _pairs_with_tokens(sources, targets)
    counts = np.bincount(
        np.concatenate([target for _, target in pairs]),
        minlength=vocabulary_size,
    )
    is_frequent = np.zeros(vocabulary_size, bool)
    is_frequent[list(always)] = True
    first = np.argsort(-counts, kind="stable")[:frequent]
    is_frequent[first[counts[first] > 0]] = True
    source, target, probability = _translation_probabilities(
        pairs, vocabulary_size
    )
    # `_fill` keeps this frequent token for source tokens that are in no couple.
    table = np.full(
        (source_vocabulary_size, likely), np.argmax(is_frequent), np.int32
    )
    _fill(table, source, target, probability)
    is_known = np.zeros(source_vocabulary_size, bool)
    is_known[source] = True
    is_known[list(known)] = True
    return Shortlist(is_frequent, table, is_known)


def _pairs_with_tokens(sources, targets):
    """Returns the pairs that have tokens on both sides."""
    if len(sources) != len(targets):
        raise ValueError(
            "A shortlist is learned from sentence pairs. Received: "
            f"{len(sources)} sources and {len(targets)} targets. Give as many "
            "of each."
        )
    pairs = [
        pair
        for pair in zip(sources, targets, strict=True)
        if all(len(ids) for ids in pair)
    ]
    if not pairs:
        raise ValueError(
            "A shortlist is learned from sentence pairs. Received: "
            f"{len(sources)} pairs, all with an empty side or none. Give at "
            "least one pair that has tokens on both sides."
        )
    return pairs


def _fill(table, source, target, probability):
    """Writes the most likely target tokens of each source token into `table`.

    The table has one row for each source token.
    """
    order = np.lexsort((-probability, source))
    source, target = source[order], target[order]
    rank = np.arange(len(source)) - np.searchsorted(source, source)
    is_first, is_kept = rank == 0, rank < table.shape[1]
    table[source[is_first]] = target[is_first][:, None]
    table[source[is_kept], rank[is_kept]] = target[is_kept]


def _translation_probabilities(pairs, vocabulary_size):
    """Returns p(target | source) for couples of tokens.

    A couple is a source token and a target token of one sentence pair. If there
    are more than `_MOST_COUPLES` couples, a part of the sentence pairs is read.

    Returns:
        Three vectors with one element for each different couple: the source
        tokens, the target tokens, and the probabilities.
    """
    pairs = [tuple(map(np.unique, pair)) for pair in pairs]
    couples = sum(len(source) * len(target) for source, target in pairs)
    pairs = pairs[:: -(-couples // _MOST_COUPLES)]
    # Each target token of a pair forms a couple with each source token of the
    # pair. `sizes` has the number of couples of each target token of each pair.
    sizes = np.concatenate([np.full(len(t), len(s)) for s, t in pairs])
    keys = np.concatenate(
        [
            (source[None] * np.int64(vocabulary_size) + target[:, None]).ravel()
            for source, target in pairs
        ]
    )
    starts = np.cumsum(sizes) - sizes
    keys, couple = np.unique(keys, return_inverse=True)
    source, target = np.divmod(keys, vocabulary_size)
    probability = np.ones(len(keys))
    for _ in range(_ITERATIONS):
        share = probability[couple]
        share /= np.repeat(np.add.reduceat(share, starts), sizes)
        count = np.bincount(couple, share)
        probability = count / np.bincount(source, count)[source]
    return source, target, probability
