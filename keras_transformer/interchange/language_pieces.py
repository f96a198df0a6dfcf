"""Vocabularies of one SentencePiece model and codes of languages.

Models of many languages (M2M100, NLLB, mBART) read the code of a language at an
end of each source, and the decoder begins with the code of the target's.
"""

import pathlib
from collections.abc import Sequence

from keras_transformer import text
from keras_transformer.text import tokenizer as tokenizers

SENTENCEPIECE = "sentencepiece.bpe.model"
# The first ids of fairseq, which stand for the first three pieces.
_SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")
_FIRST_PIECE = 3
_MASK = "<mask>"


def check_languages(
    where: pathlib.Path,
    codes: Sequence[str],
    source: str | None,
    target: str | None,
) -> None:
    """Raises ValueError for a language that a model does not have.

    Args:
        where: the directory of the model, for messages.
        codes: the languages of the model.
        source: the language of the sources.
        target: the language of the targets.
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
    """Reads the SentencePiece model of a directory.

    Raises:
        FileNotFoundError: there is none.
        ValueError: the file is damaged.
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

    These are four special tokens, the pieces after the third, the codes of
    languages and the mask. Ids without a token, which a model may have at its
    end, get a name.

    Args:
        model: the SentencePiece model.
        codes: the codes of the languages.
        size: the number of ids of the model.
        where: the directory, for messages.

    Raises:
        ValueError: the model has fewer ids.
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
    """Makes the vocabularies of both sides, which differ in the language.

    Args:
        tokens: the tokens in the order of their ids.
        model: the SentencePiece model.
        special_ids: those of sources, and those of targets.
        where: the directory, for messages.

    Raises:
        ValueError: tokens and ids do not fit together.
    """
    try:
        return [text.PieceTable(tokens, model, ids) for ids in special_ids]
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
