"""Decoding: from a step function to the best sequences."""

from keras_transformer.search.beam import (
    LENGTH_PENALTIES,
    beam_search,
    length_penalty,
)
from keras_transformer.search.contract import SearchResult, StepFn
from keras_transformer.search.greedy import greedy_search

__all__ = [
    "LENGTH_PENALTIES",
    "SearchResult",
    "StepFn",
    "beam_search",
    "greedy_search",
    "length_penalty",
]
