"""The directory that a training run leaves: every file name in it."""

import json
import os
import pathlib
import shutil
from importlib import metadata

# Values of settings that older `config.json` files do not have. A new setting
# whose default is not what runs did before needs its value here.
_BEFORE = {
    "tokenize": "13a",
    "text_normalization": "none",
    "rare_characters": 0.0,
}
# Begins the names of SavedModels that are not complete.
_SAVING = ".saving-"
_PACKAGES = ("tensorflow", "tensorflow-text", "keras", "sentencepiece")


class RunDirectory:
    """Paths of a run directory, its `config.json` and `metrics.json`.

    Args:
        path: the trainer's `--output_dir`.

    Attributes:
        config: the architecture, the settings, what the data were, and the
            versions of packages.
        tokenizer: the vocabulary.
        target_tokenizer: that of the targets, if they have their own.
        checkpoints: the folder of what training goes on from.
        model: the final weights, a Keras model file.
        unfinished_model: the model file while it is being written.
        saved_model: the SavedModel.
        logs: the folder that TensorBoard reads.
        metrics: what was measured; where it is, the run is complete.

    Example:

    >>> RunDirectory("runs/demo").model.name
    'model.keras'
    """

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.config = self.path / "config.json"
        self.tokenizer = self.path / "tokenizer.model"
        self.target_tokenizer = self.path / "target_tokenizer.model"
        self.checkpoints = self.path / "checkpoints"
        self.model = self.path / "model.keras"
        self.unfinished_model = self.path / "unfinished.keras"
        self.saved_model = self.path / "saved_model" / "1"
        self.logs = self.path / "logs"
        self.metrics = self.path / "metrics.json"

    @property
    def is_started(self) -> bool:
        """Whether a run was begun here."""
        return self.config.exists()

    def found_config(self) -> dict:
        """What `config.json` holds; empty if no run was begun here.

        Raises:
            ValueError: it is no configuration.
        """
        if not self.is_started:
            return {}
        try:
            found = json.loads(self.config.read_text(encoding="utf-8"))
            found["settings"] = {**_BEFORE, **found["settings"]}
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{self.config} is not a run's configuration ({error!r}). Take "
                "it from where it was copied, or use another directory."
            ) from error
        return found

    def found_metrics(self) -> dict:
        """What `metrics.json` holds.

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

    def write_config(self, config: dict) -> None:
        """Writes `config.json`, with the versions of the packages."""
        versions = {name: metadata.version(name) for name in _PACKAGES}
        self.path.mkdir(parents=True, exist_ok=True)
        # Where it is, the run is complete, as the configuration says.
        self.metrics.unlink(missing_ok=True)
        write_json(self.config, {**config, "versions": versions})

    def write_metrics(self, metrics: dict) -> None:
        """Writes `metrics.json`, last of all: the run is then complete."""
        write_json(self.metrics, metrics)

    def replace_model(self, save) -> None:
        """Puts a new Keras model file in the place of the one before, if any.

        Args:
            save: writes it to the path that it is given.
        """
        save(self.unfinished_model)
        os.replace(self.unfinished_model, self.model)

    def replace_saved_model(self, save) -> None:
        """Puts a new SavedModel in the place of the one before, if any.

        Args:
            save: writes it into the directory that it is given, and checks
                it there.
        """
        # Whatever is named so is cleared when a run is continued.
        fresh, old = (
            self.saved_model.with_name(f"{_SAVING}{name}")
            for name in ("fresh", "old")
        )
        save(fresh)
        if self.saved_model.exists():
            os.rename(self.saved_model, old)
        os.rename(fresh, self.saved_model)
        shutil.rmtree(old, ignore_errors=True)

    def clear_unfinished(self) -> None:
        """Deletes what a process that was killed had not written whole."""
        for path in (
            *self.path.glob("*.tmp"),
            *self.path.glob(self.unfinished_model.name),
            *self.saving(),
        ):
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def saving(self) -> list[pathlib.Path]:
        """The SavedModels that are being written, or were when it ended."""
        return list(self.saved_model.parent.glob(f"{_SAVING}*"))


def write_json(path: pathlib.Path, value: dict) -> None:
    """Writes a whole JSON file or none."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(
        json.dumps(value, indent=2, ensure_ascii=False) + "\n",
        encoding="utf-8",
    )
    os.replace(temporary, path)
