"""Texts of like length go together, and answers come in the texts' order."""

from collections.abc import Callable, Sequence

from keras_transformer.text import texts as lists


def in_batches(
    answer: Callable[[list[int]], Sequence], texts: Sequence, batch_size: int
) -> list:
    """Answers any number of texts, those of like length together.

    Args:
        answer: function of the places of some texts in `texts`, to an answer of
            each.
        texts: strings or bytes.
        batch_size: the most places of a call.

    Returns:
        The answer of each text, in the order of `texts`.

    Raises:
        ValueError: one string instead of a list, or `batch_size` below 1.

    Example:

    >>> texts = ["ccc", "a", "bb"]
    >>> def answer(places):
    ...     print(places)
    ...     return [texts[i].upper() for i in places]
    >>> in_batches(answer, texts, batch_size=2)
    [1, 2]
    [0]
    ['CCC', 'A', 'BB']
    """
    lists.check_list("texts", texts)
    if batch_size < 1:
        raise ValueError(
            f"`batch_size` must be at least 1. Received: {batch_size}."
        )
    by_length = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    answers = [None] * len(texts)
    for start in range(0, len(texts), batch_size):
        rows = by_length[start : start + batch_size]
        for row, found in zip(rows, answer(rows), strict=True):
            answers[row] = found
    return answers
