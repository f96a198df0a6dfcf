"""Texts of like length go together, and answers come in the texts' order."""

from collections.abc import Iterator, Sequence

import tensorflow as tf

from keras_transformer.text import texts as lists
from keras_transformer.translation import hypotheses


def batches_by_length(texts: Sequence, batch_size: int) -> Iterator[list[int]]:
    """Yields the places of texts of like length, `batch_size` at a time.

    Raises:
        ValueError: one string instead of a list, or `batch_size` below 1.

    Example:

    >>> list(batches_by_length(["ccc", "a", "bb"], 2))
    [[1, 2], [0]]
    """
    lists.check_list("texts", texts)
    if batch_size < 1:
        raise ValueError(
            f"`batch_size` must be at least 1. Received: {batch_size}."
        )
    by_length = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    for start in range(0, len(texts), batch_size):
        yield by_length[start : start + batch_size]


def in_batches(
    translate, texts: Sequence[str], batch_size: int = 64
) -> list[tuple[str, float]]:
    """Translates any number of strings, those of like length together.

    Args:
        translate: a `Translator` or the `serving_default` signature of a
            SavedModel, wrapped to take a string tensor `(B,)`.
        texts: what to translate.
        batch_size: how many at once.

    Returns:
        Translation and score of each text, in the order of `texts`.

    Raises:
        ValueError: one string instead of a list, or no batch.
        FloatingPointError: the model's output is not a number.

    Example:

    >>> def shout(text):
    ...     return {"translation": tf.strings.upper(text),
    ...             "score": tf.zeros(tf.shape(text))}
    >>> in_batches(shout, ["ba", "c"])
    [('BA', 0.0), ('C', 0.0)]
    """
    texts = lists.as_list("texts", texts)
    answers = [("", 0.0)] * len(texts)
    for rows in batches_by_length(texts, batch_size):
        answer = translate(tf.constant([texts[row] for row in rows]))
        for row, translation, score in zip(
            rows,
            answer["translation"].numpy(),
            answer["score"].numpy(),
            strict=True,
        ):
            hypotheses.check_score(score, texts[row])
            answers[row] = translation.decode("utf-8"), float(score)
    return answers
