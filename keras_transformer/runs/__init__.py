"""The directory of a run, and functions that read from it or write to it.

`load_translator` loads the translator of a run.
"""

from keras_transformer.runs.calibrations import (
    read_calibration,
    write_calibration,
)
from keras_transformer.runs.loading import (
    describe_run,
    load_translator,
    run_architecture,
    run_lengths,
    run_search,
)
from keras_transformer.runs.run_directory import RunDirectory, write_json

__all__ = [
    "RunDirectory",
    "describe_run",
    "load_translator",
    "read_calibration",
    "run_architecture",
    "run_lengths",
    "run_search",
    "write_calibration",
    "write_json",
]
