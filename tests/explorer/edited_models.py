"""SentencePiece models with pieces that SentencePiece would not learn."""

import struct

from keras_transformer.explorer import sentencepiece_file


def with_pieces(model, change):
    """Returns a serialized model in which some pieces are replaced.

    Args:
        model: a serialized model.
        change: a function to call for each piece. It takes index, piece,
            score and type, and returns the new piece, score and type.
    """
    written, index = [], 0
    for number, value in sentencepiece_file.fields(model):
        if number == 1:
            piece = {2: 0.0, 3: 1, **dict(sentencepiece_file.fields(value))}
            text, score, kind = change(
                index, piece[1].decode(), piece[2], piece[3]
            )
            value = b"".join(
                (
                    _sized(1, text.encode()),
                    bytes([2 * 8 + 5]) + struct.pack("<f", score),
                    bytes([3 * 8, kind]),
                )
            )
            index += 1
        written.append(_sized(number, value))
    return b"".join(written)


def _sized(number, value):
    """Writes a field of bytes. Its length is in groups of 7 bits."""
    size, groups = len(value), []
    while True:
        size, group = divmod(size, 128)
        groups.append(group | (128 if size else 0))
        if not size:
            return bytes([number * 8 + 2, *groups]) + value
