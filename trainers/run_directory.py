"""The directory of a run: what it holds, and whether it is this run's."""

import json
import os
import pathlib
import shutil
from importlib import metadata

from trainers import settings as run_settings

# Settings of runs that were begun before there were such.
_BEFORE = {
    "tokenize": "13a",
    "text_normalization": "none",
    "rare_characters": 0.0,
}
_MAY_CHANGE = (*run_settings.PLACE_FIELDS, *run_settings.END_FIELDS)
_PACKAGES = ("tensorflow", "tensorflow-text", "keras", "sentencepiece")


class RunDirectory:
    """Paths of a run directory, its `config.json` and `metrics.json`.

    Args:
        path: the trainer's `--output_dir`.
    """

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.config = self.path / "config.json"
        self.tokenizer = self.path / "tokenizer.model"
        # Only if source and target have vocabularies of their own.
        self.target_tokenizer = self.path / "target_tokenizer.model"
        self.checkpoints = self.path / "checkpoints"
        self.model = self.path / "model.keras"
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
            found["settings"] = {**_BEFORE, **found.get("settings", {})}
        except (ValueError, AttributeError, TypeError) as error:
            raise ValueError(
                f"{self.config} is not a run's configuration ({error}). "
                "Choose another --output_dir."
            ) from error
        return found

    @property
    def last_checkpoint(self) -> int | None:
        """The step of the newest checkpoint, damaged or not."""
        names = self.checkpoints.glob("ckpt-*.index")
        steps = [path.stem.removeprefix("ckpt-") for path in names]
        # Files of the user's own may be there too.
        return max(map(int, filter(str.isdecimal, steps)), default=None)

    def check_same(self, config: dict) -> None:
        """Compares the settings of the run found here with these.

        Args:
            config: groups of settings; groups and fields that are not there
                are not compared.

        Raises:
            ValueError: they differ; the message names the fields.
        """
        found = self.found_config()
        differences = [
            f"{group}.{name}: {old!r} there, {new!r} now"
            for group, fields in config.items()
            for name, new in sorted(fields.items())
            if name not in _MAY_CHANGE
            and (old := found.get(group, {}).get(name)) != new
        ]
        if differences:
            raise ValueError(
                f"{self.path} holds a run with other settings. They differ "
                f"in {'; '.join(differences)}. Use the same settings to "
                "continue it, or another --output_dir."
            )

    def write_config(self, config: dict) -> None:
        """Writes `config.json`, with the versions of the packages."""
        versions = {name: metadata.version(name) for name in _PACKAGES}
        self.path.mkdir(parents=True, exist_ok=True)
        # Where it is, the run is complete, as the configuration says.
        self.metrics.unlink(missing_ok=True)
        write_json(self.config, {**config, "versions": versions})

    def replace_saved_model(self, save) -> None:
        """Puts a new SavedModel in the place of the one before, if any.

        Args:
            save: writes it into the directory that it is given, and checks
                it there.
        """
        # Whatever is named so is cleared when a run is continued.
        fresh, old = (
            self.saved_model.with_name(f".saving-{name}")
            for name in ("fresh", "old")
        )
        save(fresh)
        if self.saved_model.exists():
            os.rename(self.saved_model, old)
        os.rename(fresh, self.saved_model)
        shutil.rmtree(old, ignore_errors=True)

    def clear_unfinished(self) -> None:
        """Deletes what a process that was killed had not written whole."""
        for pattern in ("*.tmp", "unfinished.keras", "saved_model/.saving-*"):
            for path in self.path.glob(pattern):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def write_json(path: pathlib.Path, value: dict) -> None:
    """Writes a whole JSON file or none."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(
        json.dumps(value, indent=2, ensure_ascii=False) + "\n",
        encoding="utf-8",
    )
    os.replace(temporary, path)
