"""Finds rows of an old embedding matrix for the pieces of a new vocabulary."""

from typing import NamedTuple

from keras_transformer.text import tokenizer as tokenizers

# SentencePiece writes this character for the space before a word.
_SPACE = "\u2581"


class PieceRows(NamedTuple):
    """The old rows from which the rows of a new vocabulary are made.

    rows: for each new id a list of old ids. The list of a special id has the
        old id with the same role. The list of any other id has the old id of
        the same piece. If the old vocabulary lacks the piece, the list has the
        old ids of the parts of the piece. A part may be the old unknown token.
        The list is empty if the old vocabulary has no id with the same role, or
        if the old normalization removes the piece.
    num_shared: the number of new pieces that are in the old vocabulary. The
        pieces of special ids are always counted.
    num_from_parts: the number of new pieces that are cut into old pieces.
    """

    rows: list[list[int]]
    num_shared: int
    num_from_parts: int


def match_pieces(
    old: tokenizers.Tokenizer, new: tokenizers.Tokenizer
) -> PieceRows:
    """Finds, for each piece of a new vocabulary, the old ids to take rows from.

    A piece that is not in the old vocabulary is cut into old pieces. A special
    id gets the old id with the same role, such as `pad`.

    Args:
        old: the tokenizer whose embeddings exist.
        new: the tokenizer whose embeddings are needed.

    Example:

    >>> from keras_transformer.text import learn_vocabulary
    >>> model = learn_vocabulary(["the cat", "le chat"], may_be_smaller=True)
    >>> same = tokenizers.Tokenizer(model)
    >>> match_pieces(same, same).rows[:4]
    [[0], [1], [2], [3]]
    """
    old_ids = {
        piece: i
        for i, piece in enumerate(old.pieces(range(old.vocabulary_size)))
    }
    pieces = list(new.pieces(range(new.vocabulary_size)))
    # Special ids are matched by role, because their pieces may differ.
    roles = {
        getattr(new.special_ids, role): getattr(old.special_ids, role)
        for role in ("pad", "begin", "end", "unknown")
    }
    fresh = [
        i
        for i, piece in enumerate(pieces)
        if i not in roles and piece not in old_ids
    ]
    cut: dict[int, list[int]] = {}
    if fresh:
        # The old tokenizer puts a space before each text.
        texts = [
            pieces[i].removeprefix(_SPACE).replace(_SPACE, " ") for i in fresh
        ]
        for i, ids in zip(fresh, old.encode(texts).to_list(), strict=True):
            is_inside = not pieces[i].startswith(_SPACE)
            # A piece from the inside of a word has no space before it. So the
            # space is removed if it is a token of its own.
            has_space = ids and ids[0] == old_ids.get(_SPACE)
            cut[i] = ids[1:] if is_inside and has_space else ids

    def row_of(i, piece):
        if i in cut:
            return cut[i]
        old_id = roles.get(i, old_ids.get(piece))
        return [] if old_id is None else [old_id]

    rows = [row_of(i, piece) for i, piece in enumerate(pieces)]
    return PieceRows(
        rows, len(pieces) - len(fresh), sum(map(bool, cut.values()))
    )
