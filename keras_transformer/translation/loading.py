"""From a run directory on disk to a translator."""

import functools
import json
import pathlib
import zipfile
import zlib

import keras

from keras_transformer.search import beam
from keras_transformer.text import tokenizer as tokenizers
from keras_transformer.translation import translator

TOKENIZER_FILE = "tokenizer.model"
# There only if source and target have vocabularies of their own.
TARGET_TOKENIZER_FILE = "target_tokenizer.model"
MODEL_FILE = "model.keras"
CONFIG_FILE = "config.json"


def load_translator(
    run_directory, search=None, max_source_length: int = 512
) -> translator.Translator:
    """Loads what the trainer left in its output directory.

    Args:
        run_directory: a directory with `tokenizer.model` and `model.keras`.
        search: see `Translator`; `None` means `run_search`.
        max_source_length: see `Translator`.

    Raises:
        FileNotFoundError: one of the two files is missing.
        ValueError: a file is damaged.
    """
    directory = pathlib.Path(run_directory)
    for name in (TOKENIZER_FILE, MODEL_FILE):
        if not (directory / name).is_file():
            raise FileNotFoundError(
                f"{directory} is not the directory of a finished run: there "
                f"is no {name}. Give the trainer's --output_dir, or run the "
                "trainer's command again to finish it."
            )
    target_tokenizer = None
    if (directory / TARGET_TOKENIZER_FILE).is_file():
        target_tokenizer = tokenizers.Tokenizer.from_file(
            directory / TARGET_TOKENIZER_FILE
        )
    return translator.Translator(
        _load_model(directory / MODEL_FILE),
        tokenizers.Tokenizer.from_file(directory / TOKENIZER_FILE),
        search or run_search(directory),
        max_source_length,
        target_tokenizer,
    )


def run_search(run_directory, **settings):
    """Makes the beam search that a run was evaluated with.

    Args:
        run_directory: the trainer's output directory; without its
            `config.json` the search is that of the paper.
        **settings: of `beam_search`, such as `beam_size`, instead of the
            run's; `None` means the run's.

    Returns:
        `beam_search` with these settings.

    Raises:
        ValueError: `config.json` is damaged.
    """
    run, path = {}, pathlib.Path(run_directory) / CONFIG_FILE
    if path.is_file():
        run = _read_settings(path)
    of_run = {
        "beam_size": run.get("beam_size"),
        "alpha": run.get("length_penalty"),
        "penalty": run.get("length_penalty_form"),
    }
    chosen = {
        name: value
        for given in (of_run, settings)
        for name, value in given.items()
        if value is not None
    }
    return functools.partial(beam.beam_search, **chosen)


def _load_model(path):
    try:
        return keras.models.load_model(path, compile=False)
    except (ValueError, OSError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(
            f"{path} cannot be loaded as a Keras model ({error}). If it is "
            "damaged, take it from where it was copied."
        ) from error


def _read_settings(path):
    try:
        return dict(json.loads(path.read_text(encoding="utf-8"))["settings"])
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"{path} is not a run's configuration ({error!r}). Take it from "
            "where it was copied, or remove it to search as in the paper."
        ) from error
