"""Finds the words of a text, and the tokens that spell them.

S length in tokens
"""

import re
from collections.abc import Sequence

# SentencePiece writes this character for the space before a word.
SPACE = "\u2581"


def of_tokens(tokens: Sequence[str], num_ending: int) -> list[int]:
    """Numbers the words, and returns for each token the number of its word.

    A word begins at the first token, and at each token that begins with
    `SPACE`. Each of the special tokens at the end has a number of its own.

    Args:
        tokens: pieces of SentencePiece, as `Tokenizer.pieces` returns them.
        num_ending: the number of special tokens at the end. It is 1 for the end
            token, and 2 for the end token and the code of a language.

    Returns:
        S numbers, counted from 0.

    Example:

    >>> of_tokens(["\u2581it", "\u2581was", "n", "'t", "</s>"], num_ending=1)
    [0, 1, 1, 1, 2]
    """
    numbers: list[int] = []
    for i, token in enumerate(tokens):
        is_special = i >= len(tokens) - num_ending
        begins = i == 0 or is_special or token.startswith(SPACE)
        previous = numbers[-1] if numbers else -1
        numbers.append(previous + 1 if begins else previous)
    return numbers


def tokens_of(word: str, tokens: Sequence[str]) -> list[int]:
    """Returns the indices of the tokens that spell a word at its first use.

    The result has the index of each token with at least one character of the
    word, even if the token has other characters too. Case makes no difference.
    Apostrophes, hyphens and other punctuation separate words: "animal" is a
    word of "l'animal".

    Args:
        word: one word, or several words with spaces between them.
        tokens: pieces of SentencePiece, as `Tokenizer.pieces` returns them.

    Returns:
        The indices, ascending; an empty list if the tokens do not contain the
        word.

    Example:

    >>> tokens_of("animal", ["\u2581l", "'", "an", "imal", "\u2581dort"])
    [2, 3]
    """
    text = "".join(tokens).replace(SPACE, " ")
    pattern = rf"(?<!\w){re.escape(word.strip())}(?!\w)"
    match = re.search(pattern, text, re.IGNORECASE)
    if match is None:
        return []
    begin, indices = 0, []
    for i, token in enumerate(tokens):
        # The space at the beginning of a token is not a part of the word.
        first = begin + token.startswith(SPACE)
        end = begin + len(token)
        if first < match.end() and end > match.start() and first < end:
            indices.append(i)
        begin = end
    return indices
