"""Loads a translator from a run directory, and reads facts about the run."""

import os
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import keras

from keras_transformer import text
from keras_transformer.runs import run_directory as directories
from keras_transformer.search import base, beam, constraints
from keras_transformer.translation import lengths, translator


def load_translator(
    run_directory: str | os.PathLike[str],
    search: base.Search | Callable[..., Any] | None = None,
    max_source_length: int = 512,
) -> translator.Translator:
    """Returns a translator with the model and vocabularies of a finished run.

    Args:
        run_directory: a directory with `tokenizer.model` and `model.keras`. Its
            `config.json` and a separate target vocabulary are optional.
        search: as for `Translator`, but `None` means the search that
            `run_search` makes.
        max_source_length: as for `Translator`.

    Raises:
        FileNotFoundError: `tokenizer.model` or `model.keras` is missing.
        ValueError: a file is damaged, or as for `Translator`.
    """
    directory = directories.RunDirectory(run_directory)
    for path in (directory.tokenizer, directory.model):
        if not path.is_file():
            raise FileNotFoundError(
                f"{directory.path} is not the directory of a finished run: "
                f"there is no {path.name}. Give the trainer's --output_dir, "
                "or run the trainer's command again to finish it."
            )
    if search is None:
        search = run_search(run_directory)
    target_tokenizer = None
    if directory.target_tokenizer.is_file():
        target_tokenizer = text.read_tokenizer(directory.target_tokenizer)
    return translator.Translator(
        _load_model(directory.model),
        text.read_tokenizer(directory.tokenizer),
        search,
        max_source_length,
        target_tokenizer,
        run_lengths(run_directory),
    )


def run_architecture(
    run_directory: str | os.PathLike[str],
) -> dict[str, Any]:
    """Returns the fields of the `TransformerConfig` of a run.

    Args:
        run_directory: the directory of a run.

    Raises:
        ValueError: `config.json` is missing or damaged, or describes no
            architecture.
    """
    directory = directories.RunDirectory(run_directory)
    architecture = directory.read_config().get("architecture")
    if not isinstance(architecture, dict):
        raise ValueError(
            f"{directory.path} has no {directory.config.name} that describes "
            "the architecture. Give a directory that the trainer or "
            "tools.import_model wrote."
        )
    return architecture


def describe_run(run_directory: str | os.PathLike[str]) -> dict[str, Any]:
    """Returns a description of a run as JSON values, for an exported model.

    The dict has all entries of `config.json`, such as `architecture`,
    `settings`, `data` and `versions`. Its entry `metrics` is the content of
    `metrics.json`. The entries of a file that does not exist are missing.

    Args:
        run_directory: the directory of a run.

    Raises:
        ValueError: `config.json` or `metrics.json` is damaged.
    """
    directory = directories.RunDirectory(run_directory)
    described = directory.read_config()
    if directory.metrics.is_file():
        described["metrics"] = directory.read_metrics()
    return described


def run_lengths(run_directory: str | os.PathLike[str]) -> lengths.Lengths:
    """Returns the limits for the length of a translation by a run's model.

    An imported run contains the model of another system, and has the limits of
    that other system. A run that started from an imported run with the same
    vocabularies has the limits of the imported run. All other runs have the
    limits of the paper.

    Args:
        run_directory: the directory of a run.

    Raises:
        ValueError: `config.json` is damaged.
    """
    config = directories.RunDirectory(run_directory).read_config()
    try:
        return lengths.Lengths(**config.get("lengths", {}))
    except TypeError as error:
        raise ValueError(
            f"{run_directory}: the lengths of config.json are damaged "
            f"({error}). Copy it again from the original."
        ) from error


def run_search(
    run_directory: str | os.PathLike[str], **settings: Any
) -> beam.BeamSearch:
    """Makes the beam search that a run was evaluated with.

    Args:
        run_directory: the directory of a run. Without a `config.json`, the
            result is the search of the paper.
        **settings: arguments of `BeamSearch`, such as `beam_size`. A value that
            is not `None` replaces the value of the run. If the run's
            `minimum_risk` is larger than the beam size, the search uses the
            beam size as `minimum_risk`.

    Raises:
        ValueError: `config.json` is damaged, or an argument is not valid.
    """
    config = directories.RunDirectory(run_directory).read_config()
    return search_of(config.get("settings", {}), **settings)


def search_of(run_settings: dict[str, Any], **settings: Any) -> beam.BeamSearch:
    """Makes the beam search that the settings of a run describe.

    Args:
        run_settings: the entry `settings` of `config.json`. `BeamSearch` has
            defaults for missing settings.
        **settings: as for `run_search`.

    Raises:
        ValueError: an argument of `BeamSearch` is not valid.

    Example:

    >>> search_of({"beam_size": 3, "stopping": "full"}, beam_size=5).beam_size
    5
    """
    search_of_run = {
        "beam_size": run_settings.get("beam_size"),
        "alpha": run_settings.get("length_penalty"),
        "penalty": run_settings.get("length_penalty_form"),
        "stopping": run_settings.get("stopping"),
        "minimum_risk": run_settings.get("minimum_risk"),
    }
    limits = {
        name: run_settings[name]
        for name in ("banned_ids", "normalized_over")
        if name in run_settings
    }
    if limits:
        search_of_run["constraints"] = constraints.Constraints(**limits)
    merged = {
        name: value
        for source in (search_of_run, settings)
        for name, value in source.items()
        if value is not None
    }
    if settings.get("minimum_risk") is None and "minimum_risk" in merged:
        # `minimum_risk` is a number of hypotheses in the beam, so it cannot be
        # larger than the beam. `settings` may give a smaller beam than the run.
        size = merged.get("beam_size", beam.BeamSearch.beam_size)
        merged["minimum_risk"] = min(merged["minimum_risk"], size)
    return beam.BeamSearch(**merged)


def _load_model(path):
    try:
        return keras.models.load_model(path, compile=False)
    except (
        ValueError,
        TypeError,
        KeyError,
        RuntimeError,
        OSError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise ValueError(
            f"{path} cannot be loaded as a Keras model ({error}). If it is "
            "damaged, copy it again from the original."
        ) from error
