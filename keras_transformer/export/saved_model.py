"""Writes a translator as a SavedModel: strings in, strings out."""

import os
import pathlib
import shutil
import tempfile
from collections.abc import Sequence

import tensorflow as tf

from keras_transformer import translation


def save(
    translator: translation.Translator,
    directory: str | os.PathLike[str],
    n_best: int | None = None,
) -> None:
    """Writes the signatures of a translator as a TensorFlow SavedModel.

    `serving_default` takes `text`, string `(B,)`, and returns `translation`,
    string `(B,)`, and `score`, float32 `(B,)`. The signatures `n_best`, `score`
    and `attention` do the same as `Translator.n_best`,
    `Translator.log_probability` and `explain_in_graph`. The SavedModel contains
    vocabulary and search. Loading needs `tensorflow`, and `tensorflow_text` for
    its tokenizer operations, but neither Keras nor this package.

    Args:
        translator: a `Translator`.
        directory: the directory to write; it must not exist. TensorFlow
            Serving expects a number as its name.
        n_best: N of the signature `n_best`; `None` for as many hypotheses as
            the search can return.

    Raises:
        FileExistsError: the directory exists.
        ValueError: the search can return fewer than `n_best` hypotheses.
    """
    directory = pathlib.Path(directory)
    if directory.exists():
        raise FileExistsError(
            f"{directory} exists already. Choose another directory; nothing "
            "was written."
        )

    signatures = _signatures(translator, translator.with_n_best(n_best))
    # Keras does not track the vocabulary of the tokenizer. So a separate module
    # holds all variables and vocabularies that the functions read.
    module = tf.Module()
    module.model_variables = [v.value for v in translator.model.variables]
    module.tokenizers = [translator.tokenizer, translator.target_tokenizer]
    module.functions = list(signatures.values())
    directory.parent.mkdir(parents=True, exist_ok=True)
    # The model is written to a temporary directory, which is then renamed. So a
    # server never reads an incomplete model.
    temporary = tempfile.mkdtemp(prefix=".saving-", dir=directory.parent)
    try:
        tf.saved_model.save(module, temporary, signatures=signatures)
        os.chmod(temporary, 0o755)
        os.rename(temporary, directory)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _signatures(translator, n_best_translator):
    """Returns the functions of a SavedModel, by their names."""
    strings = tf.TensorSpec([None], tf.string, "text")
    targets = tf.TensorSpec([None], tf.string, "target")

    @tf.function(input_signature=[strings], autograph=False)
    def serve(text):
        return translator(text)

    @tf.function(input_signature=[strings], autograph=False)
    def serve_n_best(text):
        return n_best_translator.n_best(text)

    @tf.function(input_signature=[strings, targets], autograph=False)
    def score(text, target):
        return translator.log_probability(text, target)

    @tf.function(input_signature=[strings], autograph=False)
    def attention(text):
        return translation.explain_in_graph(translator, text)

    return {
        "serving_default": serve,
        "n_best": serve_n_best,
        "score": score,
        "attention": attention,
    }


def check(
    directory: str | os.PathLike[str],
    translator: translation.Translator,
    texts: Sequence[str],
) -> None:
    """Loads a SavedModel and compares its translations with the translator's.

    Args:
        directory: the directory that `save` wrote.
        translator: the translator it was saved from.
        texts: sentences to compare.

    Raises:
        ValueError: a translation differs, or one string is given instead of
            a list.
        FloatingPointError: the model's output is NaN.
    """
    strings = tf.constant(texts, tf.string)
    live = translator(strings)
    serve = tf.saved_model.load(str(directory)).signatures["serving_default"]
    served = serve(text=strings)["translation"].numpy()
    for text, served_text, live_text, score in zip(
        texts,
        served,
        live["translation"].numpy(),
        live["score"].numpy(),
        strict=True,
    ):
        translation.check_score(score, text)
        if served_text != live_text:
            raise ValueError(
                f"The SavedModel in {directory} translates {text!r} as "
                f"{served_text.decode()!r}, but the model it was saved from "
                f"as {live_text.decode()!r}. Save it again."
            )
