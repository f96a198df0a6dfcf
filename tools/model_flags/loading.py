"""Loads the models of `--model`, with the search that other flags set."""

import pathlib
import sys
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  SavedModels contain its operations.

import keras_transformer as kt
from keras_transformer import translation
from tools.model_flags import settings
from trainers import settings_flags

# A SavedModel may return more scores than its search found hypotheses. Each
# score without a hypothesis is at most this number.
_EMPTY_SCORE = -1e9
_NO_TOKENS = np.zeros([0], "float32")


class ServedModel:
    """A SavedModel with the method `hypotheses` of a `Translator`.

    Args:
        directory: the directory of the SavedModel.
        n_best: the maximum number of hypotheses of a text; one if `None`.

    Raises:
        ValueError: the SavedModel gives fewer than `n_best` hypotheses, or it
            does not translate texts.
    """

    def __init__(self, directory, n_best: int | None = None):
        # This attribute keeps the model alive. Otherwise Python deletes the
        # model with its variables, and calls of the signatures fail.
        self._model = tf.saved_model.load(str(directory))
        signatures = self._model.signatures
        _check_kind(directory, signatures)
        self._n_best = n_best or 1
        if n_best is None or n_best == 1:
            self._signature = signatures["serving_default"]
            return
        width = 1
        if "n_best" in signatures:
            self._signature = signatures["n_best"]
            outputs = self._signature.structured_outputs
            width = outputs["translations"].shape[1]
        if n_best > width:
            raise ValueError(
                f"{directory} was exported with {width} translations of each "
                f"text. Received: --n_best={n_best}. Export it again with that "
                "--n_best, or give the run directory."
            )

    def hypotheses(
        self, texts: Sequence, batch_size: int = 64
    ) -> list[list[translation.Hypothesis]]:
        """Returns hypotheses as a `Translator` does, but only text and score.

        In each hypothesis `tokens` and `log_probs` are empty, and `alignment`
        is `None`.

        Args:
            texts: the texts to translate.
            batch_size: the maximum number of texts in a batch.

        Returns:
            The hypotheses of each text, best first. There are fewer than
            `n_best`, or none, if the search found fewer.

        Raises:
            FloatingPointError: the model's output is NaN.
        """
        return translation.in_batches(
            lambda rows: self._translate([texts[row] for row in rows]),
            texts,
            batch_size,
        )

    def _translate(self, texts):
        """Returns the hypotheses of each text of a batch."""
        outputs = self._signature(text=tf.constant(texts, tf.string))
        if "translation" in outputs:
            fields = outputs["translation"][:, None], outputs["score"][:, None]
        else:
            fields = outputs["translations"], outputs["scores"]
        answers = []
        for text, translations, scores in zip(
            texts,
            *(field[:, : self._n_best].numpy() for field in fields),
            strict=True,
        ):
            for score in scores:
                translation.check_score(score, text)
            answers.append(
                [
                    translation.Hypothesis(
                        line.decode("utf-8"), float(score), [], _NO_TOKENS, None
                    )
                    for line, score in zip(translations, scores, strict=True)
                    if score > _EMPTY_SCORE
                ]
            )
        return answers


def load(
    models: settings.ModelSettings,
    search: settings.SearchSettings,
) -> translation.Translator | ServedModel:
    """Loads run directories as one `Translator`, or one SavedModel.

    Args:
        models: the flags of the models.
        search: the flags of the search.

    Raises:
        FileNotFoundError: a path is neither a SavedModel nor a finished run.
        ValueError: a SavedModel is in an ensemble; a flag cannot be used with a
            SavedModel; the runs cannot translate together; or `ServedModel`
            raises the error.
    """
    check_models(models)
    if not any(map(is_saved_model, models.model)):
        return load_translator(models, search)
    given = {
        **settings_flags.specified(models),
        **settings_flags.specified(search),
    }
    wrong = set(given) - {"model", "n_best"}
    if wrong or len(models.model) > 1:
        raise ValueError(
            f"{','.join(models.model)}: a SavedModel has its own search, and "
            "cannot be in an ensemble. Received: "
            f"{settings.as_flags(given, {*wrong, 'model'})}. Leave them "
            "out, or give run directories."
        )
    return ServedModel(models.model[0], search.n_best)


