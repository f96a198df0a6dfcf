"""Reads the file format of SentencePiece, a message of protocol buffers.

SentencePiece has its own module that reads this format. The module is not used
here, because it refuses older versions of the package protobuf.

V vocabulary_size
"""

import dataclasses
import struct
from collections.abc import Iterator
from typing import Any

# The types of pieces, and their numbers in the file.
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
# The types of models, in the order of their numbers in the file. No type has
# the number 0.
_MODEL_TYPES = ("", "unigram", "bpe", "word", "char")
# The wire types of protocol buffers. They tell how the value of a field is
# written: as an integer of variable length; in 8 bytes; as the number of its
# bytes, followed by these bytes; or in 4 bytes.
_VARINT, _EIGHT_BYTES, _SIZED, _FOUR_BYTES = 0, 1, 2, 5


@dataclasses.dataclass(frozen=True)
class Normalization:
    """Rules that change a text before it is encoded, or after it is decoded.

    rules: SentencePiece's compiled table, which says how characters are
        replaced; empty if no characters are replaced.
    add_dummy_prefix: whether a space is put before the text, or after it if
        the model has spaces at the end of words.
    remove_extra_whitespaces: whether spaces at both ends of the text, and all
        but one of neighbouring spaces, are removed.
    escape_whitespaces: whether spaces become U+2581.
    """

    rules: bytes
    add_dummy_prefix: bool
    remove_extra_whitespaces: bool
    escape_whitespaces: bool


@dataclasses.dataclass(frozen=True)
class SentencePieceFile:
    """The data of a SentencePiece model, as far as tokenizers need them.

    model_type: `"unigram"`, `"bpe"`, `"word"` or `"char"`.
    pieces: V pieces.
    scores: V scores.
    types: V types, such as `NORMAL`.
    normalization: the rules for text to encode.
    denormalization: the rules for decoded text.
    has_spaces_at_the_end: whether the space of a word is written at the end of
        the word, not at its beginning.
    """

    model_type: str
    pieces: list[str]
    scores: list[float]
    types: list[int]
    normalization: Normalization
    denormalization: Normalization
    has_spaces_at_the_end: bool


def read(model: bytes) -> SentencePieceFile:
    """Reads a serialized SentencePiece model.

    Args:
        model: the bytes of a model that SentencePiece accepts. This function
            does not check the bytes.

    Example:

    >>> from keras_transformer import text
    >>> model = text.learn_vocabulary(["a cat", "a dog"], may_be_smaller=True)
    >>> read(model).pieces[:4]
    ['<pad>', '<bos>', '<eos>', '<unk>']
    """
    # The file sentencepiece_model.proto defines the numbers of the fields.
    pieces = []
    messages = {2: b"", 3: b"", 5: b""}
    for number, value in fields(model):
        if number == 1:
            pieces.append({3: NORMAL, 2: 0.0, **dict(fields(value))})
        elif number in messages:
            # A message may be split into several fields of the same number.
            messages[number] += value
    trainer = dict(fields(messages[2]))
    return SentencePieceFile(
        model_type=_MODEL_TYPES[trainer.get(3, 1)],
        pieces=[piece[1].decode("utf-8") for piece in pieces],
        scores=[float(piece[2]) for piece in pieces],
        types=[piece[3] for piece in pieces],
        normalization=_normalization(messages[3]),
        denormalization=_normalization(messages[5]),
        has_spaces_at_the_end=bool(trainer.get(24, 0)),
    )


def _normalization(message):
    spec = dict(fields(message))
    return Normalization(
        spec.get(2, b""), *(bool(spec.get(number, 1)) for number in (3, 4, 5))
    )


def fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Yields the number and the value of each field of a message.

    A value of 4 bytes is yielded as a float, and an integer of variable length
    as an int. All other values are yielded as bytes: a string, a message, or a
    value of 8 bytes.

    Args:
        message: the bytes of a message of protocol buffers. They are not
            checked.

    Example:

    >>> list(fields(bytes([8, 150, 1, 18, 2, 104, 105])))
    [(1, 150), (2, b'hi')]
    """
    position = 0

    def varint():
        nonlocal position
        value, shift, byte = 0, 0, 0x80
        while byte & 0x80:
            byte = message[position]
            value |= (byte & 0x7F) << shift
            position, shift = position + 1, shift + 7
        return value

    while position < len(message):
        number, kind = divmod(varint(), 8)
        if kind == _VARINT:
            yield number, varint()
            continue
        sizes = {_EIGHT_BYTES: 8, _FOUR_BYTES: 4}
        size = varint() if kind == _SIZED else sizes[kind]
        value = message[position : position + size]
        position += size
        if kind == _FOUR_BYTES:
            yield number, struct.unpack("<f", value)[0]
        else:
            yield number, value
