"""Calls of each search with the same arguments, for tests of all searches."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from keras_transformer import search


class Asked(NamedTuple):
    """Constraints of a search, and constraints of a task, in one record."""

    min_lengths: Any = 0
    prefix: Any = None
    banned_ids: Sequence[int] = ()
    no_repeat_ngram_size: int = 0
    longest: int | None = None

    def constraints(self):
        return search.Constraints(
            banned_ids=self.banned_ids,
            no_repeat_ngram_size=self.no_repeat_ngram_size,
        )

    def of_task(self):
        return {
            "min_lengths": self.min_lengths,
            "prefix": self.prefix,
            "longest": self.longest,
        }


NOTHING = Asked()


def _run(kind, step, state, constraints=NOTHING, **arguments):
    """Runs a search with arguments of `Task` and of the class `kind`."""
    task = {
        name: arguments.pop(name)
        for name in search.Task._fields
        if name in arguments
    }
    made = kind(constraints=constraints.constraints(), **arguments)
    return made(step, state, search.Task(**task, **constraints.of_task()))


def beam_search(step, state, **arguments):
    return _run(search.BeamSearch, step, state, **arguments)


def greedy_search(step, state, **arguments):
    return _run(search.GreedySearch, step, state, **arguments)


def sampling_search(step, state, **arguments):
    keys = {}
    if len(np.shape(arguments.get("seed", 0))) > 0:
        keys = {"row_keys": arguments.pop("seed")}
    return _run(search.SamplingSearch, step, state, **keys, **arguments)
