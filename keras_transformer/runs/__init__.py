"""The directory of a training run, and how a translator is loaded from it."""

from keras_transformer.runs.loading import (
    load_translator,
    run_architecture,
    run_lengths,
    run_search,
)
from keras_transformer.runs.run_directory import RunDirectory, write_json

__all__ = [
    "RunDirectory",
    "load_translator",
    "run_architecture",
    "run_lengths",
    "run_search",
    "write_json",
]
