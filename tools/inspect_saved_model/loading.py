"""Checks SavedModel directories, and calls SavedModels in other processes."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

from keras_transformer import export
from tools.inspect_saved_model import probe

# These texts are used if a SavedModel has no warm-up texts. The SavedModels of
# older versions of this package have none.
_TEXTS = ["Hello.", "A second text, which is a little longer."]


def check_directory(directory: str | os.PathLike[str]) -> None:
    """Raises FileNotFoundError if a directory holds no SavedModel."""
    path = pathlib.Path(directory)
    if (path / "saved_model.pb").is_file():
        return
    # Versions are numbers: 10 comes after 9.
    versions = sorted(
        (each.parent.name for each in path.glob("*/saved_model.pb")),
        key=lambda name: (len(name), name),
    )
    advice = "Give the directory that tools.export_saved_model printed."
    if versions:
        advice = f"Give one of its versions: {path / versions[-1]}."
    raise FileNotFoundError(
        f"{directory} is not a SavedModel: it has no file saved_model.pb. "
        f"{advice}"
    )


def texts_of(directory: str | os.PathLike[str]) -> list[str]:
    """Returns the warm-up texts of a SavedModel.

    If it has none, returns two short texts.
    """
    return export.read_metadata(directory).get("warm_up") or _TEXTS


def ask(job: dict) -> dict:
    """Runs `probe.run` in a separate process, and returns its result.

    Args:
        job: the argument of `probe.run`.

    Raises:
        ValueError: TensorFlow cannot load and call the SavedModel, or its
            default signature does not translate texts.
    """
    directory = str(pathlib.Path(job["directory"]).absolute())
    # A SavedModel must run without this package. With -I Python ignores
    # PYTHONPATH and the folder of the program, so the process can import this
    # package only if it is installed.
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
