"""Writes a translator as a SavedModel that takes and returns strings."""

import os
import pathlib
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from keras_transformer import translation
from keras_transformer.export import contract, metadata
from keras_transformer.export import warm_up as warming
from keras_transformer.export.signatures import functions_of

# The content of these texts does not matter, since all texts run the same
# graphs.
_WARM_UP = ("Hello.", "A second text, which is a little longer.")


def save(
    translator: translation.Translator,
    directory: str | os.PathLike[str],
    n_best: int | None = None,
    signatures: Sequence[str] | None = None,
    warm_up: Sequence[str] = _WARM_UP,
    run: Mapping[str, Any] | None = None,
    calibration: translation.Calibration | None = None,
) -> None:
    """Writes the signatures of a translator as a TensorFlow SavedModel.

    Each signature does the same as a method of the translator or a function of
    `translation`, see `signatures.functions_of`. The SavedModel contains the
    weights, the vocabularies, and one graph of the search for all signatures.
    Loading needs `tensorflow`, and `tensorflow_text` for the operations of the
    tokenizer, but neither Keras nor this package.

    Args:
        translator: a `Translator`.
        directory: the directory to write; it must not exist. TensorFlow
            Serving expects a number as its name.
        n_best: the number of hypotheses of the signature `n_best`; `None` for
            as many as the search can return.
        signatures: the signatures to write in addition to `serving_default`;
            `None` for all.
        warm_up: texts that TensorFlow Serving translates before it takes the
            requests of clients.
        run: a dict of JSON values that describe the training run, or `None`;
            `read_metadata` returns it as `run`.
        calibration: a `Calibration`; `None` to leave out the signature
            `confidence` and the output `confidences` of `n_best`.

    Raises:
        FileExistsError: the directory exists.
        ValueError: `n_best` is below 1 or more than the search can return, a
            signature is unknown or needs a missing calibration, `warm_up` is
            empty or one string, or `run` has values that JSON does not have.
    """
    directory = pathlib.Path(directory)
    _check_arguments(directory, warm_up)
    names = contract.chosen(signatures, calibration is not None)
    translator = translator.with_n_best(n_best)
    described = metadata.as_json(
        metadata.describe(translator, names, list(warm_up), run, calibration)
    )
    functions = functions_of(translator, names, calibration)
    directory.parent.mkdir(parents=True, exist_ok=True)
    # The model is written to a temporary directory, which is then renamed. So a
    # server never reads an incomplete model.
    temporary = pathlib.Path(
        tempfile.mkdtemp(prefix=".saving-", dir=directory.parent)
    )
    try:
        _save(translator, functions, described, temporary)
        inputs = {name: [*contract.SIGNATURES[name].inputs] for name in names}
        warming.write(temporary, inputs, warm_up)
        os.chmod(temporary, 0o755)
        os.rename(temporary, directory)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _save(translator, functions, described, directory):
    """Writes a SavedModel with its description into an empty directory."""
    # A SavedModel must track what its functions read, and the model does not
    # have the tokenizers. So a separate module holds the variables of the model
    # and the tokenizers. A tokenizer may have variables or tables.
    module = tf.Module()
    module.model_variables = [v.value for v in translator.model.variables]
    module.tokenizers = [translator.tokenizer, translator.target_tokenizer]
    module.functions = list(functions.values())
    with tempfile.TemporaryDirectory() as assets:
        path = pathlib.Path(assets) / metadata.FILE
        path.write_text(described, encoding="utf-8")
        # TensorFlow copies the assets of a module into the SavedModel.
        module.metadata = tf.saved_model.Asset(str(path))
        tf.saved_model.save(
            module,
            str(directory),
            signatures=functions,
            # The gradients of int8 layers are not written, because they take
            # much space, and because a SavedModel is not trained.
            options=tf.saved_model.SaveOptions(
                experimental_custom_gradients=False
            ),
        )


def _check_arguments(directory, warm_up):
    if directory.exists():
        raise FileExistsError(
            f"{directory} exists already. Choose another directory; nothing "
            "was written."
        )
    if isinstance(warm_up, (str, bytes)) or not warm_up:
        raise ValueError(
            "`warm_up` is a list of at least one text. Received: "
            f"{warm_up!r}. Give sentences such as those of the clients."
        )


def check(
    directory: str | os.PathLike[str],
    translator: translation.Translator,
    texts: Sequence[str],
) -> None:
    """Checks that a SavedModel translates as the saved translator does.

    Args:
        directory: the directory that `save` wrote.
        translator: the translator that `save` received.
        texts: the sources whose translations are compared.

    Raises:
        ValueError: a translation differs, or `texts` is one string instead of
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
