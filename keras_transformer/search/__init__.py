"""Searches for probable sequences, or draws samples, with a step function."""

from keras_transformer.search.base import Search, as_search
from keras_transformer.search.beam import BeamSearch
from keras_transformer.search.constraints import Constraints
from keras_transformer.search.contract import (
    RowStates,
    SearchResult,
    States,
    StepFn,
)
from keras_transformer.search.greedy import GreedySearch
from keras_transformer.search.penalties import (
    LENGTH_PENALTIES,
    coverage_penalty,
    length_divisor,
)
from keras_transformer.search.sampling import SamplingSearch
from keras_transformer.search.scoring import score_targets
from keras_transformer.search.stopping import STOPPINGS
from keras_transformer.search.task import Task

__all__ = [
    "BeamSearch",
    "Constraints",
    "GreedySearch",
    "LENGTH_PENALTIES",
    "RowStates",
    "STOPPINGS",
    "SamplingSearch",
    "Search",
    "SearchResult",
    "States",
    "StepFn",
    "Task",
    "as_search",
    "coverage_penalty",
    "length_divisor",
    "score_targets",
]
