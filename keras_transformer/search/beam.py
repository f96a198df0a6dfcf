"""Beam search with finished hypotheses kept apart.

B batch   W beam size   T target length   V vocabulary_size   S source length
C candidates
"""

import dataclasses
from typing import NamedTuple

import tensorflow as tf

from keras_transformer.search import (
    base,
    contract,
    extension,
    hypotheses,
    loop,
    penalties,
    scoring,
)
from keras_transformer.search import constraints as constraining
from keras_transformer.search import task as tasks

_NEVER = contract.NEVER


@dataclasses.dataclass(frozen=True)
class BeamSearch(base.Search):
    """Keeps the `beam_size` best unfinished hypotheses of each row.

    Hypotheses that reach the end token move to a set of their own, ranked by
    log-probability over `length_divisor`, plus `coverage_penalty`, and never
    change again. A row is done when no unfinished hypothesis, at its limit's
    penalty, could still enter that set. Hypotheses that reach the limit
    unfinished, and those of a row for which no token is allowed, are ranked by
    the same score, after all finished ones. Section 6.1 uses beam size 4 and
    alpha 0.6.

    Args:
        beam_size: W. May be more than there are hypotheses.
        top_beams: how many hypotheses of each row to return.
        alpha: exponent of the length penalty; 0 means none.
        penalty: form of the length penalty, `"gnmt"`, `"average"` or
            `"none"`, see `length_divisor`.
        coverage: beta of the coverage penalty, which needs the task's
            `source_mask`; 0 means none.
        constraints: see `Constraints`.

    Raises:
        ValueError: `top_beams` not in [1, `beam_size`], or settings out of
            range.

    Example:

    >>> from keras_transformer import search
    >>> chain = tf.math.log([[0.1, 0.6, 0.3], [0.3, 0.3, 0.4], [1., 0., 0.]])
    >>> def step(ids, position, state):
    ...     return tf.gather(chain, ids), state
    >>> task = search.Task(batch_size=1, max_lengths=5, start_id=0, end_id=2,
    ...     pad_id=0)
    >>> beams = BeamSearch(beam_size=2, top_beams=2, alpha=0.0)
    >>> beams(step, (), task).ids[0, :, :3].numpy().tolist()
    [[2, 0, 0], [1, 2, 0]]
    """

    beam_size: int = 4
    top_beams: int = 1
    alpha: float = 0.6
    penalty: str = "gnmt"
    coverage: float = 0.0
    constraints: constraining.Constraints = constraining.NONE

    def __post_init__(self):
        if not 1 <= self.top_beams <= self.beam_size:
            raise ValueError(
                "`top_beams` hypotheses are taken from `beam_size`. Received: "
                f"top_beams={self.top_beams}, beam_size={self.beam_size}. "
                "Expected 1 <= top_beams <= beam_size."
            )
        for name in ("top_beams", "beam_size"):
            contract.check_count(name, getattr(self, name))
        penalties.check_penalties(self.alpha, self.penalty, self.coverage)

    def __call__(self, step, state, task):
        if self.coverage and task.source_mask is None:
            raise ValueError(
                "The coverage penalty is of source tokens. Received: "
                f"coverage={self.coverage}, source_mask=None. Give the "
                "source's mask and a step that returns its attention."
            )
        limits = constraining.limits_of_rows(self.constraints, task)
        longest = constraining.longest_of(task, limits)
        beam = _Beam(self, step, task)
        state = task.states.widen(state, self.beam_size)
        rows = loop.run(
            beam.advance,
            beam.first_rows(limits, longest),
            state,
            task.states,
            self.beam_size,
            longest,
        )
        return beam.result(rows)

    @property
    def needs_attention(self) -> bool:
        """Whether there is a coverage penalty."""
        return bool(self.coverage)

    def with_n_best(self, count: int | None = None) -> "BeamSearch":
        """The same search, returning `count` hypotheses; the beam if `None`."""
        if count is None:
            count = self.beam_size
        return dataclasses.replace(self, top_beams=count)

    def check(self, vocabulary_size: int) -> None:
        """Raises ValueError if the beam is larger than the vocabulary."""
        if self.beam_size > vocabulary_size:
            raise ValueError(
                "A beam cannot be larger than the vocabulary. Received: "
                f"beam_size={self.beam_size}, {vocabulary_size} target "
                "tokens. The paper uses a beam of 4."
            )

    def score(
        self, logits, target_ids, *, pad_id, attention=None, source_mask=None
    ) -> contract.SearchResult:
        """Scores given targets with the penalties of this search."""
        return scoring.score_targets(
            logits,
            target_ids,
            pad_id=pad_id,
            alpha=self.alpha,
            penalty=self.penalty,
            coverage=self.coverage,
            attention=attention,
            source_mask=source_mask,
        )


class _Rows(NamedTuple):
    limits: constraining.RowLimits
    sources: tuple  # `(source_mask,)`, of shape (B, S), or `()`
    alive: hypotheses.Hypotheses  # unfinished; scores are log-probabilities
    finished: hypotheses.Hypotheses  # scores have their penalties
    is_nan: tf.Tensor  # (B,), whether the model gave no numbers
    is_done: tf.Tensor  # (B,)


