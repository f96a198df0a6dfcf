"""Reads vocabularies that other systems write as lists of tokens.

A list is a text file or a JSON file.
"""

import json
import pathlib
from collections.abc import Sequence

# The text of the padding token that an import adds to a model if the model has
# no padding token that this package can use.
PADDING = "<padding>"
PADDING_TOKENS = ("<blank>", "<pad>", PADDING)


def read_tokens(path: pathlib.Path) -> list[str]:
    """Reads a list of tokens from a JSON file or a text file.

    Args:
        path: a file in UTF-8. A file whose name ends in `.json` is a list of
            strings in JSON. Every other file has one token on each line.

    Returns:
        The tokens in the order of the file. The index of a token is its id.

    Raises:
        ValueError: the file is not such a list.
    """
    try:
        content = path.read_bytes().decode("utf-8")
        if path.suffix == ".json":
            tokens = json.loads(content)
        else:
            # `splitlines` would also split at characters that are tokens.
            tokens = content.removesuffix("\n").split("\n")
            tokens = [token.removesuffix("\r") for token in tokens]
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} is not a vocabulary ({error}). Copy it again from the "
            "original."
        ) from error
    if not isinstance(tokens, list) or not all(
        isinstance(token, str) for token in tokens
    ):
        raise ValueError(
            f"{path} is not a vocabulary. Received: {type(tokens).__name__}. "
            "Expected a list of strings. Copy it again from the original."
        )
    return tokens


def read_pair(directory: pathlib.Path) -> tuple[list[str], list[str]]:
    """Reads the vocabularies of source and target.

    Args:
        directory: a model directory of CTranslate2 or OpenNMT-tf. It has the
            file `shared_vocabulary`, which is then used for both languages, or
            `source_vocabulary` and `target_vocabulary`. Each name ends in
            `.json` or `.txt`. If both endings exist, `.json` is read.

    Returns:
        The source tokens and the target tokens, in the order of their ids.

    Raises:
        FileNotFoundError: a vocabulary is missing.
        ValueError: a file is not a vocabulary.
    """

    def first(name):
        for ending in (".json", ".txt"):
            path = directory / f"{name}_vocabulary{ending}"
            if path.is_file():
                return path
        return None

    shared = first("shared")
    paths = [shared or first("source"), shared or first("target")]
    for name, path in zip(("source", "target"), paths, strict=True):
        if path is None:
            raise FileNotFoundError(
                f"{directory} has no vocabulary of the {name}. Expected "
                f"shared_vocabulary or {name}_vocabulary, .json or .txt. Copy "
                "it from the original."
            )
    source, target = (read_tokens(path) for path in paths if path)
    return source, target


def padding_id(*vocabularies: Sequence[str]) -> int | None:
    """Returns the id that a padding token has in all vocabularies.

    Args:
        *vocabularies: the tokens of each vocabulary, in the order of their ids.

    Returns:
        The id; `None` if no token of `PADDING_TOKENS` has the same id in all
        vocabularies.

    Example:

    >>> padding_id(["<s>", "<pad>", "a"], ["<s>", "<pad>", "b"])
    1
    """
    for token in PADDING_TOKENS:
        ids = {
            tokens.index(token) if token in tokens else None
            for tokens in vocabularies
        }
        if len(ids) == 1 and None not in ids:
            return ids.pop()
    return None
