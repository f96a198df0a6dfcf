"""The steps of a beam search, and its data between two steps.

B batch   W beam size   T target length   S source length
"""

from typing import Any, NamedTuple

import tensorflow as tf

from keras_transformer.search import constraints as constraining
from keras_transformer.search import (
    contract,
    extension,
    hypotheses,
    penalties,
    risk,
    stopping,
)
from keras_transformer.search import task as tasks

_NEVER = contract.NEVER


class BeamStep(NamedTuple):
    """The beam of each row after one step of `BeamSearch.walk`.

    In a row that was done before the step, `candidates`, `parents` and
    `candidate_scores` mean nothing, and the other fields do not change.

    live: the W hypotheses that go on; their scores are log-probabilities.
    finished: the W best finished hypotheses; their scores include penalties.
    candidates: the 2 W best extensions of the previous live hypotheses. `live`
        and the new hypotheses of `finished` were chosen from them. Their scores
        are log-probabilities.
    parents: int32 `(B, 2 W)`, the index of the previous live hypothesis that
        each candidate extends.
    candidate_scores: `(B, 2 W)`, scores of `candidates` with penalties.
    live_scores: `(B, W)`, scores of `live` with penalties.
    result: the result of the search if it ended here.
    """

    live: hypotheses.Hypotheses
    finished: hypotheses.Hypotheses
    candidates: hypotheses.Hypotheses
    parents: tf.Tensor
    candidate_scores: tf.Tensor
    live_scores: tf.Tensor
    result: contract.SearchResult


class Rows(NamedTuple):
    """The rows of a beam search between two steps.

    `loop.run` may drop rows that are done. B does not count the dropped rows.
    """

    limits: constraining.RowLimits
    source_masks: tuple[tf.Tensor, ...]  # one tensor (B, S), or none
    live: hypotheses.Hypotheses  # W per row; scores are log-probabilities
    finished: hypotheses.Hypotheses  # W per row; scores include penalties
    is_nan: tf.Tensor  # (B,), whether a live hypothesis had NaN logits
    is_done: tf.Tensor  # (B,)


