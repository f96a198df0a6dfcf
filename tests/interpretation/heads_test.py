"""Heads are ranked by their attention scores between two words."""

import numpy as np
import pytest

from keras_transformer.interpretation import forward, heads, reading
from tests.interpretation import random_translator

TEXT, TARGET = "the street was too wide", "la rue était trop large"
OTHER, OTHER_TARGET = "a dog crosses the street", "un chien traverse la rue"


@pytest.fixture(scope="module")
def translator():
    return random_translator.translator()


def weights_of(translator, name, text=TEXT, target=TARGET):
    pair = reading.read_pair(translator, text, target)
    values = forward.forward(pair.model, pair.source_ids, pair.input_ids)
    return np.array(values[f"{name}/weights"][0])


def pieces(translator, text):
    """Returns the pieces of a text. Each word has one piece or two."""
    ids = translator.encode_target([text])[0]
    return translator.tokenizer.pieces(ids)


def indices(translator, text, word):
    """Returns the indices of a word's pieces, found by the order of words."""
    place = text.split().index(word)
    starts = [
        i
        for i, piece in enumerate(pieces(translator, text))
        if piece.startswith("▁") or piece == "<eos>"
    ]
    spelled = range(starts[place], starts[place + 1])
    return [i for i in spelled if pieces(translator, text)[i] != "▁"]


@pytest.mark.parametrize(
    ("kind", "query", "key"),
    [
        ("encoder/block_2/attention", "wide", "street"),
        ("decoder/block_3/cross_attention", "large", "street"),
        ("decoder/block_1/self_attention", "large", "rue"),
    ],
)
def test_weights_are_those_of_the_words(translator, kind, query, key):
    found = {
        each.head: each
        for each in heads.find_heads(translator, TEXT, query, key, TARGET)
        if each.attention == kind
    }
    weights_HTS = weights_of(translator, kind)
    of_source = {"encoder": (1, 1), "decoder": (0, "cross" in kind)}
    query_in_source, key_in_source = of_source[kind.split("/")[0]]
    rows = indices(translator, TEXT if query_in_source else TARGET, query)
    columns = indices(translator, TEXT if key_in_source else TARGET, key)
    if "self_attention" in kind:
        # The decoder reads at each step the token of the step before.
        columns = [column + 1 for column in columns]
    expected = weights_HTS[:, rows][:, :, columns].sum(2).mean(1)
    assert expected.max() > 0
    assert sorted(found) == list(range(6))
    for head, weight in enumerate(expected):
        assert abs(found[head].weight - weight) < 1e-6
        assert found[head].sentences == 1


def test_the_largest_weight_is_first(translator):
    found = heads.find_heads(translator, TEXT, "wide", "street", TARGET)
    assert {each.attention for each in found} == {
        "encoder/block_1/attention",
        "encoder/block_2/attention",
    }
    weights = [each.weight for each in found]
    assert weights == sorted(weights, reverse=True)
    assert weights[0] > weights[-1]


def test_uniform_attention_has_a_known_weight(translator):
    translator = random_translator.translator()
    for layer in forward.attentions(translator.model).values():
        layer.query.kernel.assign(0 * layer.query.kernel)
    (weight,) = {
        round(each.weight, 6)
        for each in heads.find_heads(translator, TEXT, "wide", "street", TARGET)
    }
    length = len(pieces(translator, TEXT))
    expected = len(indices(translator, TEXT, "street")) / length
    assert abs(weight - expected) < 1e-6


def test_several_sentences_give_the_mean(translator):
    query, key = ["wide", "street"], ["street", "dog"]
    alone = [
        {
            each[:2]: each.weight
            for each in heads.find_heads(translator, *arguments)
        }
        for arguments in zip(
            (TEXT, OTHER), query, key, (TARGET, OTHER_TARGET), strict=True
        )
    ]
    both = heads.find_heads(
        translator, [TEXT, OTHER], query, key, [TARGET, OTHER_TARGET]
    )
    assert len(both) == 2 * 6
    for each in both:
        mean = (alone[0][each[:2]] + alone[1][each[:2]]) / 2
        assert abs(each.weight - mean) < 1e-6
        assert each.sentences == 2


def test_a_sentence_without_the_words_is_not_counted(translator):
    found = heads.find_heads(
        translator, [TEXT, OTHER], "wide", "street", [TARGET, OTHER_TARGET]
    )
    assert {each.sentences for each in found} == {1}


def test_bad_words(translator):
    with pytest.raises(ValueError, match="two words. Received: query='zebra'"):
        heads.find_heads(translator, TEXT, "zebra", "street", TARGET)
    with pytest.raises(ValueError, match="`key`.*Received: 3 strings"):
        heads.find_heads(translator, TEXT, "wide", ["a", "b", "c"], TARGET)
    with pytest.raises(ValueError, match="`text`.*Received: 0 strings"):
        heads.find_heads(translator, [])