class _Beam(NamedTuple):
    """What one step needs to know."""

    settings: BeamSearch
    step: contract.StepFn
    task: tasks.Task

    def first_rows(self, limits, longest):
        """The rows before the first step: of each, one empty hypothesis."""
        sources = extension.sources_of(self.task)
        beam_size = self.settings.beam_size
        rows = tf.shape(limits.max_lengths)[0]
        shape = [limits.max_lengths.shape[0] or rows, beam_size, longest]

        def all_empty(scores):
            return hypotheses.Hypotheses(
                tf.fill(shape, self.task.pad_id),
                tf.zeros(shape[:2], tf.int32),
                tf.tile(tf.constant([scores], tf.float32), [shape[0], 1]),
                tf.zeros(shape),
                tuple(
                    tf.zeros([*shape, hypotheses.size(mask, 1)])
                    for mask in sources
                ),
            )

        return _Rows(
            limits,
            sources,
            # All W would be the same, so only the first may be extended.
            all_empty([0.0] + [_NEVER] * (beam_size - 1)),
            all_empty([_NEVER] * beam_size),
            tf.zeros_like(limits.max_lengths, tf.bool),
            limits.max_lengths < 1,
        )

    def advance(self, position, row, state):
        """One step: extends the W unfinished hypotheses of each row."""
        beam_size = self.settings.beam_size
        # 2 W candidates (B, 2W), of which at most W end, so that W live on.
        candidates, parents, is_nan, state = self._extended(
            position, row, state
        )
        is_end = tf.gather(candidates.ids, position, axis=2) == self.task.end_id
        # (B,): where all is forbidden hypotheses end without their end token.
        is_stuck = candidates.scores[:, 0] <= _NEVER

        # Those that reached the end token move to the finished set.
        ended = candidates._replace(
            scores=tf.where(
                is_end, self._score(candidates, row.sources), _NEVER
            )
        )
        finished = hypotheses.merge(row.finished, ended, beam_size)
        # The W best of the others stay unfinished.
        continued = candidates._replace(
            scores=tf.where(is_end, _NEVER, candidates.scores)
        )
        next_alive, chosen = hypotheses.best(continued, beam_size)

        # What a row has found must not depend on how long others take.
        alive = hypotheses.where(row.is_done | is_stuck, row.alive, next_alive)
        finished = hypotheses.where(row.is_done, row.finished, finished)
        is_nan = row.is_nan | (is_nan & ~row.is_done)
        is_done = row.is_done | is_stuck | is_nan
        is_done |= self._is_over(position, row.limits, alive, finished)

        # The state (B W, ...) follows the hypotheses that were chosen.
        parents = tf.gather(parents, chosen, batch_dims=1)
        state = self.task.states.select(state, parents)
        return row._replace(
            alive=alive, finished=finished, is_nan=is_nan, is_done=is_done
        ), state

    def result(self, rows):
        """The best hypotheses, unfinished ones after all finished."""
        unfinished = rows.alive._replace(
            scores=self._score(rows.alive, rows.sources)
        )
        best = hypotheses.fill_up(rows.finished, unfinished)
        count = self.settings.top_beams
        best = tf.nest.map_structure(lambda x: x[:, :count], best)
        result = contract.SearchResult(*best[:4], *best.attention)
        return contract.with_nan(result, rows.is_nan)

    def _extended(self, position, row, state):
        """The 2 W best one-token extensions, their parents, NaNs, the state."""
        beam_size = self.settings.beam_size
        choices, attention, state = extension.candidates_of(
            row.alive.ids,
            position,
            state,
            row.limits,
            self.step,
            self.task,
            self.settings.constraints,
            count=2 * beam_size,
        )
        is_nan = contract.is_nan(choices.log_probs, row.alive.scores > _NEVER)
        extended, parents = hypotheses.extend(
            row.alive, choices, attention, position, beam_size
        )
        return extended, parents, is_nan, state

    def _is_over(self, position, limits, alive, finished):
        """Whether no unfinished hypothesis of a row can change its result."""
        # Log-probabilities only fall, so this is the best to be hoped for.
        bound = alive.scores[:, 0] / self._divisor(limits.max_lengths)
        is_safe = finished.scores[:, self.settings.top_beams - 1] >= bound
        is_dead = alive.scores[:, 0] <= _NEVER
        is_last = position + 1 >= limits.max_lengths
        return is_safe | is_dead | is_last

    def _score(self, ranked, sources):
        """What hypotheses (B, W) are ranked by; NEVER stays."""
        scores = ranked.scores / self._divisor(ranked.lengths)
        if self.settings.coverage:
            scores += penalties.coverage_penalty(
                *ranked.attention, *sources, self.settings.coverage
            )
        return tf.where(ranked.scores > _NEVER, scores, _NEVER)

    def _divisor(self, lengths):
        # A row that may hold no token has no hypothesis to divide.
        return penalties.length_divisor(
            tf.maximum(lengths, 1), self.settings.alpha, self.settings.penalty
        )
