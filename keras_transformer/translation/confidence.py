"""Turns log-probabilities of translations into confidences.

If a model gives words a probability of 0.8, fewer or more than 80 % of these
words may be right. So the confidences come from a calibration. It is learned
from translations whose references are known.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

from keras_transformer.translation import (
    defects,
    isotonic,
    reliability,
    word_scores,
)


@dataclasses.dataclass(frozen=True)
class Calibration:
    """Curves from the log-probabilities of a model to shares of right words.

    Args:
        words: the curve from the log-probability of a word, summed over its
            pieces, to the probability that the word is right.
        sentences: the curve from the mean log-probability of the tokens of a
            sentence to the share of right words in this sentence.
        lengths: the `LengthModel` of good translations.

    Example:

    >>> curve = isotonic.Curve((-2.0, 0.0), (0.25, 1.0))
    >>> made = Calibration(curve, curve, defects.LengthModel(1.0, 0.5))
    >>> Calibration.from_json(made.as_json()) == made
    True
    """

    words: isotonic.Curve
    sentences: isotonic.Curve
    lengths: defects.LengthModel

    def as_json(self) -> dict[str, Any]:
        """Returns the calibration as a dict that JSON can represent."""
        return {
            field.name: getattr(self, field.name)._asdict()
            for field in dataclasses.fields(self)
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Calibration":
        """Makes a calibration from a result of `as_json`.

        Raises:
            ValueError: `values` is not a result of `as_json`.
        """
        try:
            words, sentences = (
                isotonic.Curve(
                    *(tuple(map(float, values[name][axis])) for axis in "xy")
                )
                for name in ("words", "sentences")
            )
            lengths = defects.LengthModel(**values["lengths"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"Not a calibration ({error!r}). Make it again with "
                "tools.calibrate."
            ) from error
        return cls(words, sentences, lengths)


def fit(
    scored: word_scores.WordScores,
    references: Sequence[str],
    lengths: defects.LengthModel,
) -> Calibration:
    """Learns a calibration from translations and their references.

    Args:
        scored: the words of translations, with their log-probabilities.
        references: a reference for each translation.
        lengths: the `LengthModel` of good translations.

    Raises:
        ValueError: no translation has a word, or the numbers of translations
            and references differ.
    """
    right = right_words(scored, references)
    values = [total for row in scored.log_probs for total in row]
    if not values:
        raise ValueError(
            "A calibration is learned from the words of translations. "
            f"Received: {len(references)} translations without a word. Train "
            "the model for longer first."
        )
    are_right = [float(one) for row in right for one in row]
    shares = [sum(row) / len(row) for row in right if row]
    means = [mean for mean, row in zip(scored.means, right, strict=True) if row]
    return Calibration(
        isotonic.fit(values, are_right), isotonic.fit(means, shares), lengths
    )


def right_words(
    scored: word_scores.WordScores, references: Sequence[str]
) -> list[list[bool]]:
    """Tells which words of translations are right, given their references.

    Args:
        scored: the words of translations.
        references: a reference for each translation.

    Returns:
        For each translation, a boolean for each word, see
        `reliability.right_words`.

    Raises:
        ValueError: the numbers of translations and references differ.
    """
    return [
        reliability.right_words(words, reference.split())
        for words, reference in zip(scored.words, references, strict=True)
    ]
