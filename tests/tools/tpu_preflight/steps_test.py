"""The steps are those of a run, in the shapes of a run."""

import numpy as np
import pytest
import tensorflow as tf

import keras_transformer as kt
from keras_transformer.translation import lengths, model_search
from tests.tools.tpu_preflight import programs
from tools.tpu_preflight import steps as tpu_steps


def test_training_shapes():
    for num_replicas, num_micro_batches, rows in (
        (2, 1, 2),
        (1, 3, 6),
        (1, 1, 4),
    ):
        shapes = tpu_steps.training_shapes(
            52, 13, num_replicas, num_micro_batches
        )
        assert shapes == [(rows, 13)]


def test_training_shapes_are_those_of_packed_batches():
    # The mean length is less than a quarter of the largest length.
    sides = [[np.full(n, 7) for n in (12, *[1] * 96)] for _ in range(2)]
    batches = kt.data.TokenBatches(
        kt.data.EncodedPairs(*sides), 211, 13, rows_multiple_of=6, packed=True
    )
    found = {
        (*inputs["source_ids"].shape, *labels.shape)
        for inputs, labels, _ in batches.evaluation_dataset()
    }
    [(rows, length)] = tpu_steps.training_shapes(
        211, 13, 3, num_micro_batches=2
    )
    assert length == 13
    assert found == {(3 * rows, 13, 3 * rows, 13)}


def test_training_shapes_of_a_small_batch():
    with pytest.raises(ValueError, match="tokens_per_batch=38, max_length=13"):
        tpu_steps.training_shapes(38, 13, 3)


def test_decoding_shapes():
    assert tpu_steps.decoding_shapes(5, 70) == [
        (8, 32, 82),
        (8, 64, 114),
        (8, 96, 146),
    ]
    assert tpu_steps.decoding_shapes(5, 31, num_replicas=3) == [(3, 32, 82)]


def test_the_training_step_is_that_of_the_model():
    generator = np.random.default_rng(0)
    ids = generator.integers(4, 23, (3, 5), "int32")
    weights = np.ones((3, 5), "float32")
    weights[0, 2:] = 0
    segments = weights.astype("int32")
    inputs = {
        "source_ids": ids,
        "target_input_ids": ids,
        "source_segment_ids": np.ones_like(segments),
        "target_segment_ids": segments,
    }
    batch = (inputs, ids, weights)
    model, twin = programs.toy_model(), programs.toy_model()
    twin.set_weights(model.get_weights())
    before = model.get_weights()
    step = tpu_steps.training_step(model, 3, 5)
    assert [tuple(spec.shape) for spec in step.specs] == [(3, 5)] * 6
    assert (step.name, step.rows, step.length) == ("training", 3, 5)
    step.function(*map(tf.constant, tf.nest.flatten(batch)))
    twin.train_on_batch(batch[0], ids, weights)
    assert model.optimizer.iterations == 1
    moved = 0
    for now, expected, past in zip(
        model.get_weights(), twin.get_weights(), before, strict=True
    ):
        np.testing.assert_allclose(now, expected, atol=1e-6)
        moved += np.abs(now - past).max() > 1e-7
    assert moved > 10


@pytest.mark.grid
@pytest.mark.parametrize(
    "search",
    [
        pytest.param(kt.search.GreedySearch(), marks=pytest.mark.grid),
        kt.search.BeamSearch(beam_size=3),
    ],
)
def test_the_decoding_step_is_that_of_a_translator(search):
    model = programs.toy_model()
    # Large random weights, so that translations differ.
    generator = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(generator.normal(0, 1, variable.shape))
    ids = generator.integers(4, 23, (7, 5), "int32")
    ids[:3, 3:] = 0
    step = tpu_steps.decoding_step(model, search, 7, 5, 11)
    assert step.iterations == 11
    found = tf.function(step.function)(tf.constant(ids))
    # A variable keeps it alive: its graph has only a weak reference to it.
    whole = model_search.ModelSearch(
        model, search, lengths.Lengths(maximum=11), end_id=2
    )
    expected = tf.function(whole)(tf.constant(ids))
    np.testing.assert_array_equal(found[0], expected.ids)
    np.testing.assert_allclose(found[2], expected.scores, rtol=1e-5)
    assert len({tuple(row) for row in expected.ids[:, 0].numpy()}) > 1
    state = step.prologue.function(tf.constant(ids))
    assert len(state) == len(tf.nest.flatten(model.start(ids, 11)))
