"""Lists of texts, told from one text, which is a list of characters too."""

import os


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
