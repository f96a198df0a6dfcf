"""Slow searches to compare with, written from the papers alone.

NumPy in float64, one row and one sequence at a time. Nothing here imports the
package.

V vocabulary_size   W beam_size   S source length
"""

from typing import Any, NamedTuple

import numpy as np


class Language:
    """A stand-in for a model: the logits and attention after each prefix.

    logits_after: a function from a tuple of ids to V logits.
    attention_after: a function from a tuple of ids to S scores, or `None`.
    source_mask: S booleans, or `None`.
    """

    def __init__(self, logits_after, attention_after=None, source_mask=None):
        self.logits_after = logits_after
        self.attention_after = attention_after
        self.source_mask = source_mask
        self._known = {}

    def log_probs_after(self, ids):
        if ids not in self._known:
            self._known[ids] = log_softmax(self.logits_after(ids)).tolist()
        return self._known[ids]


class Rules(NamedTuple):
    """What hypotheses of a row must fulfil, and how they are scored."""

    limit: int
    end_id: int
    min_length: int = 0
    prefix: tuple = ()
    banned: tuple = ()
    ngram: int = 0
    alpha: float = 0.0
    penalty: str = "gnmt"
    coverage: float = 0.0


class Hypothesis(NamedTuple):
    ids: tuple
    score: float
    log_probs: list
    attention: Any  # (len(ids), S), or `None`


def log_softmax(logits):
    logits = np.asarray(logits, "float64")
    return (
        logits - np.max(logits) - np.log(np.sum(np.exp(logits - max(logits))))
    )


def length_divisor(length, alpha, penalty="gnmt"):
    """Wu et al. 2016, equation 14; n^alpha if "average", 1 if "none"."""
    return {
        "gnmt": (5 + length) ** alpha / (5 + 1) ** alpha,
        "average": float(length) ** alpha,
        "none": 1.0,
    }[penalty]


def coverage_penalty(attention, source_mask, beta):
    """Wu et al. 2016, equation 14; attention below 1e-9 counts as 1e-9."""
    total = 0.0
    for s, is_real in enumerate(source_mask):
        if is_real:
            seen = sum(row[s] for row in attention)
            total += np.log(min(max(seen, 1e-9), 1.0))
    return beta * total


def log_probability(ids, logits_after):
    """Returns the sum of the log-probabilities of all tokens of `ids`."""
    return sum(
        log_softmax(logits_after(ids[:n]))[token] for n, token in enumerate(ids)
    )


def allowed_tokens(ids, rules, vocabulary_size):
    """Returns the tokens that may follow `ids`."""
    if len(ids) < len(rules.prefix):
        return [rules.prefix[len(ids)]]
    return [
        token
        for token in range(vocabulary_size)
        if token not in rules.banned
        and not (token == rules.end_id and len(ids) + 1 < rules.min_length)
        and not (rules.ngram and ends_in_repetition((*ids, token), rules.ngram))
    ]


def ends_in_repetition(ids, n):
    """Whether the last n of `ids` also occur before in `ids`."""
    ngrams = [tuple(ids[i : i + n]) for i in range(len(ids) - n + 1)]
    return bool(ngrams) and ngrams[-1] in ngrams[:-1]


def hypothesis(ids, language, rules):
    """Scores one sequence from its beginning."""
    log_probs = [
        language.log_probs_after(ids[:n])[token] for n, token in enumerate(ids)
    ]
    score = sum(log_probs) / length_divisor(
        max(len(ids), 1), rules.alpha, rules.penalty
    )
    attention = None
    if language.attention_after is not None:
        attention = np.array(
            [language.attention_after(ids[:n]) for n in range(len(ids))]
        ).reshape([len(ids), len(language.source_mask)])
    if rules.coverage:
        score += coverage_penalty(
            attention, language.source_mask, rules.coverage
        )
    return Hypothesis(ids, score, log_probs, attention)


def ranked(sequences, language, rules):
    return sorted(
        (hypothesis(ids, language, rules) for ids in sequences),
        key=lambda one: -one.score,
    )


def every_hypothesis(language, rules):
    """Returns all possible hypotheses, finished ones before all others.

    A hypothesis is finished by the end token. The others stop at the limit, or
    before it, where no token may follow any of them.
    """
    finished, others = [], [()]
    for _ in range(rules.limit):
        longer = [
            (*ids, token)
            for ids in others
            for token in allowed_tokens(
                ids, rules, len(language.log_probs_after(ids))
            )
        ]
        if not longer:
            break
        finished += [ids for ids in longer if ids[-1] == rules.end_id]
        others = [ids for ids in longer if ids[-1] != rules.end_id]
    return ranked(finished, language, rules) + ranked(others, language, rules)


def best_of_beam(language, rules, beam_size):
    """Keeps the `beam_size` best prefixes and never stops before the limit.

    Of the 2 W best extensions of each length, those with the end token are
    finished, and the W best of the others are extended. Returns the W best
    finished hypotheses, and unfinished ones if there are fewer than W.
    """
    prefixes, finished = [((), 0.0)], []
    for _ in range(rules.limit):
        extensions = [
            ((*ids, token), log_prob + log_probs[token])
            for ids, log_prob in prefixes
            for log_probs in [language.log_probs_after(ids)]
            for token in allowed_tokens(ids, rules, len(log_probs))
        ]
        if not extensions:
            break
        extensions.sort(key=lambda pair: -pair[1])
        best = extensions[: 2 * beam_size]
        finished += [ids for ids, _ in best if ids[-1] == rules.end_id]
        prefixes = [pair for pair in best if pair[0][-1] != rules.end_id]
        prefixes = prefixes[:beam_size]
    found = ranked(finished, language, rules)[:beam_size]
    found += ranked([ids for ids, _ in prefixes], language, rules)
    return found[:beam_size]


def greedy_path(language, rules):
    """Takes the most probable allowed token at each position."""
    ids = ()
    while len(ids) < rules.limit and rules.end_id not in ids:
        log_probs = language.log_probs_after(ids)
        allowed = allowed_tokens(ids, rules, len(log_probs))
        if not allowed:
            break
        ids += (max(allowed, key=lambda token: log_probs[token]),)
    return hypothesis(ids, language, rules)


def sampling_distribution(
    log_probs, allowed, temperature=1.0, top_k=0, top_p=1.0
):
    """Returns the probability to draw each token (Holtzman et al. 2020)."""
    best = sorted(allowed, key=lambda token: -log_probs[token])
    best = best[: top_k or None]
    weights = np.exp([log_probs[token] / temperature for token in best])
    weights /= np.sum(weights)
    kept = 1 + int(np.sum(np.cumsum(weights)[:-1] < top_p))
    probabilities = np.zeros(len(log_probs))
    probabilities[best[:kept]] = weights[:kept] / np.sum(weights[:kept])
    return probabilities


def beam_search(logits_after, *, limit, end_id, alpha, beam_size):
    """Calls `best_of_beam` without more rules; returns pairs (ids, score)."""
    return [
        (one.ids, one.score)
        for one in best_of_beam(
            Language(logits_after),
            Rules(limit, end_id, alpha=alpha),
            beam_size,
        )
    ]
