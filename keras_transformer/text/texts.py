"""Checks whether texts are blank, and whether arguments are lists of texts."""

import os
from typing import Any, TypeAlias

import tensorflow as tf

TensorLike: TypeAlias = tf.types.experimental.TensorLike

# A regular expression of TensorFlow for blank texts. It allows the characters
# for which `str.isspace` is true.
_BLANK = (
    r"[\t-\r\x1c- \x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}"
    r"\x{202f}\x{205f}\x{3000}]*"
)


def is_blank(text: str) -> bool:
    """Returns whether a text is empty or white space only.

    Example:

    >>> is_blank(" \t")
    True
    """
    return not text.strip()


def are_blank(texts: TensorLike) -> tf.Tensor:
    """Returns which of the strings `(B,)` are blank, as booleans `(B,)`.

    It does the same as `is_blank`, but by operations that can be in a graph.

    Example:

    >>> are_blank(tf.constant(["a cat", "\u3000 "])).numpy().tolist()
    [False, True]
    """
    return tf.strings.regex_full_match(texts, _BLANK)


def check_strings(name: str, values: Any) -> None:
    """Raises TypeError unless `values` is a list of strings.

    Args:
        name: the name of the entry in the content of a vocabulary file.
        values: the entry.

    Example:

    >>> check_strings("tokens", ["a", "b"])
    """
    if not isinstance(values, list) or not all(
        isinstance(value, str) for value in values
    ):
        raise TypeError(f"`{name}` must be a list of strings.")


def check_list(name: str, texts: Any) -> None:
    """Raises ValueError if `texts` is one string, path or scalar tensor.

    Args:
        name: the name of the argument, for the message.
        texts: the argument. The items of a list are not checked.

    Example:

    >>> check_list("texts", ["a cat"])
    """
    is_one_text = isinstance(texts, (str, bytes, bytearray, os.PathLike))
    if is_one_text or getattr(texts, "shape", None) == ():
        raise ValueError(
            f"`{name}` is a list of strings. Received one string: {texts!r}. "
            f"Give a list, such as [{texts!r}]."
        )


def as_list(name: str, texts: Any) -> list[Any]:
    """Returns texts as a list of strings or bytes.

    Args:
        name: the name of the argument, for the message.
        texts: an iterable of strings or bytes, or a tensor `(B,)`.

    Raises:
        ValueError: `texts` is one string or number instead of a list, or has an
            item that is neither a string nor bytes.

    Example:

    >>> as_list("texts", (text for text in ["a cat", b"a dog"]))
    ['a cat', b'a dog']
    """
    check_list(name, texts)
    if hasattr(texts, "numpy"):
        texts = texts.numpy()
    try:
        items = list(texts)
    except TypeError:
        items = [texts]
    wrong = [item for item in items if not isinstance(item, (str, bytes))]
    if wrong:
        raise ValueError(
            f"`{name}` is a list of strings. Received an item of another "
            f"type, {type(wrong[0]).__name__}: {wrong[0]!r}. Give strings."
        )
    return items
