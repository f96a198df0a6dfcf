"""Hashes must differ if vocabularies, or their order, differ."""

import hashlib

import keras_transformer as kt
from keras_transformer.text import vocabulary_hash


def test_hash_of_the_pieces():
    one, two = (
        kt.Tokenizer(kt.learn_vocabulary([text], may_be_smaller=True))
        for text in ("a cat", "un chat")
    )
    pieces = one.pieces(range(one.vocabulary_size))
    sha256 = vocabulary_hash.vocabulary_sha256
    assert sha256(one) == hashlib.sha256(repr(pieces).encode()).hexdigest()
    hashes = {sha256(one), sha256(two), sha256(one, two), sha256(two, one)}
    assert len(hashes) == 4
