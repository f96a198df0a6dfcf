"""Beam search with separate sets of live and finished hypotheses.

B batch   W beam size   T target length   V vocabulary_size   S source length
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
    """Extends the `beam_size` best live hypotheses of each row at every step.

    Hypotheses that reach the end token move to the finished set. It is ranked
    by log-probability divided by `length_divisor`, plus `coverage_penalty`.
    Finished hypotheses never change. A row is done when no live hypothesis can
    still enter its finished set, even with the length penalty of the row's
    limit, or when no token is allowed. The live hypotheses that are left then
    are ranked by the same score, after all finished hypotheses. Section 6.1 of
    the paper uses beam size 4 and alpha 0.6.

    Args:
        beam_size: W. It may exceed the number of possible hypotheses.
        top_beams: how many hypotheses of each row to return.
        alpha: strength of the length penalty; 0 for no penalty.
        penalty: form of the length penalty, `"gnmt"`, `"average"` or
            `"none"`, see `length_divisor`.
        coverage: beta of the coverage penalty, which needs the task's
            `source_mask`; 0 for no penalty.
        constraints: the `Constraints` of every hypothesis.

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
                "A beam search returns at most `beam_size` hypotheses. "
                f"Received: top_beams={self.top_beams}, "
                f"beam_size={self.beam_size}. Expected 1 <= top_beams <= "
                "beam_size."
            )
        for name in ("top_beams", "beam_size"):
            contract.check_count(name, getattr(self, name))
        penalties.check_penalties(self.alpha, self.penalty, self.coverage)

    def __call__(
        self, step: contract.StepFn, state: contract.State, task: tasks.Task
    ) -> contract.SearchResult:
        if self.coverage and task.source_mask is None:
            raise ValueError(
                "The coverage penalty needs to know which source tokens are "
                f"real. Received: coverage={self.coverage}, source_mask=None. "
                "Give the task a `source_mask`, and a step that returns "
                "attention."
            )
        limits = constraining.limits_of_rows(self.constraints, task)
        longest = constraining.result_length(task, limits)
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
        """Returns whether there is a coverage penalty."""
        return bool(self.coverage)

    def with_n_best(self, count: int | None = None) -> "BeamSearch":
        """Returns this search with `count` as `top_beams`; `None` means W."""
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
        self,
        logits: contract.TensorLike,
        target_ids: contract.TensorLike,
        *,
        pad_id: int,
        attention: contract.TensorLike | None = None,
        source_mask: contract.TensorLike | None = None,
    ) -> contract.SearchResult:
        """Scores existing targets with the penalties of this search."""
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
    """The state of all rows between two steps."""

    limits: constraining.RowLimits
    source_masks: tuple[tf.Tensor, ...]  # one tensor (B, S), or none
    live: hypotheses.Hypotheses  # W of a row; scores are log-probabilities
    finished: hypotheses.Hypotheses  # W of a row; scores include penalties
    is_nan: tf.Tensor  # (B,), whether a live hypothesis had NaN logits
    is_done: tf.Tensor  # (B,)


