"""Beam search with separate sets of live and finished hypotheses.

B batch   W beam size   T target length   V vocabulary_size   S source length
"""

import dataclasses
from collections.abc import Iterator

import tensorflow as tf

from keras_transformer.search import (
    base,
    beam_steps,
    contract,
    loop,
    penalties,
    scoring,
    stopping,
)
from keras_transformer.search import constraints as constraining
from keras_transformer.search import task as tasks


@dataclasses.dataclass(frozen=True)
class BeamSearch(base.Search):
    """A search that extends the `beam_size` best hypotheses of each row.

    Hypotheses without an end token are live; each step extends them. Hypotheses
    that reach the end token never change. The W best of them are the finished
    set. The score of a hypothesis is its log-probability divided by
    `length_divisor`, plus `coverage_penalty`. A row is done when it reaches its
    maximum length, when no token is allowed, when logits are NaN, or when no
    live hypothesis can still change the result of the row. In the result, all
    finished hypotheses come before the live hypotheses, and each of the two
    groups is sorted by score. Section 6.1 of the paper uses beam size 4 and
    alpha 0.6.

    Other systems stop earlier. With `stopping="full"` a row is done when it
    has W finished hypotheses, as in CTranslate2, fairseq and, with
    `early_stopping=True`, transformers. With `"current_length"`, the default
    of transformers, the row must also meet a second condition: if the best
    live hypothesis ended now, its score would not exceed the score of the worst
    finished hypothesis.

    A step finds the 2 W best extensions of a row. An extension is a live
    hypothesis with one more token. By default an extension ends if it has an
    end token. With `"full"` and `"current_length"`, only the W best extensions
    can end. Each of these W ends if it has an end token, or if the row has
    reached its maximum length. All other extensions with an end token are
    dropped.

    Args:
        beam_size: W. It may exceed the number of possible hypotheses.
        top_beams: how many hypotheses of each row to return, from 1 to W.
        alpha: strength of the length penalty; 0 for no penalty.
        penalty: form of the length penalty, `"gnmt"`, `"average"` or
            `"none"`, see `length_divisor`.
        coverage: beta of the coverage penalty, which needs the task's
            `source_mask`; 0 for no penalty.
        constraints: the `Constraints` of every hypothesis.
        stopping: the rule that tells when a row is done, `"certain"`, `"full"`
            or `"current_length"`.
        minimum_risk: how many of the best hypotheses are compared with each
            other and sorted by expected BLEU, see `by_expected_bleu`; 0 keeps
            the order of the scores.

    Raises:
        ValueError: `beam_size`, `top_beams` or `minimum_risk` is not a whole
            number, `top_beams` is not in [1, `beam_size`], `minimum_risk` is
            not in [0, `beam_size`], `alpha` or `coverage` is below 0 or not
            finite, `penalty` or `stopping` is unknown, or `stopping` is
            `"current_length"` with a coverage penalty.

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
    stopping: str = "certain"
    minimum_risk: int = 0

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
        if not 0 <= self.minimum_risk <= self.beam_size:
            raise ValueError(
                "A beam search compares at most `beam_size` hypotheses. "
                f"Received: minimum_risk={self.minimum_risk}, "
                f"beam_size={self.beam_size}. Expected 0 <= minimum_risk <= "
                "beam_size."
            )
        if self.minimum_risk:
            contract.check_count("minimum_risk", self.minimum_risk)
        penalties.check_penalties(self.alpha, self.penalty, self.coverage)
        stopping.check_stopping(self.stopping, self.coverage)

    def __call__(
        self, step: contract.StepFn, state: contract.State, task: tasks.Task
    ) -> contract.SearchResult:
        beam = beam_steps.Beam(self, step, task)
        rows, longest = beam.first_rows()
        rows = loop.run(
            beam.advance,
            rows,
            task.states.widen(state, self.beam_size),
            task.states,
            self.beam_size,
            longest,
        )
        return beam.result(rows)

    def walk(
        self, step: contract.StepFn, state: contract.State, task: tasks.Task
    ) -> Iterator[beam_steps.BeamStep]:
        """Searches outside of a graph; yields a `BeamStep` after every step.

        The arguments are those of `__call__`. The walk ends when all rows are
        done. The `result` of the last `BeamStep` is the result of `__call__`.
        If the maximum length of every row is 0, there is no step.
        """
        beam = beam_steps.Beam(self, step, task)
        rows, longest = beam.first_rows()
        state = task.states.widen(state, self.beam_size)
        for position in range(int(longest)):
            if tf.reduce_all(rows.is_done):
                break
            extended, state = beam.extended(tf.constant(position), rows, state)
            rows, state = beam.chosen(
                tf.constant(position), rows, state, *extended
            )
            candidates, parents, _ = extended
            yield beam_steps.BeamStep(
                rows.live,
                rows.finished,
                candidates,
                parents,
                beam.scores(candidates, rows.source_masks),
                beam.scores(rows.live, rows.source_masks),
                beam.result(rows),
            )

    @property
    def num_ranked(self) -> int:
        """Returns how many hypotheses of a row must be ranked.

        The search compares `minimum_risk` hypotheses and returns `top_beams`
        hypotheses. The larger of the two numbers must be ranked.
        """
        return max(self.top_beams, self.minimum_risk)

    @property
    def needs_attention(self) -> bool:
        """Returns whether the task must have a `source_mask`.

        A coverage penalty needs the mask and the attention of each step.
        """
        return bool(self.coverage)

    def with_n_best(self, count: int | None = None) -> "BeamSearch":
        """Returns a copy with `count` as `top_beams`; `None` means W.

        Raises:
            ValueError: `count` is not a whole number in [1, W].
        """
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
        """Scores existing targets with the penalties of this search.

        See `score_targets` for the arguments, the result and the errors.
        """
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
