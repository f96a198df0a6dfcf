"""Starts a run from the weights of another run."""

import dataclasses
import hashlib
import logging
import re
from typing import Any

import keras_transformer as kt
from keras_transformer.models import warm_start
from trainers import settings as run_settings
from trainers import tokenizers as run_tokenizers

_LOG = logging.getLogger(__name__)
# A log line has at most this many paths of weights.
_MOST_PATHS = 3
# A run may have all these search settings in its `config.json` if its model was
# imported from another system. A run that starts from a run with all these
# settings may have them too. In other runs, `config.json` has only the first
# two of them, which are flags of the trainer.
_OF_SEARCH = (
    "length_penalty",
    "length_penalty_form",
    "stopping",
    "banned_ids",
    "normalized_over",
)


def check(path: str | None) -> None:
    """Checks that a directory holds a finished run.

    Args:
        path: the directory of the run; `None` to check nothing.

    Raises:
        FileNotFoundError: there is no finished run.
    """
    if path is None:
        return
    run = kt.runs.RunDirectory(path)
    for file in (run.config, run.tokenizer, run.model):
        if not file.is_file():
            raise FileNotFoundError(
                f"{path} is not the directory of a finished run: there is no "
                f"{file.name}. Give the --output_dir of a run that has ended "
                "as --initial_model."
            )


def architecture_of(path: str) -> kt.TransformerConfig:
    """Returns the configuration of the model of a run.

    Args:
        path: the directory of the run.
    """
    fields = kt.runs.RunDirectory(path).read_config()["architecture"]
    return kt.TransformerConfig(**fields)


def search_settings(path: str | None) -> dict[str, Any]:
    """Returns the search settings of a run with an imported model.

    A new run that starts from this model keeps these settings, unless flags
    replace them. If the new run has another vocabulary, it keeps only the
    length penalty and its form.

    Args:
        path: the directory of the run; `None` for no run.

    Returns:
        Fields of the `settings` in `config.json`. The dict is empty without a
        run, and for a run whose search settings do not come from an import.
    """
    if path is None:
        return {}
    settings = kt.runs.RunDirectory(path).read_config()["settings"]
    if "normalized_over" not in settings:
        return {}
    return {name: settings[name] for name in _OF_SEARCH if name in settings}


def search_config(
    settings: run_settings.TrainingSettings,
    tokenizers: run_tokenizers.Tokenizers,
) -> dict[str, dict]:
    """Returns those search settings of the initial model that have no flag.

    Args:
        settings: the settings of the run.
        tokenizers: the tokenizers of the run. If their vocabulary is not that
            of the initial model, banned ids and length limits have no meaning,
            and no setting is returned.

    Returns:
        Groups of fields for `config.json`: `settings` and, if search settings
        are kept, `lengths`, which has the length limits of the initial model.
    """
    kept = search_settings(settings.initial_model)
    if not kept:
        return {"settings": {}}
    path = settings.initial_model
    old = run_tokenizers.read(path)
    if old.fingerprint() != tokenizers.fingerprint():
        return {"settings": {}}
    flags = dataclasses.asdict(settings)
    return {
        "settings": {
            name: value for name, value in kept.items() if name not in flags
        },
        "lengths": kt.runs.RunDirectory(path).read_config().get("lengths", {}),
    }


def fingerprint(path: str | None) -> dict[str, str]:
    """Returns a dict with a hash of the initial model.

    A run can be continued only if this hash stays the same.

    Args:
        path: the run directory of the initial model. For `None` the dict is
            empty.
    """
    if path is None:
        return {}
    content = kt.runs.RunDirectory(path).model.read_bytes()
    return {"initial_model_sha256": hashlib.sha256(content).hexdigest()}


def take_weights(
    model: kt.Transformer,
    tokenizers: run_tokenizers.Tokenizers,
    settings: run_settings.TrainingSettings,
) -> None:
    """Copies the weights of the initial model, and logs how many it copied.

    Does nothing if the settings have no initial model.

    Args:
        model: the model of the run, before its first step.
        tokenizers: the tokenizers of the run.
        settings: the settings of the run.

    Raises:
        ValueError: no weight of the initial model can be copied unchanged.
    """
    path = settings.initial_model
    if path is None:
        return
    translator = kt.load_translator(path)
    old = (translator.tokenizer, translator.target_tokenizer)
    new = (tokenizers.source, tokenizers.target or tokenizers.source)
    rows = [_rows(*pair) for pair in zip(old, new, strict=True)]
    report = warm_start.take_weights(model, translator.model, *rows)
    _LOG.info(
        "Initial weights of %s: %d weights taken, %d with rows of another "
        "vocabulary, %d kept as they were initialized%s.",
        path,
        len(report.taken),
        len(report.rows),
        len(report.kept),
        _listed(report.kept),
    )


def freeze(model: kt.Transformer, patterns: list[str]) -> None:
    """Freezes the weights whose paths match one of the patterns.

    Args:
        model: the model of the run, before it is compiled.
        patterns: regular expressions, such as `embedding` or `^encoder/`. They
            may match anywhere in a path. An empty list freezes nothing.

    Raises:
        ValueError: a pattern is invalid or matches no weight, or all weights
            are frozen.
    """
    weights = list(model.trainable_variables)
    if not patterns:
        return
    paths = [warm_start.path_of(weight) for weight in weights]
    for pattern in patterns:
        try:
            matches = [path for path in paths if re.search(pattern, path)]
        except re.error as error:
            raise ValueError(
                f"--freeze takes regular expressions. Received: {pattern!r} "
                f"({error})."
            ) from error
        if not matches:
            raise ValueError(
                f"--freeze={pattern} matches no weight. Weights are called "
                f"{', '.join(paths[:: max(1, len(paths) // 5)])}, and so on."
            )
        for weight, path in zip(weights, paths, strict=True):
            if path in matches:
                weight.trainable = False
    if not model.trainable_variables:
        raise ValueError(
            f"--freeze={','.join(patterns)} freezes all weights. Leave some "
            "to train."
        )
    _LOG.info(
        "Frozen: %d of %d weights.",
        len(weights) - len(model.trainable_variables),
        len(weights),
    )


def _rows(old, new):
    """Returns, for each id of the tokenizer `new`, a list of ids of `old`.

    `old` belongs to the initial model, and `new` to the run. The embedding of
    an id of `new` starts from the mean of the old embeddings of the listed ids.
    If its list is empty, it starts from the mean of all old embeddings.
    Returns `None` if both vocabularies are the same.
    """
    if kt.text.vocabulary_sha256(old) == kt.text.vocabulary_sha256(new):
        return None
    rows = kt.text.match_pieces(old, new)
    _LOG.info(
        "Of %d pieces, %d are in the initial vocabulary, %d start from the "
        "mean of their parts.",
        len(rows.rows),
        rows.num_shared,
        rows.num_from_parts,
    )
    return rows.rows


def _listed(paths):
    if not paths:
        return ""
    shown = ", ".join(paths[:_MOST_PATHS])
    return f": {shown}{', ...' if len(paths) > _MOST_PATHS else ''}"
