"""Writes a translator as a SavedModel: strings in, strings out."""

import os
import pathlib
import shutil
import tempfile
from collections.abc import Sequence

import tensorflow as tf


def save(translator, directory) -> None:
    """Writes the signatures of a translator as a TensorFlow SavedModel.

    `serving_default` takes `text`, string `(B,)`, and returns `translation`,
    string `(B,)`, and `score`, float32 `(B,)`. The vocabulary and the beam
    search are inside; loading needs `tensorflow` and `tensorflow_text`, whose
    operations tokenize, and neither Keras nor this package.

    Args:
        translator: a `Translator`.
        directory: where to write; must not exist. TensorFlow Serving expects
            a number as its last part.

    Raises:
        FileExistsError: the directory exists.
    """
    directory = pathlib.Path(directory)
    if directory.exists():
        raise FileExistsError(
            f"{directory} exists already. Choose another directory; nothing "
            "was written."
        )

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "text")])
    def serve(text):
        return translator(text)

    # Keras's own tracking does not know the tokenizer's table; a module that
    # holds the variables and the tokenizer has all that `serve` needs.
    module = tf.Module()
    module.model_variables = [v.value for v in translator.model.variables]
    module.tokenizers = [translator.tokenizer, translator.target_tokenizer]
    module.serve = serve
    directory.parent.mkdir(parents=True, exist_ok=True)
    # Written beside and renamed, so that a server never sees half a model.
    temporary = tempfile.mkdtemp(prefix=".saving-", dir=directory.parent)
    try:
        tf.saved_model.save(
            module, temporary, signatures={"serving_default": serve}
        )
        os.chmod(temporary, 0o755)
        os.rename(temporary, directory)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check(directory, translator, texts: Sequence[str]) -> None:
    """Loads a SavedModel and compares its translations with the live ones.

    Args:
        directory: what `save` wrote.
        translator: the translator it was saved from.
        texts: sentences to compare.

    Raises:
        ValueError: a translation differs.
    """
    serve = tf.saved_model.load(str(directory)).signatures["serving_default"]
    texts = list(texts)
    served = serve(text=tf.constant(texts, tf.string))["translation"].numpy()
    live = translator(tf.constant(texts, tf.string))["translation"].numpy()
    for text, served_text, live_text in zip(texts, served, live, strict=True):
        if served_text != live_text:
            raise ValueError(
                f"The SavedModel in {directory} translates {text!r} as "
                f"{served_text.decode()!r}, the model it was saved from as "
                f"{live_text.decode()!r}."
            )