class Beam(NamedTuple):
    """A beam search of one task.

    settings: a `BeamSearch`.
    step: the step function.
    task: the task.
    """

    settings: Any
    step: contract.StepFn
    task: tasks.Task

    def first_rows(self) -> tuple[Rows, int | tf.Tensor]:
        """Returns the rows at the start, and the maximum number of steps.

        Each row has one live hypothesis, without tokens.

        Raises:
            ValueError: there is a coverage penalty without `source_mask`, or
                `limits_of_rows` refuses the limits or the prefixes.
        """
        self._check_coverage()
        limits = constraining.limits_of_rows(
            self.settings.constraints, self.task
        )
        longest = constraining.result_length(self.task, limits)
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

        rows = Rows(
            limits,
            masks,
            # Only one slot is live. If all W slots were live, their equal
            # hypotheses would get equal extensions, and stay equal.
            without_tokens([0.0] + [_NEVER] * (beam_size - 1)),
            without_tokens([_NEVER] * beam_size),
            tf.zeros_like(limits.max_lengths, tf.bool),
            limits.max_lengths < 1,
        )
        return rows, longest

    def advance(
        self, position: tf.Tensor, rows: Rows, state: contract.State
    ) -> tuple[Rows, contract.State]:
        """Extends the W live hypotheses of each row by one token.

        Args:
            position: scalar, the index of the new token.
            rows: `Rows`.
            state: the state of the step function, for W hypotheses per row.

        Returns:
            The rows after the step, of the same shapes, and the next state.
        """
        extended, state = self.extended(position, rows, state)
        return self.chosen(position, rows, state, *extended)

    def chosen(
        self,
        position: tf.Tensor,
        rows: Rows,
        state: contract.State,
        candidates: hypotheses.Hypotheses,
        parents: tf.Tensor,
        is_nan: tf.Tensor,
    ) -> tuple[Rows, contract.State]:
        """Chooses live and finished hypotheses from the candidates.

        At most W of the 2 W candidates have an end token, one for each live
        hypothesis. So at least W candidates can go on.

        Args:
            position: as for `advance`.
            rows: the rows before the step.
            state: the state after the step, not yet reordered by `parents`.
            candidates: 2 W `Hypotheses` of each row, best first.
            parents: `(B, 2 W)`, which live hypothesis each candidate extends.
            is_nan: `(B,)`, whether a live hypothesis has NaN logits.

        Returns:
            As for `advance`.
        """
        beam_size = self.settings.beam_size
        last_ids = tf.gather(candidates.ids, position, axis=2)  # (B, 2 W)
        is_end = last_ids == self.task.end_id  # (B, 2 W)
        # A row is stuck if even its best candidate is forbidden. Its live
        # hypotheses stay as they are, without an end token.
        is_stuck = candidates.scores[:, 0] <= _NEVER  # (B,)

        # The finished set takes the candidates that end, and keeps the W best.
        scores = self.scores(candidates, rows.source_masks)  # (B, 2 W)
        is_last = position + 1 >= rows.limits.max_lengths  # (B,)
        ends = stopping.ending(
            self.settings.stopping, is_end, is_last, beam_size
        )  # (B, 2 W)
        ended = candidates._replace(scores=tf.where(ends, scores, _NEVER))
        finished = hypotheses.merge(rows.finished, ended, beam_size)  # (B, W)
        # The W best candidates that neither end nor have an end token are live.
        continued = candidates._replace(
            scores=tf.where(is_end | ends, _NEVER, candidates.scores)
        )  # (B, 2 W)
        live, chosen = hypotheses.best(continued, beam_size)  # (B, W) both

        # A row that is done keeps its hypotheses while the other rows go on.
        # The conditions of `where` have one element for each row.
        live = hypotheses.where(rows.is_done | is_stuck, rows.live, live)
        finished = hypotheses.where(rows.is_done, rows.finished, finished)
        is_nan = rows.is_nan | (is_nan & ~rows.is_done)
        is_done = rows.is_done | is_stuck | is_nan
        is_done |= self._is_decided(position, rows.limits, live, finished)

        # Each new hypothesis gets the state of the hypothesis that it extends.
        parents = tf.gather(parents, chosen, batch_dims=1)  # (B, W)
        state = self.task.states.select(state, parents)
        return rows._replace(
            live=live, finished=finished, is_nan=is_nan, is_done=is_done
        ), state

    def result(self, rows: Rows) -> contract.SearchResult:
        """Returns the `top_beams` best hypotheses of each row.

        Finished hypotheses come before live ones. If `minimum_risk` is not 0,
        the first `minimum_risk` hypotheses are then sorted by expected BLEU. A
        row with NaN logits gets NaN scores.
        """
        live = rows.live._replace(
            scores=self.scores(rows.live, rows.source_masks)
        )
        best = hypotheses.fill_up(rows.finished, live)
        count = self.settings.num_ranked
        best = tf.nest.map_structure(lambda x: x[:, :count], best)
        result = contract.SearchResult(*best[:4], *best.attention)
        if self.settings.minimum_risk:
            result = risk.by_expected_bleu(
                result, self.settings.minimum_risk, self.task.end_id
            )
        result = contract.first_hypotheses(result, self.settings.top_beams)
        return contract.with_nan_scores(result, rows.is_nan)

    def extended(
        self, position: tf.Tensor, rows: Rows, state: contract.State
    ) -> tuple[
        tuple[hypotheses.Hypotheses, tf.Tensor, tf.Tensor], contract.State
    ]:
        """Finds the 2 W best extensions of the live hypotheses of each row.

        `chosen` decides which extensions become live or finished. The arguments
        are those of `advance`.

        Returns:
            A triple, and the state after the step. The triple has the 2 W best
            extensions; int32 `(B, 2 W)`, which live hypothesis each of them
            extends; and boolean `(B,)`, which rows have NaN logits.
        """
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
        return (extended, parents, is_nan), state

    def _is_decided(self, position, limits, live, finished):
        """Returns which rows need no further step, boolean `(B,)`.

        These are the rows that are done according to the stopping rule, that
        have no live hypothesis, or that have reached their maximum length.
        """
        is_decided = stopping.is_decided(
            self.settings.stopping,
            live,
            finished,
            (self._divisor(limits.max_lengths), self._divisor(position + 1)),
            self._num_certain(),
        )
        has_no_live = live.scores[:, 0] <= _NEVER
        is_last = position + 1 >= limits.max_lengths
        return is_decided | has_no_live | is_last

    def _num_certain(self):
        """Returns how many hypotheses must be certain before a row is done.

        A finished hypothesis is certain if no live hypothesis can still get a
        better score. Only the stopping rule `"certain"` uses this number.
        """
        only_best, all_ranked = self.task.only_best, self.settings.num_ranked
        # Each of the first `minimum_risk` hypotheses can have the best expected
        # BLEU. So all of them must be certain, even if only one is needed.
        fewest = max(1, self.settings.minimum_risk)
        if isinstance(only_best, bool):
            return fewest if only_best else all_ranked
        return tf.where(only_best, fewest, all_ranked)

    def scores(
        self,
        ranked: hypotheses.Hypotheses,
        source_masks: tuple[tf.Tensor, ...],
    ) -> tf.Tensor:
        """Returns the scores of hypotheses, penalties included.

        Args:
            ranked: W or 2 W hypotheses of each row; their scores are
                log-probabilities.
            source_masks: a tuple with one mask `(B, S)`, or an empty tuple.

        Returns:
            float32 `(B, W)` or `(B, 2 W)`. Empty slots keep the score
            `contract.NEVER`.
        """
        scores = ranked.scores / self._divisor(ranked.lengths)
        if self.settings.coverage:
            (attention,), (source_mask,) = ranked.attention, source_masks
            scores += penalties.coverage_penalty(
                attention, source_mask, self.settings.coverage
            )
        return tf.where(ranked.scores > _NEVER, scores, _NEVER)

    def _check_coverage(self):
        coverage = self.settings.coverage
        if coverage and self.task.source_mask is None:
            raise ValueError(
                "The coverage penalty needs to know which source tokens are "
                f"real. Received: coverage={coverage}, source_mask=None. Give "
                "the task a `source_mask`, and a step that returns attention."
            )

    def _divisor(self, lengths):
        # A length of 0 becomes 1, so that `"average"` does not divide by 0.
        return penalties.length_divisor(
            tf.maximum(lengths, 1), self.settings.alpha, self.settings.penalty
        )
