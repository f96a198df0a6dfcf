"""Beam search with finished hypotheses kept apart.

B batch   W beam size   T target length   V vocabulary_size   S source length
C candidates
"""

from typing import NamedTuple

import tensorflow as tf

from keras_transformer.search import constraints as constraining
from keras_transformer.search import contract, loop, penalties

_NEVER = contract.NEVER


class _Hypotheses(NamedTuple):
    """W hypotheses of each row, best first; a score of _NEVER is no one."""

    ids: tf.Tensor  # (B, W, T), padded
    lengths: tf.Tensor  # (B, W)
    scores: tf.Tensor  # (B, W)
    log_probs: tf.Tensor  # (B, W, T), of each token
    attention: tuple  # of one (B, W, T, S), or of none


class _Rows(NamedTuple):
    limits: constraining.RowLimits
    sources: tuple  # of their mask (B, S), or of nothing
    alive: _Hypotheses  # scores are log-probabilities
    finished: _Hypotheses  # scores have their penalties
    is_nan: tf.Tensor  # (B,), whether the model gave no numbers
    is_done: tf.Tensor  # (B,)


def beam_search(
    step: contract.StepFn,
    state,
    *,
    batch_size,
    max_lengths,
    start_id: int,
    end_id: int,
    pad_id: int,
    constraints=constraining.NONE,
    states: contract.States = contract.ROW_STATES,
    source_mask=None,
    beam_size: int = 4,
    top_beams: int = 1,
    alpha: float = 0.6,
    penalty: str = "gnmt",
    coverage: float = 0.0,
) -> contract.SearchResult:
    """Keeps the `beam_size` best unfinished prefixes of each row.

    Hypotheses that reach the end token move to a set of their own, ranked by
    log-probability over `length_penalty`, plus `coverage_penalty`, and never
    change again. A row is done when no prefix, at its limit's penalty, could
    still enter that set. Prefixes that reach the limit unfinished are ranked
    by the same score, after all finished ones; so are those that end because
    all is forbidden after all of them. Section 6.1 uses beam size 4 and alpha
    0.6.

    Args:
        step: see `StepFn`; called with B W rows.
        state: the state before the first step, batch axis B first.
        batch_size: B, an int or a scalar tensor.
        max_lengths: the most tokens of each row, `(B,)` or a scalar; the
            state must have room for the largest.
        start_id: what the first step reads.
        end_id: what ends a sequence.
        pad_id: what stands after the end.
        constraints: see `Constraints`.
        states: what knows how a state follows its hypotheses, such as a
            `Transformer`; by default each tensor of it has a row for each.
        source_mask: boolean `(B, S)`, which source tokens are real. Given
            it, `step` must return its attention, and the result has it.
        beam_size: W. May be more than there are hypotheses.
        top_beams: how many hypotheses of each row to return.
        alpha: exponent of the length penalty; 0 means none.
        penalty: form of the length penalty, `"gnmt"`, `"average"` or
            `"none"`, see `length_penalty`.
        coverage: beta of the coverage penalty, which needs `source_mask`;
            0 means none.

    Returns:
        `SearchResult` with `top_beams` hypotheses.

    Raises:
        ValueError: `top_beams` not in [1, `beam_size`], settings that are
            none, a batch or a longest length below 0, ids that are not in the
            vocabulary, or a prefix that is longer than its row may become.

    Example:

    >>> chain = tf.math.log([[0.1, 0.6, 0.3], [0.3, 0.3, 0.4], [1., 0., 0.]])
    >>> def step(ids, position, state):
    ...     return tf.gather(chain, ids), state
    >>> result = beam_search(step, (), batch_size=1, max_lengths=5, start_id=0,
    ...     end_id=2, pad_id=0, beam_size=2, top_beams=2, alpha=0.0)
    >>> result.ids[0, :, :3].numpy().tolist()
    [[2, 0, 0], [1, 2, 0]]
    """
    if not 1 <= top_beams <= beam_size:
        raise ValueError(
            "`top_beams` hypotheses are taken from `beam_size`. Received: "
            f"top_beams={top_beams}, beam_size={beam_size}. Expected "
            "1 <= top_beams <= beam_size."
        )
    for name, count in (("top_beams", top_beams), ("beam_size", beam_size)):
        contract.check_count(name, count)
    penalties.check_penalties(alpha, penalty, coverage)
    limits = constraining.limits_of_rows(
        constraints, max_lengths, batch_size, pad_id
    )
    if coverage and source_mask is None:
        raise ValueError(
            "The coverage penalty is of source tokens. Received: "
            f"coverage={coverage}, source_mask=None. Give the source's mask "
            "and a step that returns its attention."
        )
    longest = constraining.longest_of(constraints, limits)
    sources = () if source_mask is None else (tf.cast(source_mask, tf.bool),)

    def divisor(lengths):
        # A row that may hold no token has no hypothesis to divide.
        return penalties.length_penalty(tf.maximum(lengths, 1), alpha, penalty)

    def score(hypotheses, sources):
        scores = hypotheses.scores / divisor(hypotheses.lengths)
        if coverage:
            scores += penalties.coverage_penalty(
                *hypotheses.attention, *sources, coverage
            )
        return tf.where(hypotheses.scores > _NEVER, scores, _NEVER)

    def advance(position, row, state):
        alive = row.alive
        last = tf.where(
            position == 0,
            start_id,
            tf.gather(alive.ids, tf.maximum(position - 1, 0), axis=2),
        )
        logits, state, attention = contract.call_step(
            step, tf.reshape(last, [-1]), position, state, len(sources)
        )
        choices = constraining.candidates(
            logits, 2 * beam_size, constraints, row.limits, alive.ids,
            position, end_id,
        )  # fmt: skip
        extended, parents = _extend(
            alive, choices, attention, position, beam_size
        )
        is_nan = contract.is_nan(choices.log_probs, alive.scores > _NEVER)
        is_nan = row.is_nan | (is_nan & ~row.is_done)
        is_end = tf.gather(extended.ids, position, axis=2) == end_id
        # Where all is forbidden hypotheses end without their end token.
        is_stuck = extended.scores[:, 0] <= _NEVER

        # Of 2 W candidates at most W can end, so W live on.
        continued = extended._replace(
            scores=tf.where(is_end, _NEVER, extended.scores)
        )
        next_alive, chosen = _best(continued, beam_size)
        ended = extended._replace(
            scores=tf.where(is_end, score(extended, row.sources), _NEVER)
        )
        finished = _merge(row.finished, ended, beam_size)
        # What a row has found must not depend on how long others take.
        alive = _where(row.is_done | is_stuck, row.alive, next_alive)
        finished = _where(row.is_done, row.finished, finished)

        # Log-probabilities only fall, so this is the best to be hoped for.
        bound = alive.scores[:, 0] / divisor(row.limits.max_lengths)
        is_safe = finished.scores[:, top_beams - 1] >= bound
        is_dead = alive.scores[:, 0] <= _NEVER
        is_last = position + 1 >= row.limits.max_lengths
        is_done = row.is_done | is_safe | is_dead | is_stuck | is_last | is_nan

        parents = tf.gather(parents, chosen, batch_dims=1)
        state = states.select(state, parents)
        return row._replace(
            alive=alive, finished=finished, is_nan=is_nan, is_done=is_done
        ), state

    rows = tf.shape(limits.max_lengths)[0]
    shape = [limits.max_lengths.shape[0] or rows, beam_size, longest]

    def hypotheses(scores):
        return _Hypotheses(
            tf.fill(shape, pad_id),
            tf.zeros(shape[:2], tf.int32),
            tf.tile(tf.constant([scores], tf.float32), [shape[0], 1]),
            tf.zeros(shape),
            tuple(tf.zeros([*shape, _size(mask, 1)]) for mask in sources),
        )

    # All beams start alike, so only the first may be extended.
    rows = _Rows(
        limits,
        sources,
        hypotheses([0.0] + [_NEVER] * (beam_size - 1)),
        hypotheses([_NEVER] * beam_size),
        tf.zeros_like(limits.max_lengths, tf.bool),
        limits.max_lengths < 1,
    )
    state = states.widen(state, beam_size)
    rows = loop.run(advance, rows, state, states, beam_size, longest)
    unfinished = rows.alive._replace(scores=score(rows.alive, rows.sources))
    best = _fill_up(rows.finished, unfinished)
    best = tf.nest.map_structure(lambda x: x[:, :top_beams], best)
    result = contract.SearchResult(*best[:4], *best.attention)
    return contract.with_nan(result, rows.is_nan)


