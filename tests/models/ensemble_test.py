"""An ensemble must decode with the mean of its members' predictions.

B batch   T target length   S source length   V vocabulary_size   M models
W hypotheses of a row
"""

import dataclasses
import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transformer import models
from keras_transformer.models import ensemble
from tests import costs
from tests.assertions import (
    assert_all_close,
    assert_all_equal,
    assert_not_all_close,
)
from tests.layers import hypotheses

B, T, S, V, M = 3, 5, 7, 17, 2
SIZES = models.TransformerConfig(V, 1, 2, 12, 3, 11)
SOURCE_IDS = np.array(
    [[3, 9, 4, 2, 0, 0, 0], [16, 5, 5, 8, 11, 7, 2], [6, 2, 0, 0, 0, 0, 0]]
)
TARGET_IDS = np.random.default_rng(0).integers(3, V, (B, T))


def inputs(source_ids=SOURCE_IDS, target_ids=TARGET_IDS):
    return {"source_ids": source_ids, "target_input_ids": target_ids}


def make(seed, **changes):
    """Makes a model whose logits differ widely."""
    keras.utils.set_random_seed(seed)
    model = models.build_transformer(dataclasses.replace(SIZES, **changes))
    embeddings = model.projection.embeddings
    embeddings.assign(2 * embeddings)
    return model


@functools.cache
def members_to_read():
    """Returns members that are shared by all tests that only call them."""
    return make_members()


def room(keep):
    """Parametrizes a test by `max_length`: a state grows, or has a size."""
    return pytest.mark.parametrize(
        "max_length", costs.grid((None, T + 2), keep=keep)
    )


def make_members():
    # Members may have different architectures.
    return make(1), make(2, positions="rotary", num_decoder_layers=1)


def log_softmax(logits):
    logits = np.asarray(logits, "float64")
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def draw_ids(seed, width):
    return np.random.default_rng(seed).integers(3, V, (B, width))


