"""Writes a translator as a SavedModel: strings in, strings out."""

import os
import pathlib
import shutil
import tempfile
from collections.abc import Sequence

import tensorflow as tf

from keras_transformer import translation


def save(translator, directory, n_best: int | None = None) -> None:
    """Writes the signatures of a translator as a TensorFlow SavedModel.

    `serving_default` takes `text`, string `(B,)`, and returns `translation`,
    string `(B,)`, and `score`, float32 `(B,)`. `n_best`, `score` and
    `attention` are those of `Translator.n_best`, `Translator.log_probability`
    and `explain_in_graph`. The vocabulary and the search are inside; loading
    needs `tensorflow` and `tensorflow_text`, whose operations tokenize, and
    neither Keras nor this package.

    Args:
        translator: a `Translator`.
        directory: where to write; must not exist. TensorFlow Serving expects
            a number as its last part.
        n_best: N of the signature of that name; `None` for all that the
            search has, such as the beam.

    Raises:
        FileExistsError: the directory exists.
        ValueError: the search has fewer than `n_best` hypotheses.
    """
    directory = pathlib.Path(directory)
    if directory.exists():
        raise FileExistsError(
            f"{directory} exists already. Choose another directory; nothing "
            "was written."
        )

    signatures = _signatures(translator, translator.with_n_best(n_best))
    # Keras's own tracking does not know the tokenizer's table; a module that
    # holds the variables and the tokenizer has all that they need.
    module = tf.Module()
    module.model_variables = [v.value for v in translator.model.variables]
    module.tokenizers = [translator.tokenizer, translator.target_tokenizer]
    module.functions = list(signatures.values())
    directory.parent.mkdir(parents=True, exist_ok=True)
    # Written beside and renamed, so that a server never sees half a model.
    temporary = tempfile.mkdtemp(prefix=".saving-", dir=directory.parent)
    try:
        tf.saved_model.save(module, temporary, signatures=signatures)
        os.chmod(temporary, 0o755)
        os.rename(temporary, directory)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _signatures(translator, several):
    """The functions of a SavedModel, by their names."""
    strings = tf.TensorSpec([None], tf.string, "text")
    targets = tf.TensorSpec([None], tf.string, "target")

    @tf.function(input_signature=[strings])
    def serve(text):
        return translator(text)

    @tf.function(input_signature=[strings])
    def serve_several(text):
        return several.n_best(text)

    @tf.function(input_signature=[strings, targets])
    def score(text, target):
        return translator.log_probability(text, target)

    @tf.function(input_signature=[strings])
    def attention(text):
        return translation.explain_in_graph(translator, text)

    return {
        "serving_default": serve,
        "n_best": serve_several,
        "score": score,
        "attention": attention,
    }


def check(directory, translator, texts: Sequence[str]) -> None:
    """Loads a SavedModel and compares its translations with the live ones.

    Args:
        directory: what `save` wrote.
        translator: the translator it was saved from.
        texts: sentences to compare.

    Raises:
        ValueError: a translation differs, or one string is given instead of
            a list.
        FloatingPointError: the model's output is not a number.
    """
    strings = tf.constant(texts, tf.string)
    answer = translator(strings)
    serve = tf.saved_model.load(str(directory)).signatures["serving_default"]
    served = serve(text=strings)["translation"].numpy()
    for text, served_text, live_text, score in zip(
        texts,
        served,
        answer["translation"].numpy(),
        answer["score"].numpy(),
        strict=True,
    ):
        translation.check_score(score, text)
        if served_text != live_text:
            raise ValueError(
                f"The SavedModel in {directory} translates {text!r} as "
                f"{served_text.decode()!r}, the model it was saved from as "
                f"{live_text.decode()!r}."
            )
