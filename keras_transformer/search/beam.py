"""Beam search with finished hypotheses kept apart.

B batch   W beam size   T target length   V vocabulary_size
"""

from typing import Any, NamedTuple

import tensorflow as tf

from keras_transformer.search import contract

# Less than any log-probability, and finite: it is divided and compared.
_NEVER = -1e9


LENGTH_PENALTIES = ("gnmt", "average")


def length_penalty(lengths, alpha: float, form: str = "gnmt"):
    """What log-probabilities are divided by, of n tokens with the end token.

    `"gnmt"`: ((5 + n) / 6)^alpha (Wu et al. 2016), the paper's. `"average"`:
    n^alpha, with alpha 1 the mean of each token.

    Example:

    >>> round(float(length_penalty(tf.constant(10.0), 0.6)), 4)
    1.7329
    """
    lengths = tf.cast(lengths, tf.float32)
    base = lengths if form == "average" else (5.0 + lengths) / 6.0
    return base**alpha


class _Hypotheses(NamedTuple):
    """W hypotheses of each row, best first; a score of _NEVER is no one."""

    ids: tf.Tensor  # (B, W, longest), padded
    lengths: tf.Tensor  # (B, W)
    scores: tf.Tensor  # (B, W)


class _Beams(NamedTuple):
    position: tf.Tensor
    alive: _Hypotheses  # scores are log-probabilities
    finished: _Hypotheses  # scores are divided by the length penalty
    is_done: tf.Tensor  # (B,)
    state: Any  # of the alive, every tensor (B * W, ...)


def beam_search(
    step: contract.StepFn,
    state,
    *,
    batch_size,
    max_lengths,
    start_id: int,
    end_id: int,
    pad_id: int,
    beam_size: int = 4,
    top_beams: int = 1,
    alpha: float = 0.6,
    penalty: str = "gnmt",
) -> contract.SearchResult:
    """Keeps the `beam_size` best unfinished prefixes of each row.

    Hypotheses that reach the end token move to a set of their own, ranked by
    log-probability over `length_penalty`, and never change again. A row is
    done when no prefix, at its limit's penalty, could still enter that set.
    Prefixes that reach the limit unfinished are ranked by the same score,
    after all finished ones. Section 6.1 uses beam size 4 and alpha 0.6.

    Args:
        step: see `StepFn`; called with B * W rows.
        state: the state before the first step, batch axis B first.
        batch_size: B, an int or a scalar tensor.
        max_lengths: the most tokens of each row, `(B,)` or a scalar; the
            state must have room for the largest.
        start_id: what the first step reads.
        end_id: what ends a sequence.
        pad_id: what stands after the end.
        beam_size: W.
        top_beams: how many hypotheses of each row to return.
        alpha: exponent of the length penalty; 0 means none.
        penalty: form of the length penalty, `"gnmt"` or `"average"`, see
            `length_penalty`.

    Returns:
        `SearchResult` with `top_beams` hypotheses.

    Raises:
        ValueError: `top_beams` not in [1, `beam_size`], alpha below 0, or
            unknown `penalty`.

    Example:

    >>> chain = tf.math.log([[0.1, 0.6, 0.3], [0.3, 0.3, 0.4], [1., 0., 0.]])
    >>> def step(ids, position, state):
    ...     return tf.gather(chain, ids), state
    >>> result = beam_search(step, (), batch_size=1, max_lengths=5, start_id=0,
    ...     end_id=2, pad_id=0, beam_size=2, top_beams=2, alpha=0.0)
    >>> result.ids[0].numpy().tolist()
    [[2, 0], [1, 2]]
    """
    if not 1 <= top_beams <= beam_size:
        raise ValueError(
            "`top_beams` hypotheses are taken from `beam_size`. Received: "
            f"top_beams={top_beams}, beam_size={beam_size}. Expected "
            "1 <= top_beams <= beam_size."
        )
    if alpha < 0:
        raise ValueError(
            "`alpha` below 0 would favour ever shorter translations without "
            f"bound. Received: {alpha}. Use 0 for no length penalty."
        )
    if penalty not in LENGTH_PENALTIES:
        raise ValueError(
            f"Unknown length `penalty`. Received: {penalty!r}. Expected one of "
            f"{LENGTH_PENALTIES}."
        )
    max_lengths = contract.limits_per_row(max_lengths, batch_size)
    longest = tf.maximum(tf.reduce_max(max_lengths), 0)
    batch_size = tf.shape(max_lengths)[0]
    # A row that may hold no token has no hypothesis to divide by it.
    limit_penalty = length_penalty(tf.maximum(max_lengths, 1), alpha, penalty)

    def is_running(beams):
        return (beams.position < longest) & ~tf.reduce_all(beams.is_done)

    def body(beams):
        position, alive = beams.position, beams.alive
        last = tf.where(
            position == 0,
            start_id,
            tf.gather(alive.ids, tf.maximum(position - 1, 0), axis=2),
        )
        logits, state = step(tf.reshape(last, [-1]), position, beams.state)
        candidates, parents = _extend(
            alive, contract.log_softmax(logits), position, beam_size
        )
        is_end = tf.gather(candidates.ids, position, axis=2) == end_id

        # Of 2 W candidates at most W can end, so W live on.
        alive, chosen = _best(
            candidates._replace(
                scores=tf.where(is_end, _NEVER, candidates.scores)
            ),
            beam_size,
        )
        divisor = length_penalty(position + 1, alpha, penalty)
        ended = candidates._replace(
            scores=tf.where(is_end, _over(candidates.scores, divisor), _NEVER)
        )
        finished = _merge(beams.finished, ended, beam_size)
        # What a row has found must not depend on how long others take.
        alive = _where(beams.is_done, beams.alive, alive)
        finished = _where(beams.is_done, beams.finished, finished)

        # Log-probabilities only fall, so this is the best to be hoped for.
        bound = alive.scores[:, 0] / limit_penalty
        is_safe = finished.scores[:, top_beams - 1] >= bound
        is_done = beams.is_done | is_safe | (position + 1 >= max_lengths)

        parents = tf.gather(parents, chosen, batch_dims=1)
        rows = tf.range(batch_size)[:, None] * beam_size + parents
        state = tf.nest.map_structure(
            lambda x: tf.gather(x, tf.reshape(rows, [-1])), state
        )
        return (_Beams(position + 1, alive, finished, is_done, state),)

    def hypotheses(scores):
        return _Hypotheses(
            tf.fill([batch_size, beam_size, longest], pad_id),
            tf.zeros([batch_size, beam_size], tf.int32),
            tf.tile(tf.constant([scores], tf.float32), [batch_size, 1]),
        )

    # All beams start alike, so only the first may be extended.
    beams = _Beams(
        tf.constant(0),
        hypotheses([0.0] + [_NEVER] * (beam_size - 1)),
        hypotheses([_NEVER] * beam_size),
        max_lengths < 1,
        tf.nest.map_structure(lambda x: tf.repeat(x, beam_size, axis=0), state),
    )
    (beams,) = tf.while_loop(is_running, body, (beams,))
    unfinished = beams.alive._replace(
        scores=_over(beams.alive.scores, limit_penalty[:, None])
    )
    best = _fill_up(beams.finished, unfinished)
    used = tf.minimum(longest, beams.position)
    return contract.SearchResult(
        best.ids[:, :top_beams, :used],
        best.lengths[:, :top_beams],
        best.scores[:, :top_beams],
    )


