"""Compares confidences with the shares of predictions that are right."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_BINS = 10
_WIDTH = 40


class Bin(NamedTuple):
    """Predictions of similar confidence.

    low: the lower end of the bin; the upper end is 0.1 more.
    size: the number of predictions.
    confidence: the mean confidence of the predictions.
    share: the share of right predictions.
    """

    low: float
    size: int
    confidence: float
    share: float


def right_words(words: Sequence[str], reference: Sequence[str]) -> list[bool]:
    """Tells which words of a translation are right, given its reference.

    Right words form a longest common subsequence of translation and reference.

    Args:
        words: the words of the translation.
        reference: the words of the reference.

    Example:

    >>> right_words(["a", "dog", "runs"], ["the", "dog", "is", "running"])
    [False, True, False]
    """
    # lengths[i, j] is the length of the longest common subsequence of words[i:]
    # and reference[j:].
    lengths = np.zeros([len(words) + 1, len(reference) + 1], int)
    for i in range(len(words) - 1, -1, -1):
        for j in range(len(reference) - 1, -1, -1):
            lengths[i, j] = (
                1 + lengths[i + 1, j + 1]
                if words[i] == reference[j]
                else max(lengths[i + 1, j], lengths[i, j + 1])
            )
    is_right, i, j = [False] * len(words), 0, 0
    while i < len(words) and j < len(reference):
        if words[i] == reference[j]:
            is_right[i] = True
            i, j = i + 1, j + 1
        elif lengths[i + 1, j] >= lengths[i, j + 1]:
            i += 1
        else:
            j += 1
    return is_right


def bins(confidences: npt.ArrayLike, right: npt.ArrayLike) -> list[Bin]:
    """Sorts predictions into ten bins by confidence; leaves out empty bins.

    Args:
        confidences: a vector, the confidence of each prediction, in [0, 1].
        right: a vector, whether each prediction was right; or, for predictions
            of several words, the share of right words.

    Returns:
        The bins in ascending order of confidence.
    """
    confidences = np.asarray(confidences, "float64")
    right = np.asarray(right, "float64")
    numbers = np.minimum((confidences * _BINS).astype(int), _BINS - 1)
    return [
        Bin(
            number / _BINS,
            int(inside.sum()),
            float(confidences[inside].mean()),
            float(right[inside].mean()),
        )
        for number in range(_BINS)
        for inside in [numbers == number]
        if inside.any()
    ]


def calibration_error(all_bins: Sequence[Bin]) -> float:
    """Returns the expected calibration error of bins.

    It is the mean absolute difference between the confidence and the share of
    right predictions, with each bin weighted by its size (Naeini et al. 2015).

    Example:

    >>> calibration_error([Bin(0.2, 30, 0.25, 0.5), Bin(0.9, 10, 0.95, 0.95)])
    0.1875
    """
    total = sum(each.size for each in all_bins)
    return sum(
        each.size / total * abs(each.confidence - each.share)
        for each in all_bins
    )


def diagram(all_bins: Sequence[Bin]) -> Iterator[str]:
    """Yields the lines of a reliability diagram.

    The first line is a header. Each other line shows a bin: a bar for the
    share of right predictions, and a mark for the mean confidence.

    Args:
        all_bins: the result of `bins`.
    """
    yield "confidence    count   mean  right"
    for each in all_bins:
        bar = list("#" * round(each.share * _WIDTH)) + [" "] * _WIDTH
        bar[min(round(each.confidence * _WIDTH), _WIDTH)] = "|"
        yield (
            f"{each.low:.1f} to {each.low + 1 / _BINS:.1f} {each.size:>8} "
            f"{each.confidence:>6.3f} {each.share:>6.3f}  "
            f"{''.join(bar).rstrip()}"
        )
