"""Byte pairs in the graph have the ids and texts of Hugging Face tokenizers."""

import functools
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from keras_transformer import text
from keras_transformer.interchange import bart_import
from keras_transformer.text import byte_pairs

pytestmark = pytest.mark.seconds
GOLDENS = pathlib.Path(__file__).parent.parent / "goldens"
IDS = text.SpecialIds(pad=1, begin=0, end=2, unknown=None)
BYTES = ("<s>", "<pad>", "</s>", *byte_pairs.byte_characters())


@functools.cache
def vocabulary():
    return bart_import.read(GOLDENS / "bart").tokenizer


@functools.cache
def hard():
    """Texts that are hard to split, and their ids in Hugging Face's library."""
    with np.load(GOLDENS / "bart.npz") as golden:
        texts = str(golden["bart/hard_texts"]).split("\x7f")[:-1]
        ends = np.cumsum(golden["bart/hard_lengths"])[:-1]
        return texts, np.split(golden["bart/hard_ids"], ends)


def test_hard_texts_have_their_ids():
    texts, ids = hard()
    assert len(texts) > 200 and len(set(texts)) > 200
    for each, made, expected in zip(
        texts, vocabulary().encode(texts).to_list(), ids, strict=True
    ):
        assert made == expected.tolist(), repr(each)


def test_texts_come_back():
    texts, _ = hard()
    decoded = vocabulary().decode(vocabulary().encode(texts)).numpy()
    assert [each.decode() for each in decoded] == texts
    assert vocabulary().decode([[0, 2, 1]]).numpy().tolist() == [b""]
    assert not vocabulary().has_unknown_characters("\u732b")


def test_merges_go_by_rank_and_from_the_left():
    merges = [("b", "c"), ("a", "a"), ("a", "b"), ("aa", "a")]
    made = ["".join(pair) for pair in merges]
    few = text.BytePairs([*BYTES, *made], merges, IDS)
    ids = few.encode(["abc", "aaaa", "aaa", "ab", "", "cb"])
    assert [few.pieces(row) if row else [] for row in ids.to_list()] == [
        ["a", "bc"],
        ["aa", "aa"],
        ["aaa"],
        ["ab"],
        [],
        ["c", "b"],
    ]


def test_bytes_that_are_no_text():
    few = text.BytePairs(BYTES, [], IDS)
    ids = few.encode(["\u00e9"]).to_list()
    assert len(ids[0]) == 2
    decoded = few.decode(tf.constant([[ids[0][0]]])).numpy()
    assert decoded.tolist() == ["\ufffd".encode()]


def test_saved_and_read(tmp_path):
    vocabulary().save(tmp_path / "vocabulary")
    read = text.read_tokenizer(tmp_path / "vocabulary")
    assert type(read) is text.BytePairs
    assert read.model == vocabulary().model
    assert read.encode(["the cat"]).to_list() == (
        vocabulary().encode(["the cat"]).to_list()
    )


@pytest.mark.parametrize(
    ("pieces", "merges", "ids", "message"),
    [
        (BYTES[:-1], [], IDS, r"1 missing, such as \['"),
        (BYTES, [("a", "b")], IDS, r"1 missing, such as \['ab'\]"),
        ((*BYTES, "a"), [], IDS, "1 repeated pieces"),
        (BYTES, [], text.SpecialIds(end=999), "below the number of pieces"),
    ],
)
def test_what_is_refused(pieces, merges, ids, message):
    with pytest.raises(ValueError, match=message):
        text.BytePairs(pieces, merges, ids)
