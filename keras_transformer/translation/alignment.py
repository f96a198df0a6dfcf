"""Aligns the words of a translation with source words, by attention.

T target pieces   S source pieces
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

# SentencePiece writes this character at the beginning of a word.
_SPACE = "▁"


def align_words(
    attention: npt.ArrayLike,
    source_pieces: Sequence[str],
    target_pieces: Sequence[str],
) -> np.ndarray:
    """Computes a soft alignment of words from the attention between pieces.

    Words are separated by spaces. The attention of a target word to a source
    word is the sum over the source word's pieces, averaged over the target
    word's pieces. Attention to the end token is left out, because this token is
    not a word. Then the attention of each target word is normalized to sum 1.

    Args:
        attention: `(T, S)`, the attention of target pieces to source pieces.
            Further rows and columns, for instance of end tokens, are ignored.
        source_pieces: S pieces, without the end token.
        target_pieces: T pieces, without the end token.

    Returns:
        float64 `(target words, source words)`. Each row sums to one, or is
        zero if there is no attention to any source word.

    Example:

    >>> align_words([[0.5, 0.25, 0.25]], ["▁ca", "t", "▁s"], ["▁chat"])
    array([[0.75, 0.25]])
    """
    sources, targets = words_of(source_pieces), words_of(target_pieces)
    pieces = np.asarray(attention, "float64")[: len(targets), : len(sources)]
    # Matrices (pieces, words), which are 1 where a piece belongs to a word.
    of_source = np.eye(max(sources, default=-1) + 1)[sources]
    of_target = np.eye(max(targets, default=-1) + 1)[targets]
    words = of_target.T @ pieces @ of_source
    totals = words.sum(axis=1, keepdims=True)
    return np.divide(words, totals, out=np.zeros_like(words), where=totals > 0)


def words_of(pieces: Sequence[str]) -> list[int]:
    """Returns the index of the word of each piece, counted from 0.

    A piece that has only spaces belongs to the next word. If no word follows,
    the piece belongs to the last word.

    Example:

    >>> words_of(["▁un", "▁ch", "at", "▁", "noir", "▁"])
    [0, 1, 1, 2, 2, 2]
    """
    numbers, last, begins = [], -1, True
    for piece in pieces:
        begins = begins or piece.startswith(_SPACE)
        is_spaces = not piece.strip(_SPACE)
        numbers.append(last + begins)
        if begins and not is_spaces:
            last, begins = last + 1, False
    return [min(number, max(last, 0)) for number in numbers]


def pharaoh(soft: np.ndarray) -> str:
    """Makes a hard alignment from a soft alignment, in Pharaoh format.

    The format is a list of pairs such as `1-0`: the index of a source word, and
    the index of a target word, counted from 0. Each target word is paired with
    the source word that has the largest weight. A target word without attention
    to any source word has no pair.

    Args:
        soft: the result of `align_words`.

    Example:

    >>> pharaoh(np.array([[0.1, 0.9], [0.8, 0.2]]))
    '1-0 0-1'
    """
    return " ".join(
        f"{int(np.argmax(row))}-{target}"
        for target, row in enumerate(soft)
        if row.size and row.any()
    )


def soft_pharaoh(soft: np.ndarray) -> str:
    """Formats a soft alignment as a group of weights for each target word.

    Spaces separate target words. Commas separate the weights of source words.

    Args:
        soft: the result of `align_words`.

    Example:

    >>> soft_pharaoh(np.array([[0.1, 0.9], [0.75, 0.25]]))
    '0.1000,0.9000 0.7500,0.2500'
    """
    return " ".join(",".join(f"{p:.4f}" for p in row) for row in soft)
