"""Lists of texts, told from one text, which is a list of characters too."""


def check_list(name: str, texts) -> None:
    """Raises ValueError if one string is given where a list is meant.

    Args:
        name: of the argument, for the message.
        texts: what was given.

    Example:

    >>> check_list("texts", ["a cat"])
    """
    if isinstance(texts, (str, bytes)) or getattr(texts, "shape", None) == ():
        raise ValueError(
            f"`{name}` is a list of strings. Received one string: {texts!r}. "
            f"Give a list, such as [{texts!r}]."
        )
