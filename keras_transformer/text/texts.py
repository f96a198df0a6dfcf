"""What texts are: lists of strings, and which strings are blank."""

import os

import tensorflow as tf

# What `str.isspace` calls a space, as an expression of TensorFlow.
_BLANK = (
    r"[\t-\r\x1c- \x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}"
    r"\x{202f}\x{205f}\x{3000}]*"
)


def is_blank(text: str) -> bool:
    """Tells whether a text has nothing but white space.

    Example:

    >>> is_blank(" \t")
    True
    """
    return not text.strip()


def are_blank(texts) -> tf.Tensor:
    """`is_blank` in the graph: strings (B,) to booleans (B,).

    Example:

    >>> are_blank(tf.constant(["a cat", "\u3000 "])).numpy().tolist()
    [False, True]
    """
    return tf.strings.regex_full_match(texts, _BLANK)


def check_list(name: str, texts) -> None:
    """Raises ValueError if one string or path is given where a list is meant.

    Args:
        name: of the argument, for the message.
        texts: what was given.

    Example:

    >>> check_list("texts", ["a cat"])
    """
    is_one = isinstance(texts, (str, bytes, bytearray, os.PathLike))
    if is_one or getattr(texts, "shape", None) == ():
        raise ValueError(
            f"`{name}` is a list of strings. Received one string: {texts!r}. "
            f"Give a list, such as [{texts!r}]."
        )


def as_list(name: str, texts) -> list:
    """The texts as a list, whatever they are in.

    Args:
        name: of the argument, for the message.
        texts: an iterable of strings or bytes, or a tensor `(B,)`.

    Raises:
        ValueError: one string, or something that is no text.

    Example:

    >>> as_list("texts", (text for text in ["a cat", b"a dog"]))
    ['a cat', b'a dog']
    """
    check_list(name, texts)
    if hasattr(texts, "numpy"):
        texts = texts.numpy()
    try:
        found = list(texts)
    except TypeError:
        found = [texts]
    wrong = [text for text in found if not isinstance(text, (str, bytes))]
    if wrong:
        raise ValueError(
            f"`{name}` is a list of strings. Received an item of another "
            f"type, {type(wrong[0]).__name__}: {wrong[0]!r}. Give texts."
        )
    return found
