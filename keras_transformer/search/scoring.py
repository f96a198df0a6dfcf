"""Scores existing targets as a search would score them.

B batch   T target length   V vocabulary_size   S source length
"""

import tensorflow as tf

from keras_transformer.search import contract, penalties


def score_targets(
    logits: contract.TensorLike,
    target_ids: contract.TensorLike,
    *,
    pad_id: int,
    alpha: float = 0.0,
    penalty: str = "gnmt",
    coverage: float = 0.0,
    attention: contract.TensorLike | None = None,
    source_mask: contract.TensorLike | None = None,
) -> contract.SearchResult:
    """Scores targets by the logits that a model computes for them.

    All positions are scored at once. Up to rounding, a search with the same
    penalties gives the same scores, unless the search normalizes over allowed
    tokens only. One use is to rescore the n-best list of another model.

    Args:
        logits: `(B, T, V)`, the logits for each target token.
        target_ids: int32 `(B, T)`, the end token included, padded after it.
        pad_id: the id of the padding after the end.
        alpha: as for `BeamSearch`.
        penalty: as for `BeamSearch`.
        coverage: as for `BeamSearch`; needs `attention` and `source_mask`.
        attention: float32 `(B, T, S)`, of each target token to the source.
        source_mask: boolean `(B, S)`, which source tokens are real.

    Returns:
        `SearchResult` with W = 1; its attention is `None` without `attention`.

    Raises:
        ValueError: the shapes of `logits` and `target_ids` do not fit together,
            `alpha`, `penalty` or `coverage` is invalid, or `coverage` is given
            without `attention` or without `source_mask`.

    Example:

    >>> logits = tf.math.log([[[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]]])
    >>> result = score_targets(logits, tf.constant([[1, 2]]), pad_id=0)
    >>> round(float(tf.exp(result.scores[0, 0])), 4)
    0.2
    """
    penalties.check_penalties(alpha, penalty, coverage)
    _check_sources(coverage, attention, source_mask)
    target_ids = tf.cast(target_ids, tf.int32)
    is_real = tf.not_equal(target_ids, pad_id)
    log_probs = _log_probs(tf.cast(logits, tf.float32), target_ids, is_real)
    lengths = tf.reduce_sum(tf.cast(is_real, tf.int32), axis=1)
    scores = tf.reduce_sum(log_probs, axis=1) / penalties.length_divisor(
        tf.maximum(lengths, 1), alpha, penalty
    )
    if attention is not None:
        attention = tf.where(is_real[:, :, None], attention, 0.0)[:, None]
    if coverage:
        mask = tf.convert_to_tensor(source_mask)
        scores += penalties.coverage_penalty(attention, mask, coverage)[:, 0]
    ids, lengths, scores, log_probs = (
        field[:, None] for field in (target_ids, lengths, scores, log_probs)
    )
    return contract.SearchResult(ids, lengths, scores, log_probs, attention)


def _check_sources(coverage, attention, source_mask):
    if coverage and (attention is None or source_mask is None):
        raise ValueError(
            "The coverage penalty needs `attention` and `source_mask`. "
            f"Received: coverage={coverage}, attention "
            f"{'missing' if attention is None else 'given'}, source_mask "
            f"{'missing' if source_mask is None else 'given'}. Give both."
        )


def _log_probs(logits, target_ids, is_real):
    """Returns log-probabilities (B, T) of target tokens, 0 for padding."""
    if not logits.shape[:2].is_compatible_with(target_ids.shape):
        raise ValueError(
            "Every target token needs its logits. Received: logits of shape "
            f"{tuple(logits.shape)}, target_ids of shape "
            f"{tuple(target_ids.shape)}. Expected (B, T, V) and (B, T)."
        )
    # The padding id may be outside of the vocabulary, so id 0 is read instead.
    chosen = tf.gather(
        logits, tf.where(is_real, target_ids, 0), axis=2, batch_dims=2
    )
    return tf.where(is_real, chosen - tf.reduce_logsumexp(logits, axis=2), 0.0)
