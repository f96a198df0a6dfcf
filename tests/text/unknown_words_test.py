"""Only words without a known piece are left out."""

import functools

import pytest
import tensorflow as tf

from keras_transformer.text import tokenizer, unknown_words, vocabulary

TEXTS = ["The dog is small, isn't it?", "Le caf\u00e9 est petit.", "a cat!"]


@functools.cache
def tokenizer_of(normalization):
    return tokenizer.Tokenizer(
        vocabulary.learn_vocabulary(
            TEXTS, may_be_smaller=True, normalization=normalization
        )
    )


def read(text, normalization="nfc_punctuation"):
    one = tokenizer_of(normalization)
    return one.decode(one.encode_source([text])).numpy()[0].decode()


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("The \U0001f642 dog", "The dog"),
        ("\U0001f642 The dog", "The dog"),
        ("The dog \U0001f642", "The dog"),
        ("The dog.\U0001f642", "The dog."),
        ("\U0001f642\U0001f642The dog", "The dog"),
        ("The \u0418\u0432\u0430\u043d dog \u674e\u660e is", "The dog is"),
        ("dog\u0441 \u0441dog", "dog dog"),
        # Unknown characters inside of a word are kept.
        ("d\u043eg", "d\u043eg"),
        ("\U0001f642", ""),
        ("\u0418\u0432\u0430\u043d \u674e\u660e", ""),
        ("", ""),
        *((text, text) for text in TEXTS),
    ],
)
def test_what_is_read(text, known):
    assert read(text) == known
    one = tokenizer_of("nfc_punctuation")
    # The ids equal those of the text without unknown words.
    assert one.encode_source([text]).to_list() == one.encode([known]).to_list()
    # Other texts of the batch change nothing.
    rows = one.encode_source(["\u674e", text, "a \u674e", ""]).to_list()
    assert rows[1] == one.encode([known]).to_list()[0]


@pytest.mark.parametrize("normalization", ["none", "nmt_nfkc"])
def test_other_vocabularies_leave_nothing_out(normalization):
    text = "The \U0001f642 dog \u674e\u660e"
    assert read(text, normalization) == text


def test_known_pieces_are_those_that_are_read():
    one = tokenizer_of("nfc_punctuation")
    texts = ["The \u674e dog", "", "\u674e"]
    ids, known = one.known_pieces(texts)
    assert ids.to_list() == one.encode(texts).to_list()
    kept = tf.ragged.boolean_mask(ids, known).to_list()
    assert kept == one.encode_source(texts).to_list()
    assert 0 < len(kept[0]) < len(ids[0]) and kept[1:] == [[], []]


def test_no_rows():
    ids = tf.ragged.constant([], tf.int32, ragged_rank=1)
    kinds = [True, False], [False, True], [False, True]
    assert unknown_words.known_pieces(ids, *kinds).nrows() == 0
