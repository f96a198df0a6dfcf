"""Defines the signatures of a SavedModel, with their inputs and outputs.

A shape is a string with one letter for each axis: B texts, W hypotheses of a
text, S source tokens, T target tokens, U words, L layers, H heads.
"""

from collections.abc import Sequence
from typing import NamedTuple


class Signature(NamedTuple):
    """The inputs and outputs of a signature, by their names.

    Each value is a pair: the name of the type, and the shape in letters.

    inputs: the tensors of a request.
    outputs: the tensors of the response.
    calibrated: further tensors of the response, if the SavedModel is written
        with a `Calibration`, from which confidences are computed.
    """

    inputs: dict[str, tuple[str, str]]
    outputs: dict[str, tuple[str, str]]
    calibrated: dict[str, tuple[str, str]] = {}


_TEXT = {"text": ("string", "B")}

SIGNATURES = {
    "serving_default": Signature(
        _TEXT,
        {"translation": ("string", "B"), "score": ("float32", "B")},
    ),
    "n_best": Signature(
        _TEXT,
        {"translations": ("string", "BW"), "scores": ("float32", "BW")},
        {"confidences": ("float32", "BW")},
    ),
    "score": Signature(
        {**_TEXT, "target": ("string", "B")},
        {"log_probability": ("float32", "B")},
    ),
    "attention": Signature(
        _TEXT,
        {
            "translation": ("string", "B"),
            "source_tokens": ("string", "BS"),
            "target_tokens": ("string", "BT"),
            "encoder_attention": ("float32", "BLHSS"),
            "decoder_attention": ("float32", "BLHTT"),
            "cross_attention": ("float32", "BLHTS"),
        },
    ),
    # Only a translator with a calibration has this signature.
    "confidence": Signature(
        _TEXT,
        {
            "translation": ("string", "B"),
            "score": ("float32", "B"),
            "confidence": ("float32", "B"),
            "words": ("string", "BU"),
            "word_confidence": ("float32", "BU"),
            "has_loop": ("bool", "B"),
            "has_unusual_length": ("bool", "B"),
        },
    ),
}
# Every SavedModel has this signature. It answers requests that do not choose a
# signature.
DEFAULT = "serving_default"
CALIBRATED = "confidence"


def chosen(
    names: Sequence[str] | None, is_calibrated: bool = False
) -> tuple[str, ...]:
    """Returns the names of the signatures to write, in order of `SIGNATURES`.

    Args:
        names: names in addition to `serving_default`; `None` for all names.
            With `None`, `confidence` is left out if there is no calibration.
        is_calibrated: whether the translator has a calibration.

    Raises:
        ValueError: a name is unknown, or `names` has `confidence` although
            there is no calibration.

    Example:

    >>> chosen(["score"])
    ('serving_default', 'score')
    """
    if names is None:
        names = [
            name for name in SIGNATURES if is_calibrated or name != CALIBRATED
        ]
    unknown = sorted(set(names) - set(SIGNATURES))
    if unknown:
        raise ValueError(
            f"Unknown signatures. Received: {', '.join(unknown)}. Expected "
            f"names among {', '.join(SIGNATURES)}."
        )
    if CALIBRATED in names and not is_calibrated:
        raise ValueError(
            f"The signature {CALIBRATED} needs a calibration. Received: none. "
            "Run tools.calibrate first, or leave the signature out."
        )
    return tuple(name for name in SIGNATURES if name in {DEFAULT, *names})
