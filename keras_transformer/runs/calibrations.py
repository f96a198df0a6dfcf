"""Reads and writes the file with the `Calibration` of a run.

A `Calibration` turns log-probabilities of translations into confidences.
"""

import json
import os
import pathlib

from keras_transformer import translation
from keras_transformer.runs import run_directory as directories


def write_calibration(
    run_directory: str | os.PathLike[str],
    calibration: translation.Calibration,
) -> pathlib.Path:
    """Writes the calibration of a run, and returns the path of its file."""
    path = directories.RunDirectory(run_directory).confidence
    directories.write_json(path, calibration.as_json())
    return path


def read_calibration(
    run_directory: str | os.PathLike[str],
) -> translation.Calibration | None:
    """Reads the calibration of a run; returns `None` if its file is missing.

    Raises:
        ValueError: the file is damaged.
    """
    path = directories.RunDirectory(run_directory).confidence
    if not path.is_file():
        return None
    try:
        return translation.Calibration.from_json(
            json.loads(path.read_text(encoding="utf-8"))
        )
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
