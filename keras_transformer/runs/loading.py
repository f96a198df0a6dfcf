"""From a run directory on disk to a translator."""

import zipfile
import zlib

import keras

from keras_transformer.runs import run_directory as directories
from keras_transformer.search import beam
from keras_transformer.text import tokenizer as tokenizers
from keras_transformer.translation import translator


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
        target_tokenizer = tokenizers.Tokenizer.from_file(
            directory.target_tokenizer
        )
    return translator.Translator(
        _load_model(directory.model),
        tokenizers.Tokenizer.from_file(directory.tokenizer),
        search,
        max_source_length,
        target_tokenizer,
    )


def run_search(run_directory, **settings) -> beam.BeamSearch:
    """Makes the beam search that a run was evaluated with.

    Args:
        run_directory: the trainer's output directory; without its
            `config.json` the search is that of the paper.
        **settings: of `BeamSearch`, such as `beam_size`, instead of the run's;
            `None` means the run's.

    Raises:
        ValueError: `config.json` is damaged.
    """
    run = directories.RunDirectory(run_directory).found_config()
    run = run.get("settings", {})
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
    return beam.BeamSearch(**chosen)


def _load_model(path):
    try:
        return keras.models.load_model(path, compile=False)
    except (ValueError, OSError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(
            f"{path} cannot be loaded as a Keras model ({error}). If it is "
            "damaged, take it from where it was copied."
        ) from error
