"""From a run directory on disk to a translator."""

import pathlib

import keras

from keras_transformer.text import tokenizer as tokenizers
from keras_transformer.translation import translator

TOKENIZER_FILE = "tokenizer.model"
MODEL_FILE = "model.keras"


def load_translator(
    run_directory, search=None, max_source_length: int = 512
) -> translator.Translator:
    """Loads what the trainer left in its output directory.

    Args:
        run_directory: a directory with `tokenizer.model` and `model.keras`.
        search: see `Translator`.
        max_source_length: see `Translator`.

    Raises:
        FileNotFoundError: one of the two files is missing.
    """
    directory = pathlib.Path(run_directory)
    for name in (TOKENIZER_FILE, MODEL_FILE):
        if not (directory / name).is_file():
            raise FileNotFoundError(
                f"{directory} is not the directory of a finished run: there "
                f"is no {name}. Give the trainer's --output_dir, or run the "
                "trainer's command again to finish it."
            )
    return translator.Translator(
        keras.models.load_model(directory / MODEL_FILE, compile=False),
        tokenizers.Tokenizer.from_file(directory / TOKENIZER_FILE),
        search,
        max_source_length,
    )
