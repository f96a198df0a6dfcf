"""Processes texts in batches of texts of similar length."""

from collections.abc import Callable, Sequence
from typing import Any

from keras_transformer.text import texts as lists


def in_batches(
    process: Callable[[list[int]], Sequence[Any]],
    texts: Sequence[str | bytes],
    batch_size: int,
) -> list[Any]:
    """Processes texts in batches of texts of similar length.

    Args:
        process: a function that takes the indices of a batch in `texts` and
            returns a result for each index.
        texts: strings or bytes. Their lengths are counted in characters or
            bytes.
        batch_size: the maximum number of texts in a batch.

    Returns:
        The result of each text, in the order of `texts`.

    Raises:
        ValueError: `texts` is one string, `batch_size` is below 1, or `process`
            returns too many or too few results.

    Example:

    >>> texts = ["ccc", "a", "bb"]
    >>> def process(indices):
    ...     print(indices)
    ...     return [texts[i].upper() for i in indices]
    >>> in_batches(process, texts, batch_size=2)
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
    results: list[Any] = [None] * len(texts)
    for start in range(0, len(texts), batch_size):
        indices = by_length[start : start + batch_size]
        for index, result in zip(indices, process(indices), strict=True):
            results[index] = result
    return results


def check_partners(
    texts: Sequence, partners: Sequence, name: str, names: str
) -> None:
    """Raises ValueError if the numbers of texts and of partners differ.

    Args:
        texts: the texts.
        partners: what belongs to each text, such as its target.
        name: the word for a partner, for the error message.
        names: the plural of `name`.
    """
    if len(texts) != len(partners):
        raise ValueError(
            f"Every text needs its {name}. Received: {len(texts)} texts, "
            f"{len(partners)} {names}. Use an empty string for no {name}."
        )
