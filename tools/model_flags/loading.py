"""Opens what `--model` names, with the search that other flags describe."""

import pathlib
import sys
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  A SavedModel needs its operations.

import keras_transformer as kt
from keras_transformer import translation
from tools.model_flags import settings
from trainers import settings_flags

# Hypotheses that are not there have this score, less than any.
_NEVER = -1e9
_NO_TOKENS = np.zeros([0], "float32")


class ServedModel:
    """A SavedModel that is asked as a `Translator` is.

    Args:
        directory: of the SavedModel.
        n_best: how many hypotheses; `None` means the best alone.

    Raises:
        ValueError: it gives fewer than `n_best` hypotheses.
    """

    def __init__(self, directory, n_best: int | None = None):
        # What was loaded owns the variables of its signatures.
        self._model = tf.saved_model.load(str(directory))
        signatures = self._model.signatures
        self._n_best = n_best or 1
        if n_best is None or n_best == 1:
            self._answer = signatures["serving_default"]
            return
        width = 1
        if "n_best" in signatures:
            self._answer = signatures["n_best"]
            outputs = self._answer.structured_outputs
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
        """As those of a `Translator`, without tokens.

        Raises:
            FloatingPointError: the model's output is not a number.
        """
        return translation.in_batches(
            lambda rows: self._answers([texts[row] for row in rows]),
            texts,
            batch_size,
        )

    def _answers(self, texts):
        """The hypotheses of each text of a batch."""
        found = self._answer(text=tf.constant(texts, tf.string))
        if "translation" in found:
            found = found["translation"][:, None], found["score"][:, None]
        else:
            found = found["translations"], found["scores"]
        answers = []
        for text, translations, scores in zip(
            texts,
            *(field[:, : self._n_best].numpy() for field in found),
            strict=True,
        ):
            for score in scores:
                translation.check_score(score, text)
            answers.append(
                [
                    translation.Hypothesis(
                        one.decode("utf-8"), float(score), [], _NO_TOKENS, None
                    )
                    for one, score in zip(translations, scores, strict=True)
                    if score > _NEVER
                ]
            )
        return answers


def load(
    models: settings.ModelSettings,
    search: settings.SearchSettings,
) -> translation.Translator | ServedModel:
    """Loads what translates: both kinds have `hypotheses`.

    Raises:
        FileNotFoundError: there is no model at a path.
        ValueError: settings for a SavedModel, whose search is inside, or
            models that cannot translate together.
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
            f"{','.join(models.model)}: the search of a SavedModel is inside, "
            "and it translates alone. Received: "
            f"{settings.as_flags(given, {*wrong, 'model'})}. Leave them "
            "out, or give run directories."
        )
    return ServedModel(models.model[0], search.n_best)


def load_translator(
    models: settings.ModelSettings,
    search: settings.SearchSettings,
) -> translation.Translator:
    """Loads run directories as one translator.

    The search, vocabulary and longest source are the first run's.

    Raises:
        FileNotFoundError: a path is not that of a finished run.
        ValueError: a SavedModel, or models that cannot translate together.
    """
    check_models(models)
    runs = []
    for path in models.model:
        if is_saved_model(path):
            raise ValueError(
                f"{path} is a SavedModel. Give the run directory it is of."
            )
        runs.append(kt.load_translator(path))
        _check_vocabularies(runs[0], runs[-1], models.model[0], path)
    parts = [run.model for run in runs]
    if models.precision is not None:
        warn_of_slowness(models.precision)
        parts = [kt.models.in_precision(m, models.precision) for m in parts]
    model = parts[0]
    if len(parts) > 1:
        model = kt.Ensemble(parts, models.ensemble or "probabilities")
    return translation.Translator(
        model,
        runs[0].tokenizer,
        search.search(models.model[0]),
        runs[0].max_source_length,
        runs[0].target_tokenizer,
        search.lengths(),
        bool(models.jit_compile),
    )


def check_models(models: settings.ModelSettings) -> None:
    """Raises FileNotFoundError where there is none, before any work."""
    for path in models.model:
        if not pathlib.Path(path).is_dir():
            raise FileNotFoundError(
                f"No such model: {path}. Give a run directory or a SavedModel."
            )


def warn_of_slowness(precision: str) -> None:
    """Says on standard error that a precision is slow on this machine."""
    slowness = kt.training.slowness(precision)
    if slowness is not None:
        print(f"warning: {slowness}", file=sys.stderr)


def tokenization(models: settings.ModelSettings) -> str:
    """The tokenization that the first run was scored with."""
    found = kt.runs.RunDirectory(models.model[0]).read_config()
    chosen = found.get("settings", {}).get("tokenize")
    return chosen or kt.translation.tokenization_of(None)


def is_saved_model(path) -> bool:
    """Whether a SavedModel is there."""
    return (pathlib.Path(path) / "saved_model.pb").is_file()


def _check_vocabularies(first, other, first_path, path):
    for name in ("tokenizer", "target_tokenizer"):
        if getattr(first, name).model != getattr(other, name).model:
            raise ValueError(
                "Models that translate together must have one vocabulary. "
                f"Received: {first_path} and {path}, which differ in their "
                f"{name}. Train the second with the first's vocabulary."
            )