class _Beam(NamedTuple):
    """A beam search of one task."""

    settings: BeamSearch
    step: contract.StepFn
    task: tasks.Task

    def first_rows(self, limits, longest):
        """Returns the rows before the first step: one empty hypothesis each."""
        masks = extension.source_masks(self.task)
        beam_size = self.settings.beam_size
        rows = tf.shape(limits.max_lengths)[0]
        shape = [limits.max_lengths.shape[0] or rows, beam_size, longest]

        def without_tokens(scores):
            return hypotheses.Hypotheses(
                tf.fill(shape, self.task.pad_id),
                tf.zeros(shape[:2], tf.int32),
                tf.tile(tf.constant([scores], tf.float32), [shape[0], 1]),
                tf.zeros(shape),
                tuple(
                    tf.zeros([*shape, hypotheses.size(mask, 1)])
                    for mask in masks
                ),
            )

        return _Rows(
            limits,
            masks,
            # One slot is live: otherwise the beam has W equal hypotheses.
            without_tokens([0.0] + [_NEVER] * (beam_size - 1)),
            without_tokens([_NEVER] * beam_size),
            tf.zeros_like(limits.max_lengths, tf.bool),
            limits.max_lengths < 1,
        )

    def advance(self, position, rows, state):
        """Extends the W live hypotheses of each row by one token.

        Args:
            position: scalar, where the token is written.
            rows: `_Rows`.
            state: the state of the step function, `(B W, ...)`.

        Returns:
            The rows and the state after the step, of the same shapes.
        """
        beam_size = self.settings.beam_size
        # At most W of 2 W candidates end, one for each live hypothesis, so at
        # least W go on. candidates: (B, 2W, ...); parents: (B, 2W).
        candidates, parents, is_nan, state = self._extended(
            position, rows, state
        )
        last_ids = tf.gather(candidates.ids, position, axis=2)  # (B, 2W)
        is_end = last_ids == self.task.end_id  # (B, 2W)
        # Even the best candidate is forbidden: the live hypotheses of this row
        # remain as they are, without an end token.
        is_stuck = candidates.scores[:, 0] <= _NEVER  # (B,)

        # The finished set takes the candidates that end, and keeps the W best.
        scores = self._score(candidates, rows.source_masks)  # (B, 2W)
        ended = candidates._replace(scores=tf.where(is_end, scores, _NEVER))
        finished = hypotheses.merge(rows.finished, ended, beam_size)  # (B, W)
        # The W best of the other candidates are the next live hypotheses.
        continued = candidates._replace(
            scores=tf.where(is_end, _NEVER, candidates.scores)  # (B, 2W)
        )
        live, chosen = hypotheses.best(continued, beam_size)  # (B, W) both

        # Rows that are done do not change, so that the result of a row does
        # not depend on how many steps other rows take. Conditions are (B,).
        live = hypotheses.where(rows.is_done | is_stuck, rows.live, live)
        finished = hypotheses.where(rows.is_done, rows.finished, finished)
        is_nan = rows.is_nan | (is_nan & ~rows.is_done)
        is_done = rows.is_done | is_stuck | is_nan
        is_done |= self._is_decided(position, rows.limits, live, finished)

        # The state follows: slot w continues live hypothesis parents[:, w].
        parents = tf.gather(parents, chosen, batch_dims=1)  # (B, W)
        state = self.task.states.select(state, parents)  # (B W, ...)
        return rows._replace(
            live=live, finished=finished, is_nan=is_nan, is_done=is_done
        ), state

    def result(self, rows):
        """Returns the best hypotheses, live ones after all finished ones."""
        live = rows.live._replace(
            scores=self._score(rows.live, rows.source_masks)
        )
        best = hypotheses.fill_up(rows.finished, live)
        count = self.settings.top_beams
        best = tf.nest.map_structure(lambda x: x[:, :count], best)
        result = contract.SearchResult(*best[:4], *best.attention)
        return contract.with_nan_scores(result, rows.is_nan)

    def _extended(self, position, rows, state):
        """Returns the 2 W best extensions, parents, rows with NaN and state."""
        beam_size = self.settings.beam_size
        choices, attention, state = extension.next_candidates(
            rows.live.ids,
            position,
            state,
            rows.limits,
            self.step,
            self.task,
            self.settings.constraints,
            count=2 * beam_size,
        )
        is_live = rows.live.scores > _NEVER  # (B, W)
        is_nan = contract.rows_with_nan(choices.log_probs, is_live)  # (B,)
        extended, parents = hypotheses.extend(
            rows.live, choices, attention, position, beam_size
        )
        return extended, parents, is_nan, state

    def _is_decided(self, position, limits, live, finished):
        """Returns the rows (B,) whose result no live hypothesis can change."""
        # A log-probability only falls with further tokens, and the divisor is
        # largest at the limit. So no live hypothesis can end above this bound.
        bound = live.scores[:, 0] / self._divisor(limits.max_lengths)
        is_safe = finished.scores[:, self.settings.top_beams - 1] >= bound
        has_no_live = live.scores[:, 0] <= _NEVER
        is_last = position + 1 >= limits.max_lengths
        return is_safe | has_no_live | is_last

    def _score(self, ranked, source_masks):
        """Returns scores with penalties (B, W); empty slots keep NEVER."""
        scores = ranked.scores / self._divisor(ranked.lengths)
        if self.settings.coverage:
            (attention,), (source_mask,) = ranked.attention, source_masks
            scores += penalties.coverage_penalty(
                attention, source_mask, self.settings.coverage
            )
        return tf.where(ranked.scores > _NEVER, scores, _NEVER)

    def _divisor(self, lengths):
        # Lengths are at least 1: with a limit of 0, `"average"` divides by 0.
        return penalties.length_divisor(
            tf.maximum(lengths, 1), self.settings.alpha, self.settings.penalty
        )