class TestEnsemble:
    def test_the_mean_of_probabilities(self):
        members = members_to_read()
        actual = ensemble.Ensemble(members)(inputs())
        assert actual.shape == (B, T, V)
        assert actual.dtype == "float32"
        expected = np.mean(
            [np.exp(log_softmax(model(inputs()))) for model in members], axis=0
        )
        assert_all_close(np.exp(actual), expected, rtol=1e-5, atol=1e-7)
        assert_all_close(actual, np.log(expected), rtol=1e-5, atol=1e-5)

    def test_the_mean_of_log_probabilities(self):
        members = members_to_read()
        actual = ensemble.Ensemble(members, "log_probabilities")(inputs())
        expected = np.mean(
            [log_softmax(model(inputs())) for model in members], axis=0
        )
        assert_all_close(actual, expected, rtol=1e-5, atol=1e-5)
        # The two means are not the same.
        assert_not_all_close(
            actual, ensemble.Ensemble(members)(inputs()), atol=0.01
        )

    def test_three_models_count_alike(self):
        members = [make(seed) for seed in range(3)]
        expected = ensemble.Ensemble(members)(inputs())
        assert_all_close(
            ensemble.Ensemble(members[::-1])(inputs()), expected, atol=1e-5
        )
        probs = [np.exp(log_softmax(model(inputs()))) for model in members]
        assert_all_close(np.exp(expected), sum(probs) / 3, atol=1e-6)

    def test_improbable_tokens_make_no_nan(self):
        members = make_members()
        members[0].projection.embeddings.assign(
            1e3 * members[0].projection.embeddings
        )
        for mean in ensemble.MEANS:
            actual = ensemble.Ensemble(members, mean)(inputs())
            assert np.all(np.isfinite(actual))

    @pytest.mark.parametrize("mean", ensemble.MEANS)
    def test_one_model_is_the_model(self, mean):
        model = make(1)
        alone = ensemble.Ensemble([model], mean)
        expected = log_softmax(model(inputs()))
        assert_all_close(alone(inputs()), expected, rtol=1e-5, atol=1e-5)
        logits, _ = alone.step(TARGET_IDS[:, 0], 0, alone.start(SOURCE_IDS))
        assert_all_close(logits, expected[:, 0], rtol=1e-5, atol=1e-5)

    @pytest.mark.parametrize("mean", ensemble.MEANS)
    @room((None,))
    def test_steps_equal_the_call(self, mean, max_length):
        both = ensemble.Ensemble(members_to_read(), mean)
        state, logits = both.start(SOURCE_IDS, max_length), []
        for t in range(T):
            step_logits, state = both.step(TARGET_IDS[:, t], t, state)
            logits.append(step_logits)
        assert_all_close(
            tf.stack(logits, 1), both(inputs()), rtol=1e-5, atol=1e-5
        )

    @room((T + 2,))
    def test_each_hypothesis_reads_its_own_past(self, max_length):
        both = ensemble.Ensemble(members_to_read())
        step = both.stepper()
        # The last step reads the cache of all steps before it.
        *_, (logits, history) = hypotheses.follow(
            both,
            both.start(SOURCE_IDS, max_length),
            lambda ids, position, state: step(ids.reshape(-1), position, state),
            draw_ids,
            T,
            {0: 13},
        )
        expected = both(
            inputs(
                np.repeat(SOURCE_IDS, 13, axis=0),
                history.reshape(B * 13, T),
            )
        )
        assert_all_close(logits, expected[:, -1], rtol=1e-5, atol=1e-5)

    @pytest.mark.grid
    @pytest.mark.seconds
    @room((T + 2,))
    def test_steps_in_a_graph_of_unknown_sizes(self, max_length):
        both = ensemble.Ensemble(members_to_read())
        ids = tf.TensorSpec([None, None], tf.int32)

        @tf.function(input_signature=[ids, ids])
        def decode(source_ids, target_ids):
            state = both.start(source_ids, max_length)
            return hypotheses.loop(both, both.stepper(), state, target_ids)

        logits = decode(SOURCE_IDS.astype("int32"), TARGET_IDS.astype("int32"))
        assert_all_close(
            tf.transpose(logits, (1, 0, 2)),
            both(inputs()),
            rtol=1e-5,
            atol=1e-5,
        )

    def test_rows_are_taken(self):
        both, rows = (
            ensemble.Ensemble(members_to_read()),
            np.array([2, 0], "int32"),
        )
        _, state = both.step(TARGET_IDS[:, 0], 0, both.start(SOURCE_IDS))
        state = both.take_rows(state, rows, 1)
        logits, _ = both.step(TARGET_IDS[rows, 1], 1, state)
        assert_all_close(
            logits, both(inputs()).numpy()[rows, 1], rtol=1e-5, atol=1e-5
        )

    def test_the_attention_is_the_mean(self):
        members = members_to_read()
        both = ensemble.Ensemble(members)
        expected = np.mean(
            [model.alignment_attention(inputs()) for model in members], axis=0
        )
        assert_all_close(
            both.alignment_attention(inputs()), expected, rtol=0, atol=1e-6
        )
        step, state = (
            both.stepper(return_attention=True),
            both.start(SOURCE_IDS),
        )
        for t in range(T):
            _, state, attention = step(TARGET_IDS[:, t], t, state)
            assert_all_close(attention, expected[:, t], rtol=0, atol=1e-6)

    def test_attention_scores_are_those_of_all_layers(self):
        members = members_to_read()
        actual = ensemble.Ensemble(members).attention_scores(inputs())
        one, other = (model.attention_scores(inputs()) for model in members)
        assert isinstance(actual, models.AttentionScores)
        for together, first, second in zip(actual, one, other, strict=True):
            layers = first.shape[1]
            assert_all_equal(together[:, :layers], first)
            assert_all_equal(together[:, layers:], second)
        assert actual.cross.shape == (B, 2 + 1, 3, T, S)

    def test_attention_scores_of_different_heads_are_refused(self):
        both = ensemble.Ensemble([make(1), make(2, num_heads=2)])
        with pytest.raises(ValueError, match=r"models of \[3, 2\] heads"):
            both.attention_scores(inputs())
        # All other methods work.
        assert both.alignment_attention(inputs()).shape == (B, T, S)

    def test_variables_are_those_of_all_members(self):
        members = members_to_read()
        assert [id(v) for v in ensemble.Ensemble(members).variables] == [
            id(v) for model in members for v in model.variables
        ]

    def test_dropout_acts_in_training_alone(self):
        both = ensemble.Ensemble([make(1, dropout=0.5), make(2, dropout=0.5)])
        expected = both(inputs())
        assert_all_equal(both(inputs(), training=False), expected)
        assert_not_all_close(both(inputs(), training=True), expected)

    def test_ids_are_those_of_the_models(self):
        both = ensemble.Ensemble([make(1, pad_id=4, start_id=5)] * 2)
        assert (both.pad_id, both.start_id, both.vocabulary_size) == (4, 5, V)

    def test_no_models_are_refused(self):
        with pytest.raises(ValueError, match="at least one model"):
            ensemble.Ensemble([])

    @pytest.mark.parametrize("mean", ["mean", None])
    def test_an_unknown_mean_is_refused(self, mean):
        with pytest.raises(
            ValueError, match=f"Unknown `mean`.*{mean!r}.*'log_probabilities'"
        ):
            ensemble.Ensemble([make(1)], mean)

    @pytest.mark.parametrize(
        "changes",
        [
            {"vocabulary_size": 19},
            {"tying": "none", "target_vocabulary_size": 19},
            {
                "tying": "none",
                "vocabulary_size": 19,
                "target_vocabulary_size": V,
            },
            {"pad_id": 3},
            {"start_id": 2},
        ],
    )
    def test_models_that_do_not_fit_together_are_refused(self, changes):
        with pytest.raises(
            ValueError, match=r"same padding id.*Received: .*\(0, 1, 17, 17\)"
        ):
            ensemble.Ensemble([make(1), make(2, **changes)])
