"""Which source words a translation's words come from, read from attention.

T target pieces   S source pieces
"""

from collections.abc import Sequence

import numpy as np

# SentencePiece puts it where a word begins.
_SPACE = "▁"


def align_words(
    attention, source_pieces: Sequence[str], target_pieces: Sequence[str]
) -> np.ndarray:
    """Soft alignment of words, from attention between pieces.

    A source word gets the attention of all its pieces, a target word the mean
    of its pieces; the end token is no word, and what it got is shared out.
    Words are what spaces separate.

    Args:
        attention: `(T, S)`, where each target piece looked; it may have more
            rows and columns than there are pieces.
        source_pieces: S pieces, without the end token.
        target_pieces: T pieces, without the end token.

    Returns:
        float64 `(target words, source words)`, rows that sum to one; rows of
        zeros where there is nothing to look at.

    Example:

    >>> align_words([[0.5, 0.25, 0.25]], ["▁ca", "t", "▁s"], ["▁chat"])
    array([[0.75, 0.25]])
    """
    sources, targets = words_of(source_pieces), words_of(target_pieces)
    attention = np.asarray(attention, "float64")
    attention = attention[: len(targets), : len(sources)]
    # One row for each word, marking its pieces.
    of_source = np.eye(max(sources, default=-1) + 1)[sources]
    of_target = np.eye(max(targets, default=-1) + 1)[targets]
    words = of_target.T @ attention @ of_source
    totals = words.sum(axis=1, keepdims=True)
    return np.divide(words, totals, out=np.zeros_like(words), where=totals > 0)


def words_of(pieces: Sequence[str]) -> list[int]:
    """The number of the word that each piece belongs to.

    Pieces that are nothing but spaces belong to the word they begin, or, at
    the end, to the last one.

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
    """Hard alignment in Pharaoh format: source-target pairs, from 0.

    Each target word with the source word it is aligned to most.

    Args:
        soft: of `align_words`.

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
    """Soft alignment as text: target words by spaces, sources by commas.

    Example:

    >>> soft_pharaoh(np.array([[0.1, 0.9], [0.75, 0.25]]))
    '0.1000,0.9000 0.7500,0.2500'
    """
    return " ".join(",".join(f"{p:.4f}" for p in row) for row in soft)
