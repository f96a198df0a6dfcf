"""Sentences and targets become the inputs that the model reads."""

import pytest

import keras_transformer as kt
from keras_transformer.interpretation import reading
from tests.assertions import assert_all_equal
from tests.interpretation import random_translator


@pytest.fixture(scope="module")
def translator():
    return random_translator.translator("marian")


def test_pairs_are_those_of_the_translator(translator):
    texts, targets = ["a dog", "the cat"], ["un chien", "le chat"]
    for text, target, pair in zip(
        texts,
        targets,
        reading.read_pairs(translator, texts, targets),
        strict=True,
    ):
        source_ids = translator.encode_source([text])
        assert_all_equal(pair.source_ids, source_ids)
        target_ids = translator.encode_target([target])
        assert_all_equal(pair.target_ids, target_ids)
        # The decoder of Marian reads the padding id first.
        assert pair.input_ids[0, 0] == 0
        assert_all_equal(pair.input_ids[:, 1:], target_ids[:, :-1])


def test_a_float32_translator_is_not_copied(translator):
    assert reading.in_float32(translator) is translator


def test_other_precisions_are_copied(translator):
    low = kt.models.in_precision(translator.model, "bfloat16")
    search = kt.search.GreedySearch()
    found = reading.in_float32(
        kt.Translator(low, random_translator.tokenizer(), search)
    )
    assert found.model.compute_dtype == "float32"
    assert found.search is search


def test_layers_of_others_are_refused():
    translator = random_translator.translator()
    block = translator.model.encoder.blocks[1]
    block.attention = type("Mine", (), {})()
    with pytest.raises(ValueError, match="Mine as `attention` of 'block_2'"):
        reading.read_pair(translator, "a dog", "un chien")


@pytest.mark.parametrize("texts", [[b"a cat"], None])
def test_texts_must_be_strings(translator, texts):
    with pytest.raises(ValueError, match="`text` is one sentence. Received"):
        reading.read_pairs(translator, texts, None)


def test_targets_must_be_as_many_as_texts(translator):
    with pytest.raises(ValueError, match="`target`.*3 strings. Expected: 2"):
        reading.read_pairs(translator, ["a", "b"], ["c", "d", "e"])
