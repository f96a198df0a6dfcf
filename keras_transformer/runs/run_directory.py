"""Defines the paths in the directory of a run; reads and writes the files."""

import json
import os
import pathlib
import shutil
import zipfile
from collections.abc import Callable
from importlib import metadata
from typing import Any

# Settings that older `config.json` files do not have, with the values that the
# older runs used. A new setting needs a line here if its default is different
# from what runs did before.
_OLD_VALUES = {
    "tokenize": "13a",
    "text_normalization": "none",
    "rare_characters": 0.0,
    "packed": False,
    "train_shards": [],
    "train_weights": [],
    "freeze": [],
    "select_by": "last",
    "replaces_recipe": [],
    "direction_tags": [],
    "optimizer": "adam",
    "schedule": "paper",
    "consistency": "none",
    "teacher": [],
    "consistency_start": 0,
    "consistency_ramp": 0,
    "minimum_risk": 0,
}
# Fields of the architecture that older `config.json` files do not have, with
# the values that the older runs used.
_OLD_ARCHITECTURE = {
    "attention_dropout": 0.0,
    "activation_dropout": 0.0,
    "word_dropout": 0.0,
    "max_positions": 1024,
}
# `replace_saved_model` uses directories whose names begin with this prefix.
_SAVING = ".saving-"
_PACKAGES = ("tensorflow", "tensorflow-text", "keras", "sentencepiece")


