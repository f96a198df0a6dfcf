"""The record of a search has all hypotheses of all steps."""

import numpy as np
import pytest
import tensorflow as tf

import keras_transformer as kt
from keras_transformer.interpretation import tracing
from tests.interpretation import random_translator

TEXT = "the old dog sleeps"
BEAM = kt.search.BeamSearch(beam_size=3, top_beams=2, alpha=0.7)


@pytest.fixture(scope="module")
def translator():
    return random_translator.translator(search=BEAM, seed=3)


@pytest.fixture(scope="module")
def searched(translator):
    return tracing.trace(translator, TEXT).search


def log_probability(translator, ids):
    """Computes the log-probability of a target without any cache."""
    source_ids = translator.encode_source([TEXT])
    inputs = tf.constant([[translator.model.start_id, *ids[:-1]]])
    logits = translator.model(
        {"source_ids": source_ids, "target_input_ids": inputs}
    )
    log_probs = tf.nn.log_softmax(logits[0]).numpy()
    return sum(row[i] for row, i in zip(log_probs, ids, strict=True))


def test_settings_and_result(translator, searched):
    assert searched.kind == "beam"
    assert searched.settings == {
        "beam_size": 3,
        "top_beams": 2,
        "alpha": 0.7,
        "penalty": "gnmt",
        "coverage": 0.0,
    }
    expected = translator.hypotheses([TEXT])[0]
    found = searched.hypotheses
    assert len(found) == 2
    np.testing.assert_allclose(
        [each.score for each in found],
        [each.score for each in expected],
        rtol=1e-5,
    )
    decode = random_translator.tokenizer().decode
    texts = [decode([each.ids]).numpy()[0].decode() for each in found]
    assert texts == [each.text for each in expected]


def test_each_step_extends_the_live_hypotheses_of_the_step_before(searched):
    live = [[]]
    for length, step in enumerate(searched.steps, 1):
        now = [each for each in step.finished if len(each.ids) == length]
        for each in (*step.live, *step.dropped, *now):
            assert len(each.ids) == length
            assert each.ids[:-1] == live[each.parent]
        assert len(step.live) <= 3
        assert len(step.finished) <= 3
        live = [each.ids for each in step.live]


def test_the_candidates_are_the_best_extensions(translator, searched):
    # Every extension of the live hypotheses is computed without a cache.
    before = searched.steps[1].live
    step = searched.steps[2]
    allowed = set(range(random_translator.tokenizer().vocabulary_size))
    allowed -= {translator.model.pad_id, translator.model.start_id}
    source_ids = translator.encode_source([TEXT])
    expected = {}
    for hypothesis in before:
        ids = [translator.model.start_id, *hypothesis.ids]
        logits = translator.model(
            {"source_ids": source_ids, "target_input_ids": tf.constant([ids])}
        )
        log_probs = tf.nn.log_softmax(logits[0, -1]).numpy()
        for i in allowed:
            expected[(*hypothesis.ids, i)] = (
                hypothesis.log_probability + log_probs[i]
            )
    best = sorted(expected, key=expected.get, reverse=True)[:6]
    now = [each for each in step.finished if len(each.ids) == 3]
    found = {
        tuple(each.ids): each.log_probability
        for each in (*step.live, *step.dropped, *now)
    }
    assert set(found) == set(best)
    for ids in best:
        assert abs(found[ids] - expected[ids]) < 1e-4


def test_scores_have_the_length_penalty(translator, searched):
    for step in searched.steps:
        for each in (*step.live, *step.finished, *step.dropped):
            divisor = ((5 + len(each.ids)) / 6) ** 0.7
            assert abs(each.score - each.log_probability / divisor) < 1e-5
    each = searched.steps[-1].dropped[0]
    expected = log_probability(translator, each.ids)
    assert abs(each.log_probability - expected) < 1e-4


@pytest.mark.grid
def test_greedy_search_has_one_hypothesis(translator):
    greedy = translator.with_search(kt.search.GreedySearch())
    found = tracing.trace(greedy, TEXT)
    assert (found.search.kind, found.search.settings) == ("greedy", {})
    ids = found.target.ids
    for length, step in enumerate(found.search.steps, 1):
        (each,) = step.live or step.finished
        assert each.ids == ids[:length]
        expected = log_probability(translator, each.ids)
        assert abs(each.log_probability - expected) < 1e-4
        assert bool(step.finished) == (each.ids[-1] == 2)


def test_nan_is_reported_as_without_a_record():
    translator = random_translator.translator(search=kt.search.GreedySearch())
    embedding = translator.model.source_embedding.embeddings
    embedding.assign(np.full(embedding.shape, np.nan))
    with pytest.raises(FloatingPointError, match="NaN"):
        tracing.trace(translator, TEXT)


def test_other_searches_have_no_record(translator):
    sampling = translator.with_search(kt.search.SamplingSearch(seed=1))
    assert tracing.trace(sampling, TEXT).search is None
