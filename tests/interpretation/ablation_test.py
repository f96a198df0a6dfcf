"""Switching off a head changes what depends on it, and nothing else."""

from unittest import mock

import numpy as np
import pytest

import keras_transformer as kt
from keras_transformer.interpretation import ablation, forward, reading
from tests import costs, graphs
from tests.assertions import assert_all_close, assert_all_equal
from tests.interpretation import random_translator

TEXT, TARGET = "the street was too wide", "la rue était trop large"
HEADS = 6 * (2 + 2 * 3)


@pytest.fixture(scope="module")
def translator():
    return random_translator.translator()


def log_probability(translator, text=TEXT, target=TARGET):
    # Each translator would trace its own graph, to run it only once.
    with graphs.run_as_python():
        [scored] = translator.score([text], [target])
    return scored.log_probs.sum()


@pytest.mark.seconds
def test_changes_are_those_of_the_log_probability(translator):
    weights = [np.array(weight) for weight in translator.model.weights]
    found = ablation.ablate_heads(translator, TEXT, TARGET)
    for old, new in zip(weights, translator.model.weights, strict=True):
        assert_all_equal(new, old)
    assert len({each[:2] for each in found}) == len(found) == HEADS
    changes = [each.change for each in found]
    assert changes == sorted(changes)
    before = log_probability(translator)
    for each in found[::24]:
        without = ablation.without_heads(translator, [each[:2]])
        change = log_probability(without) - before
        # Each is the difference of two sums of 7 float32 numbers of about 10.
        assert abs(each.change - change) < 1e-4
        assert abs(each.change) > 1e-4


@pytest.mark.grid
@pytest.mark.seconds
def test_several_sentences_give_the_mean(translator):
    texts, targets = [TEXT, "a dog"], [TARGET, "un chien"]
    alone = [
        {
            each[:2]: each.change
            for each in ablation.ablate_heads(translator, *pair)
        }
        for pair in zip(texts, targets, strict=True)
    ]
    for each in ablation.ablate_heads(translator, texts, targets):
        mean = (alone[0][each[:2]] + alone[1][each[:2]]) / 2
        assert abs(each.change - mean) < 1e-4


def test_no_head_off_changes_nothing(translator):
    same = ablation.without_heads(translator, [])
    assert log_probability(same) == log_probability(translator)
    for old, new in zip(
        translator.model.weights, same.model.weights, strict=True
    ):
        assert_all_equal(new, old)


@pytest.mark.grid
def test_a_head_without_output_changes_nothing():
    translator = random_translator.translator()
    layer = forward.attentions(translator.model)[
        "decoder/block_2/self_attention"
    ]
    kernel = np.array(layer.out.kernel)
    kernel[3 * 4 : 4 * 4] = 0
    layer.out.kernel.assign(kernel)
    (change,) = (
        each.change
        for each in ablation.ablate_heads(translator, TEXT, TARGET)
        if each[:2] == ("decoder/block_2/self_attention", 3)
    )
    assert change == 0


def test_without_heads_does_not_change_the_model(translator):
    before = [np.array(weight) for weight in translator.model.weights]
    ablation.without_heads(translator, [("encoder/block_1/attention", 2)])
    for old, new in zip(before, translator.model.weights, strict=True):
        assert_all_equal(new, old)


@pytest.mark.parametrize("kind", costs.grid(["fairseq", "modern"], ["modern"]))
def test_nothing_reads_a_head_that_is_off(kind):
    translator = random_translator.translator(kind)
    name = "encoder/block_2/attention"
    without = ablation.without_heads(translator, [(name, 1), (name, 4)])
    values = []
    for each in (translator, without):
        pair = reading.read_pair(each, TEXT, TARGET)
        found = forward.forward(pair.model, pair.source_ids, pair.input_ids)
        values.append({key: np.array(x) for key, x in found.items()})
    for kind_ in ("query", "weights", "attended"):
        key = f"{name}/{kind_}"
        assert_all_equal(values[1][key], values[0][key])
    layer = forward.attentions(translator.model)[name]
    attended = values[0][f"{name}/attended"].copy()
    attended[:, [1, 4]] = 0
    joined = np.concatenate(list(attended.transpose(1, 0, 2, 3)), axis=2)
    expected = joined @ np.array(layer.out.kernel)
    if layer.out.bias is not None:
        expected += np.array(layer.out.bias)
    assert_all_close(values[1][f"{name}/outputs"], expected, 1e-5, 1e-5)


@pytest.mark.parametrize(
    "head", [("encoder/block_3/attention", 0), ("encoder/block_1/attention", 6)]
)
def test_unknown_heads(translator, head):
    with pytest.raises(ValueError, match=r"no such head\. Received.*6"):
        ablation.without_heads(translator, [head])


def test_quantized_projections_are_refused():
    translator = random_translator.translator()
    # Keras runs the garbage collector for each weight, which is slow.
    with mock.patch("gc.collect"):
        translator.model.encoder.quantize("int8")
    with pytest.raises(ValueError, match="W\\^O is quantized"):
        ablation.without_heads(translator, [])


def test_settings_of_the_translator_stay():
    search = kt.search.GreedySearch()
    translator = random_translator.translator(search=search)
    without = ablation.without_heads(translator, [])
    assert without.search is search
    assert without.lengths == translator.lengths
