"""Describes a SavedModel in a JSON file, which is one of its assets."""

import dataclasses
import importlib
import json
import math
import os
import pathlib
from collections.abc import Mapping
from importlib import metadata
from typing import Any

import tensorflow as tf

from keras_transformer import text, translation

FILE = "metadata.json"
_FORMAT = 1
_PACKAGES = ("tensorflow", "tensorflow-text", "keras", "sentencepiece")


def describe(
    translator: translation.Translator,
    signatures: tuple[str, ...],
    warm_up: list[str],
    run: Mapping[str, Any] | None,
    calibration: translation.Calibration | None = None,
) -> dict[str, Any]:
    """Describes a translator for its export.

    Args:
        translator: the `Translator`, with the search of the SavedModel.
        signatures: the names of the signatures.
        warm_up: the texts of the warm-up requests.
        run: a dict of JSON values that describe the training run, or `None`.
        calibration: the calibration of the translator; `None` if it has none.

    Returns:
        Dict of JSON values. It has the arguments `signatures`, `warm_up`, `run`
        and `calibration`, and these entries:

        - `format`: the number of this file format;
        - `package`: the version of this package;
        - `versions`: of TensorFlow, tensorflow-text, Keras and SentencePiece;
        - `search`: the class and the settings of the search;
        - `lengths`, `max_source_length`: the limits of the translator;
        - `vocabulary_sha256`: a hash of the vocabularies;
        - `parameters`: the number of parameters of each dtype;
        - `shortlist`: `None`, or a dict of three numbers: `frequent`, the
          number of frequent target tokens; `likely`, that of likely target
          tokens for a source token; `known`, that of known source tokens;
        - `repair`: `None`, or the `LengthModel` of a `RepairingTranslator`.
    """
    root = importlib.import_module(__name__.partition(".")[0])
    return {
        "format": _FORMAT,
        "package": root.__version__,
        "versions": {name: metadata.version(name) for name in _PACKAGES},
        "signatures": list(signatures),
        "search": _describe_search(translator.search),
        "lengths": translator.lengths._asdict(),
        "max_source_length": translator.max_source_length,
        # `config.json` of a run has such a hash too. If both hashes are equal,
        # the run and the SavedModel have the same vocabularies.
        "vocabulary_sha256": text.vocabulary_sha256(
            translator.tokenizer, translator.target_tokenizer
        ),
        "parameters": _count_parameters(translator.model),
        "shortlist": _describe_shortlist(translator.model),
        "repair": _describe_repair(translator),
        "warm_up": warm_up,
        "run": None if run is None else dict(run),
        "calibration": None if calibration is None else calibration.as_json(),
    }


def as_json(described: dict[str, Any]) -> str:
    """Formats a description as JSON. `read` reads this text from the file.

    Args:
        described: the result of `describe`.

    Raises:
        ValueError: a value has a type that JSON does not have, or is NaN or
            infinite.
    """
    try:
        text = json.dumps(
            described, indent=2, ensure_ascii=False, allow_nan=False
        )
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"The metadata of a SavedModel must be values of JSON ({error}). "
            "Give `run` strings, finite numbers, lists and dicts only."
        ) from error
    return text + "\n"


def read(directory: str | os.PathLike[str]) -> dict[str, Any]:
    """Reads the description of a SavedModel.

    Args:
        directory: the directory of the SavedModel.

    Returns:
        The dict of `describe`; `{}` if the SavedModel has no description.

    Raises:
        ValueError: the file is damaged, or has the format of another version.
    """
    path = pathlib.Path(directory) / "assets" / FILE
    if not path.is_file():
        return {}
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
        number = described["format"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} is not the description of a SavedModel ({error!r}). "
            "Export the model again."
        ) from error
    if number != _FORMAT:
        raise ValueError(
            f"{path} has format {number}. Expected {_FORMAT}. Use the version "
            "of this package that wrote the file."
        )
    return described


def _count_parameters(model):
    """Returns the number of parameters of each dtype.

    The states of random generators, int64 or uint32, are not counted.
    """
    counts: dict[str, int] = {}
    for variable in model.variables:
        name = tf.as_dtype(variable.dtype).name
        if name not in ("int64", "uint32"):
            counts[name] = counts.get(name, 0) + math.prod(variable.shape)
    return counts


def _describe_shortlist(model):
    if not isinstance(model, translation.Shortlisted):
        return None
    shortlist = model.shortlist
    return {
        "frequent": int(shortlist.is_frequent.sum()),
        "likely": shortlist.likely.shape[1],
        "known": int(shortlist.is_known.sum()),
    }


def _describe_repair(translator):
    if not isinstance(translator, translation.RepairingTranslator):
        return None
    return translator.expected._asdict()


def _describe_search(search):
    described = {"name": type(search).__name__}
    if dataclasses.is_dataclass(search) and not isinstance(search, type):
        for name, value in dataclasses.asdict(search).items():
            # Some values are of types that JSON does not have: a seed may be a
            # tensor. So a value that is not a string, a number or a dict is
            # written as its `repr`.
            is_plain = isinstance(value, (str, int, float, dict))
            described[name] = value if is_plain else repr(value)
    return described
