"""Reads vocabularies of all kinds, from bytes or from a file."""

import json
import os

from keras_transformer.text import (
    base,
    byte_pairs,
    escaped_subwords,
    piece_table,
    token_list,
    tokenizer,
)


def tokenizer_of(model: bytes) -> base.TextTokenizer:
    """Makes a tokenizer from the bytes of its vocabulary.

    A SentencePiece model becomes a `Tokenizer`. Other vocabularies are JSON
    with the name of their kind.

    Args:
        model: the attribute `model` of a tokenizer, or the content of a
            vocabulary file.

    Raises:
        ValueError: the bytes are not a vocabulary.

    Example:

    >>> vocabulary = token_list.TokenList(["<pad>", "<s>", "</s>", "<unk>"])
    >>> type(tokenizer_of(vocabulary.model)).__name__
    'TokenList'
    """
    # A SentencePiece model begins with the byte 10, never with `{`.
    if not model.startswith(b"{"):
        return tokenizer.Tokenizer(model)
    try:
        content = json.loads(model.decode("utf-8"))
        kind = content["kind"]
    except (ValueError, KeyError, RecursionError) as error:
        raise ValueError(
            f"Expected a vocabulary. Received {len(model)} bytes that cannot "
            f"be read ({error!r}). Copy the file again from the original."
        ) from error
    if not isinstance(kind, str) or kind not in _KINDS:
        raise ValueError(
            f"Unknown kind of vocabulary. Received: {kind!r}. Expected one of "
            f"{', '.join(map(repr, _KINDS))}, or a SentencePiece model."
        )
    try:
        return _KINDS[kind](content)
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"Expected a vocabulary of the kind {kind!r}. Received {error!r}. "
            "Copy the file again from the original."
        ) from error


def read_tokenizer(path: str | os.PathLike[str]) -> base.TextTokenizer:
    """Makes a tokenizer from a vocabulary file.

    Args:
        path: a file that the `save` of a tokenizer wrote, or a SentencePiece
            model.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: `tokenizer_of` does not accept the content of the file.
    """
    return base.read_file(path, tokenizer_of)


_KINDS = {
    byte_pairs.KIND: byte_pairs.BytePairs.from_content,
    escaped_subwords.KIND: escaped_subwords.EscapedSubwords.from_content,
    piece_table.KIND: piece_table.PieceTable.from_content,
    token_list.KIND: token_list.TokenList.from_content,
}
