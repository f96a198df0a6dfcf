"""A trace describes the translation that the translator gives."""

import numpy as np
import pytest
import tensorflow as tf

import keras_transformer as kt
from keras_transformer.interpretation import attribution, tracing
from tests import costs
from tests.assertions import assert_all_close, assert_all_equal
from tests.explorer import calibrations
from tests.interpretation import random_translator

TEXT, TARGET = "the old dog didn't sleep", "le vieux chien dort"


@pytest.fixture(scope="module")
def translator():
    return random_translator.translator()


@pytest.fixture(scope="module")
def traced(translator):
    return tracing.trace(translator, TEXT)


def test_the_target_is_the_translation(translator, traced):
    best = translator.hypotheses([TEXT])[0][0]
    assert traced.target.text == best.text
    assert not traced.target.is_given
    (found,) = traced.search.hypotheses
    assert found.ids == traced.target.ids
    assert abs(found.score - best.score) < 1e-5
    assert traced.assessments is None


def test_tokens_are_those_of_the_tokenizer(translator, traced):
    tokenizer = random_translator.tokenizer()
    ids = translator.encode_source([TEXT])[0].numpy().tolist()
    assert traced.source.ids == ids
    assert traced.source.tokens == tokenizer.pieces(ids)
    assert len(traced.source.words) == len(ids)
    target = traced.target
    assert target.input_ids == [1, *target.ids[:-1]]
    assert target.input_tokens == tokenizer.pieces(target.input_ids)


def test_a_given_target_is_read(translator):
    found = tracing.trace(translator, TEXT, TARGET)
    assert found.target.text == TARGET
    assert found.target.is_given
    assert found.target.ids[-1] == 2
    assert found.search is None


def test_arrays_are_in_the_order_of_the_computation(traced):
    names = list(traced.arrays)
    order = [
        "source/embeddings",
        "source/positions",
        "source/inputs",
        "encoder/block_1/attention/query",
        "encoder/block_1/attention/weights",
        "encoder/block_1/attention_residual",
        "encoder/block_1/feed_forward_residual",
        "encoder/block_2/attention/query",
        "encoder/outputs",
        "target/embeddings",
        "decoder/block_1/self_attention/query",
        "decoder/block_3/cross_attention/weights",
        "decoder/outputs",
    ]
    assert sorted(order, key=names.index) == order
    source, target = len(traced.source.ids), len(traced.target.ids)
    shape = traced.arrays["decoder/block_3/cross_attention/weights"].shape
    assert shape == (6, target, source)


def test_steps_have_the_probabilities_of_the_model(translator, traced):
    logits = translator.model(
        {
            "source_ids": tf.constant([traced.source.ids]),
            "target_input_ids": tf.constant([traced.target.input_ids]),
        }
    )
    probabilities_TV = tf.nn.softmax(logits[0]).numpy()
    assert len(traced.steps) == len(traced.target.ids)
    for row, step in zip(probabilities_TV, traced.steps, strict=True):
        assert len(step.ids) == len(set(step.ids)) == 50
        found = np.exp(np.array(step.logits) - step.log_normalizer)
        assert_all_close(found, row[step.ids], 1e-5, 1e-7)
        assert_all_close(found, np.sort(row)[::-1][:50], 1e-5, 1e-7)
        tokens = random_translator.tokenizer().pieces(step.ids)
        assert step.tokens == tokens


def test_the_last_block_of_the_lens_is_the_model(translator, traced):
    assert len(traced.lens) == 3
    for lens, step in zip(traced.lens[-1], traced.steps, strict=True):
        assert lens.ids == step.ids[:5]
        assert_all_close(lens.logits, step.logits[:5], 1e-5, 1e-5)
    again = tracing.logit_lens(translator, TEXT, traced.target.text)
    assert len(again) == 3
    assert again[0][0].ids == traced.lens[0][0].ids
    assert_all_close(again[0][0].logits, traced.lens[0][0].logits, 1e-5, 1e-5)
    assert again[0][0].ids != again[1][0].ids


def test_the_lens_reads_the_output_of_each_block(translator, traced):
    model = translator.model
    block = traced.arrays["decoder/block_1/feed_forward_residual"]
    logits = model.projection.logits(model.decoder.final_norm(block[None]))
    best = np.argmax(logits[0], axis=1)
    assert_all_equal([step.ids[0] for step in traced.lens[0]], best)


@pytest.mark.parametrize(
    "policy", costs.grid(["bfloat16", "mixed_bfloat16"], keep=["bfloat16"])
)
def test_numbers_are_float32_under_every_policy(policy):
    translator = random_translator.translator()
    low = kt.models.in_precision(translator.model, policy)
    traced = tracing.trace(
        kt.Translator(low, random_translator.tokenizer()), TEXT, TARGET
    )
    high = kt.models.in_precision(low, "float32")
    expected = tracing.trace(
        kt.Translator(high, random_translator.tokenizer()), TEXT, TARGET
    )
    for name, array in expected.arrays.items():
        assert_all_equal(traced.arrays[name], array, name)


@pytest.mark.grid
def test_attribution_is_of_the_same_translation(translator):
    method = "input_x_gradient"
    given = tracing.trace(translator, TEXT, TARGET, attribution=method)
    expected = attribution.attribute(translator, TEXT, TARGET, method)
    assert given.attribution.method == method
    assert_all_close(
        given.attribution.scores, expected.scores, rtol=1e-5, atol=1e-6
    )
    searched = tracing.trace(translator, TEXT, attribution=method)
    shape = len(searched.target.ids), len(searched.source.ids)
    assert searched.attribution.scores.shape == shape


@pytest.mark.grid
def test_each_translation_is_assessed():
    search = kt.search.BeamSearch(beam_size=4, top_beams=3)
    translator = random_translator.translator(search=search)
    calibration = calibrations.TWO_POINTS
    searched = tracing.trace(translator, TEXT, calibration=calibration)
    [hypotheses] = translator.hypotheses([TEXT])
    assert len(searched.search.hypotheses) == len(hypotheses) == 3
    given = tracing.trace(translator, TEXT, TARGET, calibration=calibration)
    for trace, translations in (
        (searched, hypotheses),
        (given, translator.score([TEXT], [TARGET])),
    ):
        calibrations.assert_same_assessments(
            [each._asdict() for each in trace.assessments],
            kt.translation.assess(
                translator,
                calibration,
                [TEXT] * len(translations),
                translations,
            ),
        )


def test_arguments_out_of_range(translator):
    for count in (0, -1, 2.5):
        for call in (tracing.trace, tracing.logit_lens):
            with pytest.raises(ValueError, match="`num_candidates` must be"):
                call(translator, TEXT, num_candidates=count)
    with pytest.raises(ValueError, match="Unknown `attribution`.*'lime'"):
        tracing.trace(translator, TEXT, attribution="lime")


def test_bad_input(translator):
    for text in ("", " \n"):
        with pytest.raises(ValueError, match=r"must have words\. Received"):
            tracing.trace(translator, text)
    with pytest.raises(ValueError, match="`target` must have words"):
        tracing.trace(translator, TEXT, "")
    with pytest.raises(ValueError, match=r"one sentence\. Received: \['a'\]"):
        tracing.trace(translator, ["a"])
    both = kt.Ensemble([translator.model, translator.model])
    ensemble = kt.Translator(both, random_translator.tokenizer())
    with pytest.raises(ValueError, match="one Transformer. Received: Ensemble"):
        tracing.trace(ensemble, TEXT)
