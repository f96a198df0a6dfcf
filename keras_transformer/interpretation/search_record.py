"""Records what a search does at each step."""

import dataclasses

import numpy as np

from keras_transformer.interpretation import record
from keras_transformer.search import (
    base,
    beam,
    contract,
    greedy,
    hypotheses,
)
from keras_transformer.search import task as tasks

_SETTINGS = ("beam_size", "top_beams", "alpha", "penalty", "coverage")


class RecordingSearch(base.Search):
    """A search that keeps a record of what another search does.

    Call it for one sentence, outside of graphs. It returns the result of the
    other search.

    Args:
        search: the other search.

    Attributes:
        record: the `SearchRecord` of the last call; `None` before the first
            call, or if the other search is neither `BeamSearch` nor
            `GreedySearch`.
        result: the `SearchResult` of the last call; `None` before the first
            call.
    """

    def __init__(self, search: base.Search):
        self.search = search
        self.record: record.SearchRecord | None = None
        self.result: contract.SearchResult | None = None

    def __call__(
        self, step: contract.StepFn, state: contract.State, task: tasks.Task
    ) -> contract.SearchResult:
        if isinstance(self.search, beam.BeamSearch):
            walk = list(self.search.walk(step, state, task))
            self.result = walk[-1].result
            self.record = _of_beam(self.search, walk, self.result)
            return self.result
        self.result = result = self.search(step, state, task)
        if isinstance(self.search, greedy.GreedySearch):
            self.record = _of_greedy(result, task.end_id)
        return result

    @property
    def needs_attention(self) -> bool:
        """Returns `needs_attention` of the other search."""
        return self.search.needs_attention


def _of_beam(search, walk, result):
    settings = {name: getattr(search, name) for name in _SETTINGS}
    steps = [_beam_step(step) for step in walk]
    return record.SearchRecord("beam", settings, steps, _results(result))


def _beam_step(step):
    candidates = _listed(
        step.candidates, step.candidate_scores, step.parents[0].numpy()
    )
    parents = {tuple(each.ids): each.parent for each in candidates}

    def with_parents(listed):
        return [
            dataclasses.replace(each, parent=parents.get(tuple(each.ids)))
            for each in listed
        ]

    live = _listed(step.live, step.live_scores)
    finished = _listed(step.finished, step.finished.scores)
    kept = {tuple(each.ids) for each in (*live, *finished)}
    return record.SearchStep(
        with_parents(live),
        with_parents(finished),
        [each for each in candidates if tuple(each.ids) not in kept],
    )


def _of_greedy(result, end_id):
    listed = _results(result)
    if not listed:  # `_results` left out the hypothesis: its score is NaN.
        return record.SearchRecord("greedy", {}, [], [])
    (hypothesis,) = listed
    log_probs = np.cumsum(result.log_probs[0, 0].numpy().astype("float64"))
    steps = []
    for t in range(len(hypothesis.ids)):
        ids = hypothesis.ids[: t + 1]
        total = float(log_probs[t])
        now = [record.Hypothesis(ids, total, total, parent=0)]
        steps.append(
            record.SearchStep([], now, [])
            if ids[-1] == end_id
            else record.SearchStep(now, [], [])
        )
    return record.SearchRecord("greedy", {}, steps, [hypothesis])


def _results(result):
    listed = hypotheses.Hypotheses(
        result.ids, result.lengths, result.scores, result.log_probs, ()
    )
    return _listed(listed, result.scores)


def _listed(slots, scores, parents=None):
    """Returns the hypotheses of the batch's only row.

    Empty slots, and hypotheses whose score is NaN, are left out.
    """
    return [
        record.Hypothesis(
            slots.ids[0, i, : slots.lengths[0, i]].numpy().tolist(),
            float(np.sum(slots.log_probs[0, i], dtype="float64")),
            float(scores[0, i]),
            None if parents is None else int(parents[i]),
        )
        for i in range(scores.shape[1])
        if scores[0, i] > contract.NEVER
    ]
