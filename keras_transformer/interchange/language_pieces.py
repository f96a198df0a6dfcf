"""Vocabularies made of a SentencePiece model and the codes of languages.

Multilingual models (M2M100, NLLB, mBART) read the code of the source language
before or after each source. Before a translation, their decoder reads the code
of the target language.
"""

import pathlib
from collections.abc import Sequence

from keras_transformer import text
from keras_transformer.text import tokenizer as tokenizers

SENTENCEPIECE = "sentencepiece.bpe.model"
# The first tokens of fairseq. They replace the first three pieces of the
# SentencePiece model.
_SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")
_FIRST_PIECE = 3
_MASK = "<mask>"


def check_languages(
    where: pathlib.Path,
    codes: Sequence[str],
    source: str | None,
    target: str | None,
) -> None:
    """Raises ValueError unless a model has both languages.

    A language that was not given is an error too.

    Args:
        where: the directory of the model, for messages.
        codes: the codes of the languages of the model.
        source: the code of the source language; `None` if it was not given.
        target: the code of the target language; `None` if it was not given.
    """
    for name, language in (
        ("source_language", source),
        ("target_language", target),
    ):
        if language not in codes:
            raise ValueError(
                f"{where}: this model translates between languages that you "
                f"choose. Received: --{name}={language}. Expected one of "
                f"{', '.join(codes)}."
            )


def read_model(directory: pathlib.Path) -> bytes:
    """Returns the content of the SentencePiece model of a directory.

    Raises:
        FileNotFoundError: the directory has no `sentencepiece.bpe.model`.
        ValueError: this file is damaged.
    """
    path = directory / SENTENCEPIECE
    if not path.is_file():
        raise FileNotFoundError(
            f"{directory} has no {path.name}. Copy it from the original."
        )
    model = path.read_bytes()
    try:
        tokenizers.read_pieces(model)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return model


def fairseq_tokens(
    model: bytes, codes: Sequence[str], size: int, where: pathlib.Path
) -> list[str]:
    """Returns the tokens in the order in which fairseq numbers them.

    The tokens are four special tokens, the pieces after the third piece, the
    codes of the languages, and `<mask>`. If the translation model has more ids
    than there are tokens, the last ids get tokens such as `<unused7>`.

    Args:
        model: the content of the SentencePiece model.
        codes: the codes of the languages, in the order of fairseq.
        size: the number of ids of the translation model.
        where: the directory, for messages.

    Raises:
        ValueError: there are more than `size` tokens.
    """
    processor = tokenizers.read_pieces(model)
    pieces = [
        processor.id_to_piece(i)
        for i in range(_FIRST_PIECE, processor.vocab_size())
    ]
    tokens = [*_SPECIAL, *pieces, *codes, _MASK]
    if len(tokens) > size:
        raise ValueError(
            f"{where / SENTENCEPIECE} does not belong to the model. Received: "
            f"{processor.vocab_size()} pieces, which with {len(codes)} "
            f"languages take {len(tokens)} ids. Expected at most vocab_size="
            f"{size}. Take all files from the same model."
        )
    return [*tokens, *(f"<unused{i}>" for i in range(len(tokens), size))]


def make(
    tokens: Sequence[str],
    model: bytes,
    special_ids: Sequence[text.SpecialIds],
    where: pathlib.Path,
) -> list[text.PieceTable]:
    """Makes the tokenizers of source and target, with the same tokens.

    Args:
        tokens: the tokens in the order of their ids.
        model: the content of the SentencePiece model.
        special_ids: the special ids of the source, with the code of the source
            language; then the special ids of the target, with the code of the
            target language.
        where: the directory, for messages.

    Raises:
        ValueError: `PieceTable` refuses the tokens, the ids or the model.
    """
    try:
        return [text.PieceTable(tokens, model, ids) for ids in special_ids]
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
