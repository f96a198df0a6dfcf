"""Heads are ranked by the words of the contrast set."""

import pytest

from keras_transformer import data, interpretation
from keras_transformer.data.illustrated import lexicon
from tests.interpretation import random_translator
from tools import measure_heads


@pytest.fixture(scope="module")
def contrast():
    return data.illustrated_corpus(train_size=0).contrast


def test_words_of_every_sentence(contrast):
    names = {
        noun.english: noun.feminine
        for nouns in (lexicon.AGENTS, lexicon.OBJECTS)
        for noun in nouns.values()
    }
    for i, example in enumerate(contrast):
        words = measure_heads.words_of(example, i)
        # The noun has the pronoun's gender; the other noun does not.
        assert names[words.noun] == (words.pronoun == "elle"), example
        assert example.source.endswith(f" {words.adjective}.")
        assert f" {words.it} " in example.source
    first = measure_heads.words_of(contrast[0], 0)
    assert first == ("it", "animal", "tired", "il")


def test_questions_are_of_their_attention(contrast):
    translator = random_translator.translator()
    for question, stack, count in (
        ("it to the adjective", "encoder", 2 * 6),
        ("the pronoun to the adjective", "cross", 3 * 6),
    ):
        ranked = measure_heads.ranked(translator, contrast[:2], question)
        assert len(ranked) == count
        assert all(stack in each.attention for each in ranked)
        assert ranked[0].weight >= ranked[-1].weight
        assert {each.sentences for each in ranked} == {2}


@pytest.mark.grid
@pytest.mark.seconds
def test_what_is_lost_is_measured_without_the_heads(contrast, monkeypatch):
    translator = random_translator.translator()
    switched_off = []

    def without_heads(translator, heads):
        switched_off.append(list(heads))
        return translator

    monkeypatch.setattr(interpretation, "without_heads", without_heads)
    found = measure_heads.measured(
        translator, contrast[:2], measure_heads.Measure(sentences=2, draws=5)
    )
    assert len(found["others_off"]) == 5
    asked = {
        tuple(each[:2])
        for question in found["questions"].values()
        for each in question["best"]
    }
    *of_questions, none = switched_off[:6]
    assert none == []
    assert {head for heads in of_questions for head in heads} == asked
    for heads in switched_off[6:]:
        assert len(set(heads)) == 3
        assert not asked & set(heads)