def _extend(alive, log_probs, position, beam_size):
    """The 2 W best one-token extensions of each row, and their parents."""
    vocabulary_size = log_probs.shape[-1] or tf.shape(log_probs)[-1]
    totals = alive.scores[:, :, None] + tf.reshape(
        log_probs, [-1, beam_size, vocabulary_size]
    )
    scores, flat = tf.math.top_k(
        tf.reshape(totals, [-1, beam_size * vocabulary_size]), 2 * beam_size
    )
    parents = flat // vocabulary_size
    ids = tf.gather(alive.ids, parents, batch_dims=1)
    is_now = tf.range(tf.shape(ids)[2]) == position
    ids = tf.where(is_now, (flat % vocabulary_size)[:, :, None], ids)
    lengths = tf.fill(tf.shape(scores), position + 1)
    # Extensions of no hypothesis must not creep above _NEVER.
    scores = tf.where(scores > _NEVER / 2, scores, _NEVER)
    return _Hypotheses(ids, lengths, scores), parents


def _over(log_probs, penalty):
    """Scores of log-probabilities; no one stays no one."""
    return tf.where(log_probs > _NEVER, log_probs / penalty, _NEVER)


def _best(candidates, count):
    """The `count` best of each row, and where they were."""
    _, chosen = tf.math.top_k(candidates.scores, count)
    kept = _Hypotheses(
        *(tf.gather(field, chosen, batch_dims=1) for field in candidates)
    )
    return kept, chosen


def _merge(first, second, count):
    """The `count` best of both; of equals, those of `first`."""
    both = _Hypotheses(
        *(tf.concat(fields, 1) for fields in zip(first, second, strict=True))
    )
    return _best(both, count)[0]


def _fill_up(finished, unfinished):
    """Puts the best unfinished after the last finished of each row."""
    is_finished = finished.scores > _NEVER
    count = tf.reduce_sum(tf.cast(is_finished, tf.int32), 1, keepdims=True)
    place = tf.range(tf.shape(is_finished)[1])[None] - count
    moved = _Hypotheses(
        *(
            tf.gather(field, tf.maximum(place, 0), batch_dims=1)
            for field in unfinished
        )
    )
    return _where(is_finished, finished, moved)


def _where(condition, first, second):
    """tf.where on every field, the condition on its leading axes."""

    def choose(a, b):
        missing = [1] * (a.shape.rank - condition.shape.rank)
        shape = tf.concat([tf.shape(condition), missing], 0)
        return tf.where(tf.reshape(condition, shape), a, b)

    return tf.nest.map_structure(choose, first, second)
