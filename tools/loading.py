"""Opens what `--model` names: a run directory or a SavedModel."""

import pathlib

import tensorflow as tf
import tensorflow_text  # noqa: F401  A SavedModel needs its operations.

from keras_transformer import translation


def load(path: str, beam_size: int | None, length_penalty: float | None):
    """Loads a function from strings (B,) to translations and scores.

    Args:
        path: a run directory or a SavedModel.
        beam_size: of the search; `None` means the run's.
        length_penalty: alpha of the search; `None` means the run's.

    Returns:
        A function of a string tensor `(B,)` that returns a dict with
        `translation` and `score`.

    Raises:
        FileNotFoundError: there is neither at this path.
        ValueError: a search setting for a SavedModel, whose search is inside.
    """
    directory = pathlib.Path(path)
    if (directory / "saved_model.pb").is_file():
        if beam_size is not None or length_penalty is not None:
            raise ValueError(
                f"{path} is a SavedModel, whose search is inside. Received: "
                f"beam_size={beam_size}, length_penalty={length_penalty}. "
                "Leave them out, or give the run directory."
            )
        model = tf.saved_model.load(str(directory))

        def translate(text):
            return model.signatures["serving_default"](text=text)

        return translate
    if not directory.is_dir():
        raise FileNotFoundError(
            f"No such model: {path}. Give a run directory or a SavedModel."
        )
    return translation.load_translator(
        directory, translation.run_search(directory, beam_size, length_penalty)
    )
