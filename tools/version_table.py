"""Tests which versions of TensorFlow load SavedModels of other versions.

    python -m tools.version_table --pythons=a/bin/python,b/bin/python

Each interpreter has a different version of TensorFlow, and the dependencies of
this project. Each interpreter exports a small model with random weights. All
use the same random seed. Then each interpreter loads all SavedModels and
translates, in a process that imports only tensorflow and tensorflow_text. The
program prints a Markdown table. It has a row for each version that wrote a
SavedModel, and a column for each version that read it. A cell says whether the
SavedModel loads, and whether its translations equal those of the writer.
"""

import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

import keras_transformer as kt
from tools.inspect_saved_model import probe
from trainers import program
from trainers.settings_flags import setting

_ROOT = pathlib.Path(__file__).parents[1]
_TEXTS = ["the cat sat on the mat", "a dog ran away", "small cats", ""]


@dataclasses.dataclass(frozen=True)
class Versions:
    """The flags of the program, and of the processes that it starts."""

    pythons: list[str] = setting(
        "Python interpreters. Default: this one.", [sys.executable]
    )
    write: str | None = setting(
        "Used by the processes that this one starts: directory to write.", None
    )


@program.main(Versions)
def main(versions):
    if versions.write is not None:
        print(json.dumps(write(versions.write)))
        return
    for python in versions.pythons:
        if not os.access(python, os.X_OK):
            raise FileNotFoundError(
                f"{python} is not a program. Give the Python interpreters of "
                "virtual environments, with commas between."
            )
    with tempfile.TemporaryDirectory() as folder:
        for line in table(versions.pythons, pathlib.Path(folder)):
            print(line)


def table(
    pythons: Sequence[str],
    folder: pathlib.Path,
    run: Callable[..., dict] | None = None,
) -> list[str]:
    """Returns the lines of the table.

    Args:
        pythons: the interpreters.
        folder: a directory for the SavedModels.
        run: a function with the arguments and the result of `run_process`;
            `None` for `run_process` itself.
    """
    run = run or run_process
    written = [
        run([python, "-m", "tools.version_table", f"--write={folder / str(i)}"])
        for i, python in enumerate(pythons)
    ]
    names = [answer.get("tensorflow", "?") for answer in written]
    lines = [
        f"| written by | {' | '.join(f'read by {name}' for name in names)} |",
        f"|---|{'---|' * len(names)}",
    ]
    for i, answer in enumerate(written):
        if "error" in answer:
            cells = [f"not written: {answer['error']}"] * len(pythons)
        else:
            job = {
                "directory": str(folder / str(i)),
                "texts": _TEXTS,
                "calls": {},
                "batch_sizes": [],
                "threads": [],
                "requests": 0,
            }
            cells = [
                cell(
                    run([python, "-I", probe.__file__], json.dumps(job)),
                    answer["translations"],
                )
                for python in pythons
            ]
        lines.append(f"| {names[i]} | {' | '.join(cells)} |")
    return lines


def cell(answer: dict, translations: list[str]) -> str:
    """Returns the text of a cell, which says whether the SavedModel works.

    Args:
        answer: the answer of the process that loaded the SavedModel, or a dict
            with `error`.
        translations: the translations of the process that wrote the SavedModel.
    """
    if "error" in answer:
        return f"no: {answer['error']}"
    if answer["translations"] != translations:
        return "loads, but translates differently"
    return "yes"


def run_process(command: list[str], text: str = "") -> dict:
    """Runs a command in the root folder of this project.

    Args:
        command: the program and its arguments.
        text: the standard input of the command.

    Returns:
        The JSON in the last line of the output; `{"error": ...}` with the last
        line of standard error if the command fails.
    """
    result = subprocess.run(
        command,
        input=text,
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
        capture_output=True,
        text=True,
    )
    if result.returncode:
        lines = result.stderr.strip().splitlines() or ["no message"]
        return {"error": lines[-1]}
    return json.loads(result.stdout.splitlines()[-1])


def write(directory: str) -> dict:
    """Exports a small model with random weights, and translates with the model.

    Args:
        directory: the directory of the SavedModel.

    Returns:
        Dict of `tensorflow`, the version of TensorFlow, and `translations`, the
        translations of `_TEXTS`.
    """
    tokenizer = kt.Tokenizer(
        kt.learn_vocabulary(_TEXTS[:3], may_be_smaller=True)
    )
    keras.utils.set_random_seed(0)
    config = kt.TransformerConfig(tokenizer.vocabulary_size, 1, 1, 8, 2, 13)
    model = kt.build_transformer(config)
    for weight in model.trainable_weights:
        # Larger weights make the translations depend on the source.
        weight.assign(3 * weight)
    translator = kt.Translator(
        model, tokenizer, lengths=kt.translation.Lengths(maximum=11)
    )
    kt.export.save(translator, directory)
    return {
        "tensorflow": tf.__version__,
        "translations": translator.translate(_TEXTS),
    }


if __name__ == "__main__":
    main.run()
