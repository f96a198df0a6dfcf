"""Slow searches to compare with, written from the papers alone.

NumPy in float64. Nothing here imports the package.

V vocabulary_size   W beam_size
"""

import itertools

import numpy as np


def log_softmax(logits):
    logits = np.asarray(logits, "float64")
    return (
        logits - np.max(logits) - np.log(np.sum(np.exp(logits - max(logits))))
    )


def length_penalty(length, alpha):
    """Wu et al. 2016, equation 14, without the coverage term."""
    return (5 + length) ** alpha / (5 + 1) ** alpha


def log_probability(ids, logits_after):
    """The sum over the tokens of `ids`; `logits_after(prefix)` gives V."""
    return sum(
        log_softmax(logits_after(ids[:n]))[token] for n, token in enumerate(ids)
    )


def ranked(hypotheses, end_id, alpha):
    """Pairs (ids, log-probability) as (ids, score), finished ones first."""
    scored = [
        (ids, log_prob / length_penalty(len(ids), alpha))
        for ids, log_prob in hypotheses
    ]
    return sorted(scored, key=lambda pair: (end_id not in pair[0], -pair[1]))


def exhaustive_search(logits_after, *, vocabulary_size, limit, end_id, alpha):
    """Every sequence there is, best first, as pairs (ids, score).

    A sequence ends with the end token, or is cut at the limit.
    """
    others = [token for token in range(vocabulary_size) if token != end_id]
    sequences = [
        (*start, end_id)
        for length in range(limit)
        for start in itertools.product(others, repeat=length)
    ]
    sequences += itertools.product(others, repeat=limit)
    return ranked(
        [(ids, log_probability(ids, logits_after)) for ids in sequences],
        end_id,
        alpha,
    )


def beam_search(logits_after, *, limit, end_id, alpha, beam_size):
    """Keeps the `beam_size` best prefixes and never stops before the limit.

    Of the 2 W best extensions of each length, those that end are finished
    and the W best of the others live on; the W best finished are kept.
    """
    prefixes, finished = [((), 0.0)], []
    for _ in range(limit):
        extensions = [
            ((*ids, token), log_prob + token_log_prob)
            for ids, log_prob in prefixes
            for token, token_log_prob in enumerate(
                log_softmax(logits_after(ids))
            )
        ]
        extensions.sort(key=lambda pair: -pair[1])
        best = extensions[: 2 * beam_size]
        finished += [pair for pair in best if pair[0][-1] == end_id]
        prefixes = [pair for pair in best if pair[0][-1] != end_id]
        prefixes = prefixes[:beam_size]
    best = ranked(finished, end_id, alpha)[:beam_size]
    return (best + ranked(prefixes, end_id, alpha))[:beam_size]
