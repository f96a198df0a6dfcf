"""Decoding: from a step function to the best sequences."""

from keras_transformer.search.beam import beam_search
from keras_transformer.search.constraints import Constraints
from keras_transformer.search.contract import (
    RowStates,
    SearchResult,
    States,
    StepFn,
)
from keras_transformer.search.greedy import greedy_search
from keras_transformer.search.penalties import (
    LENGTH_PENALTIES,
    coverage_penalty,
    length_penalty,
)
from keras_transformer.search.sampling import sampling_search
from keras_transformer.search.scoring import score_targets

__all__ = [
    "Constraints",
    "LENGTH_PENALTIES",
    "RowStates",
    "SearchResult",
    "States",
    "StepFn",
    "beam_search",
    "coverage_penalty",
    "greedy_search",
    "length_penalty",
    "sampling_search",
    "score_targets",
]