def load_translator(
    models: settings.ModelSettings,
    search: settings.SearchSettings,
) -> translation.Translator:
    """Loads run directories as one translator.

    The search, the vocabularies and the length limits are those of the first
    run. The flags of `search` can change the search and the limits.

    Args:
        models: the flags of the models. Several runs become an `Ensemble`.
        search: the flags of the search.

    Raises:
        FileNotFoundError: a path is not a finished run.
        ValueError: a path is a SavedModel, or the models cannot translate
            together.
    """
    check_models(models)
    runs = []
    for path in models.model:
        if is_saved_model(path):
            raise ValueError(f"{path} is a SavedModel. Give its run directory.")
        runs.append(kt.load_translator(path))
        _check_vocabularies(runs[0], runs[-1], models.model[0], path)
    members = [run.model for run in runs]
    if models.precision is not None:
        warn_of_precision(models.precision)
        members = [kt.models.in_precision(m, models.precision) for m in members]
    model = members[0]
    if len(members) > 1:
        model = kt.Ensemble(members, models.ensemble or "probabilities")
    return translation.Translator(
        model,
        runs[0].tokenizer,
        search.search(models.model[0]),
        runs[0].max_source_length,
        runs[0].target_tokenizer,
        search.lengths(runs[0].lengths),
        bool(models.jit_compile),
    )


def _check_kind(directory, signatures):
    """Raises ValueError if a SavedModel does not translate texts."""
    expected = kt.export.SIGNATURES["serving_default"]
    if "serving_default" in signatures:
        signature = signatures["serving_default"]
        _, inputs = signature.structured_input_signature
        outputs = signature.structured_outputs
        if set(inputs) == set(expected.inputs) and (
            set(expected.outputs) <= set(outputs)
        ):
            return
    raise ValueError(
        f"{directory} is a SavedModel of another kind. Received the "
        f"signatures: {', '.join(signatures) or 'none'}. Expected "
        "serving_default, from text to translation and score. Give one that "
        "tools.export_saved_model wrote."
    )


def check_models(models: settings.ModelSettings) -> None:
    """Raises FileNotFoundError if a path of `--model` is not a directory."""
    for path in models.model:
        if not pathlib.Path(path).is_dir():
            raise FileNotFoundError(
                f"No such model: {path}. Give a run directory or a SavedModel."
            )


def warn_of_precision(precision: str) -> None:
    """Prints a warning if a precision is slow on this machine.

    Args:
        precision: a dtype policy.
    """
    warning = kt.training.precision_warning(precision)
    if warning is not None:
        print(f"warning: {warning}", file=sys.stderr)


def tokenization(models: settings.ModelSettings) -> str:
    """Returns sacreBLEU's tokenization for translations of the first model.

    The tokenization is a setting of the run. For a SavedModel, or a run without
    this setting, the result is "13a".

    Args:
        models: the flags of the models.
    """
    config = kt.runs.RunDirectory(models.model[0]).read_config()
    tokenize = config.get("settings", {}).get("tokenize")
    return tokenize or kt.translation.tokenization_of(None)


def is_saved_model(path) -> bool:
    """Tells whether a path is the directory of a SavedModel."""
    return (pathlib.Path(path) / "saved_model.pb").is_file()


def _check_vocabularies(first, other, first_path, path):
    for name in ("tokenizer", "target_tokenizer"):
        if getattr(first, name).model != getattr(other, name).model:
            raise ValueError(
                "Models that translate together must have one vocabulary. "
                f"Received: {first_path} and {path}, which differ in their "
                f"{name}. Train the second with the first's vocabulary."
            )
