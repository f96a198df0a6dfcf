"""New pieces get the embedding rows of their parts in the old vocabulary."""

import pytest

from keras_transformer import text
from keras_transformer.text import piece_rows

OLD = ["the cat sat on the mat", "a cat", "the hat"] * 3
NEW = ["the cathedral sat", "the cathedral", "a mathematician"] * 3


@pytest.fixture(scope="module")
def old():
    return text.Tokenizer(text.learn_vocabulary(OLD, may_be_smaller=True))


@pytest.fixture(scope="module")
def new():
    return text.Tokenizer(
        text.learn_vocabulary(
            NEW, 320, may_be_smaller=True, user_symbols=["<2de>"]
        )
    )


def test_the_same_vocabulary_keeps_every_row(old):
    match = piece_rows.match_pieces(old, old)
    assert match.rows == [[i] for i in range(old.vocabulary_size)]
    assert (match.num_shared, match.num_from_parts) == (len(match.rows), 0)


def test_shared_pieces_and_parts(old, new):
    match = piece_rows.match_pieces(old, new)
    assert len(match.rows) == new.vocabulary_size
    old_pieces, new_pieces = (
        list(each.pieces(range(each.vocabulary_size))) for each in (old, new)
    )
    shared = fresh = inside = 0
    for piece, rows in zip(new_pieces, match.rows, strict=True):
        if piece in old_pieces:
            shared += 1
            assert [old_pieces[i] for i in rows] == [piece]
            continue
        fresh += 1
        [text] = old.decode([rows]).numpy()
        assert text.decode() == piece.replace("\u2581", "")
        if not piece.startswith("\u2581"):
            inside += 1
            assert old_pieces[rows[0]] != "\u2581"
    assert (match.num_shared, match.num_from_parts) == (shared, fresh)
    assert shared > 250
    assert fresh > inside > 0


def test_a_vocabulary_without_normalization():
    """It keeps each space, so no second space may come before a piece."""
    old, new = (
        text.Tokenizer(
            text.learn_vocabulary(
                texts, may_be_smaller=True, normalization="none"
            )
        )
        for texts in (OLD, NEW)
    )
    match = piece_rows.match_pieces(old, new)
    for piece, rows in zip(
        new.pieces(range(new.vocabulary_size)), match.rows, strict=True
    ):
        if piece.startswith("\u2581"):
            parts = "".join(old.pieces(rows))
            assert parts.count("\u2581") == 1


def test_special_ids_keep_their_roles(old, new):
    match = piece_rows.match_pieces(old, new)
    for i in old.special_ids.as_list():
        assert match.rows[i] == [i]
