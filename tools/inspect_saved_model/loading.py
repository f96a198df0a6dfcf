"""Runs the probe in a clean process, and refuses what is no SavedModel."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

from keras_transformer import export
from tools.inspect_saved_model import probe

# Texts for a SavedModel that says none, which an older version wrote.
_TEXTS = ["Hello.", "A second text, which is a little longer."]


def check_directory(directory: str | os.PathLike[str]) -> None:
    """Raises FileNotFoundError if a directory holds no SavedModel."""
    path = pathlib.Path(directory)
    if (path / "saved_model.pb").is_file():
        return
    versions = sorted(
        each.parent.name for each in path.glob("*/saved_model.pb")
    )
    advice = "Give the directory that tools.export_saved_model printed."
    if versions:
        advice = f"Give one of its versions: {path / versions[-1]}."
    raise FileNotFoundError(
        f"{directory} is not a SavedModel: it has no file saved_model.pb. "
        f"{advice}"
    )


def texts_of(directory: str | os.PathLike[str]) -> list[str]:
    """Returns the texts of a SavedModel's warm-up requests."""
    return export.read_metadata(directory).get("warm_up") or _TEXTS


def ask(job: dict) -> dict:
    """Runs a job of `probe.run` in a process that has only what a server has.

    Raises:
        ValueError: TensorFlow cannot load the SavedModel, or it is of another
            kind.
    """
    directory = str(pathlib.Path(job["directory"]).absolute())
    # Python leaves out the variable PYTHONPATH and the program's own folder,
    # so that this package is not there unless it is installed.
    result = subprocess.run(
        [sys.executable, "-I", probe.__file__],
        input=json.dumps({**job, "directory": directory}),
        cwd=tempfile.gettempdir(),
        capture_output=True,
        text=True,
    )
    if result.returncode:
        lines = result.stderr.strip().splitlines() or ["no message"]
        raise ValueError(
            f"{job['directory']} cannot be loaded and called as a SavedModel "
            f"of this package: {lines[-1]} Copy or export it again."
        )
    answer = json.loads(result.stdout.splitlines()[-1])
    if "translations" not in answer:
        signatures = ", ".join(
            f"{name} of {', '.join(described['inputs']) or 'nothing'}"
            for name, described in answer["signatures"].items()
        )
        raise ValueError(
            f"{job['directory']} is a SavedModel of another kind. Received the "
            f"signatures: {signatures or 'none'}. Expected serving_default, "
            "from text to translation and score. Give one that "
            "tools.export_saved_model wrote."
        )
    return answer