class RunDirectory:
    """The paths in a run directory, and methods that read and write its files.

    All attributes are paths.

    Args:
        path: the trainer's `--output_dir`.

    Attributes:
        config: the architecture, the settings, a description of the data, and
            the versions of packages.
        tokenizer: the vocabulary of sources and targets, or only of sources if
            the file `target_tokenizer` exists.
        target_tokenizer: the vocabulary of the targets, if it is separate.
        shards: the shard directory of the training text, if the text is large.
        text_of_shards: a description of the text from which the shards were
            made.
        checkpoints: the folder of the checkpoints that training continues from.
        stages: the folder with the run directories of the earlier stages, if
            this run is the last stage of a recipe, see `trainers.recipes`.
        model: the final model, a Keras model file.
        unfinished_model: the model file while it is being written.
        confidence: the `Calibration` that `tools.calibrate` writes. Confidences
            of translations are computed with it.
        saved_model: the directory of the SavedModel.
        page: an HTML page that contains the model; only for runs with the
            built-in corpus.
        logs: the folder that TensorBoard reads.
        evaluations: the scores of the model on the development pairs, such as
            BLEU, after every `evaluation_interval` steps.
        metrics: the measured results. The run is complete if the file exists.

    Example:

    >>> RunDirectory("runs/demo").model.name
    'model.keras'
    """

    def __init__(self, path: str | os.PathLike[str]):
        self.path = pathlib.Path(path)
        self.config = self.path / "config.json"
        self.tokenizer = self.path / "tokenizer.model"
        self.target_tokenizer = self.path / "target_tokenizer.model"
        self.shards = self.path / "shards"
        self.text_of_shards = self.shards / "text.json"
        self.checkpoints = self.path / "checkpoints"
        self.stages = self.path / "stages"
        self.model = self.path / "model.keras"
        self.unfinished_model = self.path / "unfinished.keras"
        self.confidence = self.path / "confidence.json"
        self.saved_model = self.path / "saved_model" / "1"
        self.page = self.path / "page.html"
        self.logs = self.path / "logs"
        self.evaluations = self.path / "evaluations.json"
        self.metrics = self.path / "metrics.json"

    @property
    def is_started(self) -> bool:
        """Whether a run was started in this directory."""
        return self.config.exists()

    def read_config(self) -> dict[str, Any]:
        """Reads `config.json`; returns an empty dict if no run was started.

        The file of an older run may lack newer fields. If the value that the
        older run used for such a field is known, the returned dict has it.

        Raises:
            ValueError: the file is damaged.
        """
        if not self.is_started:
            return {}
        try:
            config = json.loads(self.config.read_text(encoding="utf-8"))
            config["settings"] = {**_OLD_VALUES, **config["settings"]}
            if "architecture" in config:
                config["architecture"] = {
                    **_OLD_ARCHITECTURE,
                    **config["architecture"],
                }
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{self.config} is not a run's configuration ({error!r}). Copy "
                "it again from the original, or use another directory."
            ) from error
        return config

    def read_metrics(self) -> dict[str, Any]:
        """Reads `metrics.json`.

        Raises:
            FileNotFoundError: the run is not complete.
            ValueError: the file is damaged.
        """
        try:
            return json.loads(self.metrics.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(
                f"{self.metrics} is damaged ({error}). Delete it, and run the "
                "trainer's command again."
            ) from error

    def write_config(self, config: dict[str, Any]) -> None:
        """Writes `config.json`, with the versions of the packages.

        Makes the directory if it is missing. Deletes the metrics and the
        calibration that an earlier run left in the directory.
        """
        versions = {name: metadata.version(name) for name in _PACKAGES}
        self.path.mkdir(parents=True, exist_ok=True)
        # Old metrics would say that this run is complete.
        self.metrics.unlink(missing_ok=True)
        # An old calibration was made for other weights.
        self.confidence.unlink(missing_ok=True)
        write_json(self.config, {**config, "versions": versions})

    def write_metrics(self, metrics: dict[str, Any]) -> None:
        """Writes `metrics.json`, the last file: the run is then complete."""
        write_json(self.metrics, metrics)

    def replace_model(self, save: Callable[[pathlib.Path], Any]) -> None:
        """Writes a new Keras model file, then replaces the old file, if any.

        An old file with the same model is not replaced, because runs that
        started from the old file check its hash.

        Args:
            save: a function that writes the model to its argument, a path.
        """
        save(self.unfinished_model)
        # A file that is not a zip archive is damaged, and is replaced.
        if zipfile.is_zipfile(self.model) and _content(self.model) == _content(
            self.unfinished_model
        ):
            self.unfinished_model.unlink()
        else:
            os.replace(self.unfinished_model, self.model)

    def replace_saved_model(self, save: Callable[[pathlib.Path], Any]) -> None:
        """Writes a new SavedModel, then replaces the old SavedModel, if any.

        If `save` raises an error, the old SavedModel stays. The new directory
        then stays too, until `clear_unfinished` deletes it.

        Args:
            save: a function that writes the SavedModel. Its argument is the
                path of the new directory, which does not exist yet. The
                function can also check the new SavedModel, and raise an error
                if the new SavedModel must not replace the old one.
        """
        # If the process is killed before the end, `clear_unfinished` tidies up
        # these directories when the run is continued.
        fresh = self.saved_model.with_name(_SAVING + "fresh")
        old = self._replaced_saved_model
        save(fresh)
        if self.saved_model.exists():
            os.rename(self.saved_model, old)
        os.rename(fresh, self.saved_model)
        shutil.rmtree(old, ignore_errors=True)

    def clear_unfinished(self) -> None:
        """Deletes unfinished files and directories of a killed process.

        If the process was killed after it had moved the old SavedModel, and
        before the new one was in its place, the old SavedModel is put back.
        """
        if (
            self._replaced_saved_model.exists()
            and not self.saved_model.exists()
        ):
            os.rename(self._replaced_saved_model, self.saved_model)
        for path in (
            *self.path.glob("*.tmp"),
            *self.path.glob(self.unfinished_model.name),
            *self.unfinished_saved_models(),
        ):
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    @property
    def _replaced_saved_model(self):
        return self.saved_model.with_name(_SAVING + "old")

    def unfinished_saved_models(self) -> list[pathlib.Path]:
        """Returns the directories that a killed `replace_saved_model` left."""
        return list(self.saved_model.parent.glob(f"{_SAVING}*"))


def write_json(path: pathlib.Path, value: dict[str, Any]) -> None:
    """Writes a JSON file completely or, after an error, not at all."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(
        json.dumps(value, indent=2, ensure_ascii=False) + "\n",
        encoding="utf-8",
    )
    os.replace(temporary, path)


def _content(model):
    """Returns the checksum and the size of each part of a Keras model file.

    `metadata.json` is left out, because it contains the time of writing.
    """
    with zipfile.ZipFile(model) as archive:
        return {
            item.filename: (item.CRC, item.file_size)
            for item in archive.infolist()
            if item.filename != "metadata.json"
        }
