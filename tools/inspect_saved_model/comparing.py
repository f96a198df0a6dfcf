"""Compares the translations of a SavedModel with those of another model."""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

import keras_transformer as kt
from keras_transformer import translation
from tools.inspect_saved_model import probe

_SEARCHES = ("BeamSearch", "GreedySearch", "SamplingSearch")


def live_translator(run: str, described: dict) -> translation.Translator:
    """Loads a run with the search, length limits and repair of a SavedModel.

    Repair is a second search for translations that have a defect, see
    `RepairingTranslator`.

    Args:
        run: the run directory.
        described: the metadata of the SavedModel. If it is `{}`, the translator
            has the search and the length limits of the run, and does not
            repair.

    Raises:
        FileNotFoundError: `run` is not a finished run.
        ValueError: the vocabularies differ, or this package does not have the
            search of the SavedModel.
    """
    live = kt.load_translator(run)
    if not described:
        return live
    vocabulary = kt.text.vocabulary_sha256(
        live.tokenizer, live.target_tokenizer
    )
    if vocabulary != described["vocabulary_sha256"]:
        raise ValueError(
            f"The SavedModel and {run} have different vocabularies. Received: "
            f"{described['vocabulary_sha256'][:12]} and {vocabulary[:12]}. "
            "Give the run that it was exported from."
        )
    translator = translation.Translator(
        live.model,
        live.tokenizer,
        search_of(described["search"]),
        described["max_source_length"],
        live.target_tokenizer,
        translation.Lengths(**described["lengths"]),
    )
    # The field `repair` is `None` if the SavedModel does not repair
    # translations. Earlier versions of this package did not write the field.
    if described.get("repair") is None:
        return translator
    return translation.RepairingTranslator(
        translator, translation.LengthModel(**described["repair"])
    )


def search_of(described: dict) -> kt.search.Search:
    """Makes the search that the metadata of a SavedModel describe.

    Args:
        described: the field `search` of the metadata.

    Raises:
        ValueError: this package does not have the search.

    Example:

    >>> search_of({"name": "BeamSearch", "beam_size": 3}).beam_size
    3
    """
    settings = dict(described)
    name = settings.pop("name")
    if name not in _SEARCHES:
        raise ValueError(
            f"The SavedModel has a search of its own. Received: {name}. "
            f"Expected one of {', '.join(_SEARCHES)}. Leave out --against."
        )
    if "constraints" in settings:
        settings["constraints"] = kt.search.Constraints(
            **settings["constraints"]
        )
    return getattr(kt.search, name)(**settings)


def differences(first: dict, second: dict, texts: list[str]) -> dict:
    """Compares two lists of translations of the same texts.

    Args:
        first: a dict with `translations` and `scores`, such as a result of
            `translate` or of `probe.run`.
        second: another such dict.
        texts: the texts.

    Returns:
        Dict of `texts`, the number of texts; `different`, the number of
        translations that differ; `largest_score_difference`, the largest
        absolute difference, 0 without texts; and `first_difference`, `None` if
        all translations are equal. Otherwise it is a list of three strings: the
        first text whose translations differ, and its two translations.
    """
    pairs = zip(
        texts, first["translations"], second["translations"], strict=True
    )
    different = [list(triple) for triple in pairs if triple[1] != triple[2]]
    scores = np.subtract(first["scores"], second["scores"])
    return {
        "texts": len(texts),
        "different": len(different),
        "largest_score_difference": float(np.max(np.abs(scores), initial=0.0)),
        "first_difference": different[0] if different else None,
    }


def translate(serve: Callable[..., dict], texts: Sequence[str]) -> dict:
    """Translates texts in batches of the size that `probe.run` uses.

    Args:
        serve: a `Translator`, or a signature of a SavedModel.
        texts: the texts.

    Returns:
        Dict of `translations`, a list of strings, and `scores`, a list of
        floats, in the order of the texts.
    """
    translations, scores = [], []
    for first in range(0, len(texts), probe.BATCH):
        outputs = serve(text=tf.constant(texts[first : first + probe.BATCH]))
        translations += [
            text.decode("utf-8") for text in outputs["translation"].numpy()
        ]
        scores += outputs["score"].numpy().tolist()
    return {"translations": translations, "scores": scores}