def _extend(alive, choices, attention, position, beam_size):
    """The 2 W best one-token extensions of each row, and their parents."""
    totals_BWC = alive.scores[:, :, None] + choices.log_probs
    count = _size(totals_BWC, 2)
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
    # What extends no hypothesis, or is forbidden, must not creep above _NEVER.
    scores = tf.where(scores > _NEVER / 2, scores, _NEVER)
    is_now = tf.range(_size(alive.ids, 2)) == position

    def write(before, now):
        past = tf.gather(before, parents, batch_dims=1)
        is_now_T = tf.reshape(is_now, [-1] + [1] * (past.shape.rank - 3))
        return tf.where(is_now_T, now[:, :, None], past)

    extended = _Hypotheses(
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


def _size(tensor, axis):
    """A size of a tensor, an int where it is known."""
    return tensor.shape[axis] or tf.shape(tensor)[axis]


def _best(candidates, count):
    """The `count` best of each row, and where they were."""
    _, chosen = tf.math.top_k(candidates.scores, count)
    kept = tf.nest.map_structure(
        lambda x: tf.gather(x, chosen, batch_dims=1), candidates
    )
    return kept, chosen


def _merge(first, second, count):
    """The `count` best of both; of equals, those of `first`."""
    both = tf.nest.map_structure(lambda *x: tf.concat(x, axis=1), first, second)
    return _best(both, count)[0]


def _fill_up(finished, unfinished):
    """Puts the best unfinished after the last finished of each row."""
    unfinished, _ = _best(unfinished, unfinished.scores.shape[1])
    is_finished = finished.scores > _NEVER
    count = tf.reduce_sum(tf.cast(is_finished, tf.int32), 1, keepdims=True)
    place = tf.range(tf.shape(is_finished)[1])[None] - count
    moved = tf.nest.map_structure(
        lambda x: tf.gather(x, tf.maximum(place, 0), batch_dims=1), unfinished
    )
    return _where(is_finished, finished, moved)


def _where(condition, first, second):
    """tf.where on every tensor, the condition on its leading axes."""

    def choose(a, b):
        missing = [1] * (a.shape.rank - condition.shape.rank)
        shape = tf.concat([tf.shape(condition), missing], 0)
        return tf.where(tf.reshape(condition, shape), a, b)

    return tf.nest.map_structure(choose, first, second)
