"""The graph encodes and decodes subwords as Tensor2Tensor does."""

import numpy as np
import pytest
import tensorflow as tf

from keras_transformer import text
from tests.references import subwords as reference

pytestmark = pytest.mark.seconds
IDS = text.SpecialIds(pad=0, begin=None, end=1, unknown=None)
PIECES = (
    *("<pad>", "<EOS>"),
    *("the_", "cat", "s_", "a_", "an", "\u00e9t", " - _", "._", "th", ", _"),
    *" acehnst-.,\u00e9\U0001f600\\_u;0123456789",
)
ALPHABET = set("".join(PIECES[2:])) | set("\\_u;0123456789")
TEXTS = (
    *("the cats - a cat.", "a", "", " ", "  ", " a ", "the  the", "a\nb"),
    *("\\_u;\\7;", "\u732b \u72ac", "\u00e9t\u00e9", "e\u0301", "_a_", "a_b"),
    *("\U0001f600a\U0001f600", "1,000 cats", "the. the", " .", ". ", "\u00b2a"),
)


@pytest.fixture(scope="module")
def vocabulary():
    return text.EscapedSubwords(PIECES, IDS)


def texts():
    """The texts above, and random ones of the same characters."""
    generator = np.random.default_rng(3)
    characters = sorted(set("".join(TEXTS)) | set("".join(PIECES)))
    return [
        *TEXTS,
        *(
            "".join(generator.choice(characters, generator.integers(23)))
            for _ in range(200)
        ),
    ]


def test_ids_are_theirs(vocabulary):
    ids = vocabulary.encode(texts()).to_list()
    for each, made in zip(texts(), ids, strict=True):
        assert made == reference.encode(each, PIECES, ALPHABET), repr(each)


def test_texts_come_back(vocabulary):
    encoded = vocabulary.encode(texts())
    decoded = [each.decode() for each in vocabulary.decode(encoded).numpy()]
    assert decoded == [
        reference.decode(ids, PIECES) for ids in encoded.to_list()
    ]
    assert decoded[: len(TEXTS)] == list(TEXTS)


def test_all_ids_are_decoded_as_there(vocabulary):
    generator = np.random.default_rng(5)
    ids = [
        generator.integers(2, len(PIECES), generator.integers(13)).tolist()
        for _ in range(300)
    ]
    decoded = vocabulary.decode(tf.ragged.constant(ids, tf.int32)).numpy()
    for each, made in zip(ids, decoded, strict=True):
        assert made.decode() == reference.decode(each, PIECES), each
    # Special ids have no text.
    assert vocabulary.decode([[0, 5, 1]]).numpy().tolist() == [b"a"]


def test_code_points_that_do_not_exist(vocabulary):
    spelled = ["\\1114112;_", "\\55296;_", "\\99999999999;_", "\\233;_"]
    ids = [[PIECES.index(c) for c in each] for each in spelled]
    decoded = vocabulary.decode(tf.ragged.constant(ids, tf.int32)).numpy()
    assert [each.decode() for each in decoded] == ["\u3013"] * 3 + ["\u00e9"]


def test_saved_and_read(vocabulary, tmp_path):
    vocabulary.save(tmp_path / "vocabulary")
    read = text.read_tokenizer(tmp_path / "vocabulary")
    assert type(read) is text.EscapedSubwords
    assert read.model == vocabulary.model
    assert read.special_ids == IDS
    assert read.pieces([2, 4]) == ["the_", "s_"]
    with pytest.raises(ValueError, match="cuts each text in one way only"):
        read.sample([[2]], 0.1, 0)


def test_unknown_characters(vocabulary):
    assert vocabulary.has_unknown_characters("the \u732b")
    assert vocabulary.has_unknown_characters("a\n")
    assert not vocabulary.has_unknown_characters("the cat_")


@pytest.mark.parametrize(
    ("pieces", "ids", "message"),
    [
        (PIECES[:-1], IDS, "no piece '9'. Take the file"),
        (PIECES, text.SpecialIds(), "`unknown` must be None"),
        (
            PIECES,
            text.SpecialIds(pad=0, begin=None, end=99, unknown=None),
            "below the number of pieces",
        ),
    ],
)
def test_what_is_refused(pieces, ids, message):
    with pytest.raises(ValueError, match=message):
        text.EscapedSubwords(pieces, ids)
