"""Pairs that share a row must give the same as in separate rows.

B batch   T target length   S source length   V vocabulary_size
"""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transformer import training
from keras_transformer.models import building
from keras_transformer.models import inputs as model_inputs
from tests import costs
from tests.assertions import assert_all_close
from tests.models.transformer_test import KINDS

END = 2
# Sources and targets of five pairs, without special ids.
PAIRS = [
    ([3, 9, 4], [12, 4]),
    ([16, 5, 5, 8, 11, 7], [16, 3, 9, 13]),
    ([6], [8, 8, 5, 11, 10]),
    ([4, 14], [7]),
    ([10, 3, 15, 9], [14, 6, 9]),
]
# The indices in `PAIRS` of the pairs of each row. The last row is empty.
ROWS = [[2, 0, 3], [4, 1], []]
S, T = 13, 17


def batch_of(rows, config):
    """Returns input ids, segment ids, labels and weights of these rows."""
    names = ("source_ids", "target_input_ids", "labels")
    pads = (config.pad_id, config.pad_id, config.pad_id)
    lengths = (S, T, T)
    arrays = {
        name: np.full((len(rows), length), pad)
        for name, length, pad in zip(names, lengths, pads, strict=True)
    }
    segments = {name: np.zeros_like(array) for name, array in arrays.items()}
    for i, row in enumerate(rows):
        for name, array in arrays.items():
            begin = 0
            for number, pair in enumerate(row, start=1):
                source, target = PAIRS[pair]
                ids = {
                    "source_ids": [*source, END],
                    "target_input_ids": [config.start_id, *target],
                    "labels": [*target, END],
                }[name]
                array[i, begin : begin + len(ids)] = ids
                segments[name][i, begin : begin + len(ids)] = number
                begin += len(ids)
    labels = arrays.pop("labels")
    weights = (segments.pop("labels") > 0).astype("float32")
    return arrays, segments, labels, weights


def with_segments(arrays, segments):
    return {
        **arrays,
        "source_segment_ids": segments["source_ids"],
        "target_segment_ids": segments["target_input_ids"],
    }


def make(name):
    config = dataclasses.replace(KINDS[name], dropout=0.0)
    keras.utils.set_random_seed(3)
    return config, building.build_transformer(config)


@pytest.mark.parametrize(
    "name",
    costs.grid(
        KINDS, keep=("paper", "marian", "learned", "relative", "modern")
    ),
)
def test_logits_are_those_of_rows_of_their_own(name):
    config, model = make(name)
    arrays, segments, _, _ = batch_of(ROWS, config)
    packed = model(with_segments(arrays, segments)).numpy()
    alone, _, _, _ = batch_of([[pair] for pair in range(len(PAIRS))], config)
    expected = model(alone).numpy()
    for i, row in enumerate(ROWS):
        for number, pair in enumerate(row, start=1):
            is_in = segments["target_input_ids"][i] == number
            assert is_in.sum() == len(PAIRS[pair][1]) + 1
            assert_all_close(
                packed[i, is_in],
                expected[pair, : is_in.sum()],
                rtol=0,
                atol=1e-5,
            )


@pytest.mark.parametrize(
    "name",
    costs.grid(
        ["paper", "marian", "relative", "modern"], keep=["relative", "modern"]
    ),
)
def test_a_step_is_that_of_rows_of_their_own(name):
    weights = []
    for rows in (ROWS, [[pair] for pair in range(len(PAIRS))]):
        config, model = make(name)
        before = [w.numpy() for w in model.trainable_weights]
        arrays, segments, labels, token_weights = batch_of(rows, config)
        is_packed = rows is ROWS
        inputs = with_segments(arrays, segments) if is_packed else arrays
        model.compile(
            keras.optimizers.SGD(1.0),
            training.SmoothedCrossEntropy(0.1),
            run_eagerly=True,
        )
        loss = model.train_on_batch(inputs, labels, token_weights)
        after = [w.numpy() for w in model.trainable_weights]
        gradients = [b - a for a, b in zip(after, before, strict=True)]
        assert sum(np.abs(g).max() > 1e-4 for g in gradients) > 35
        weights.append([loss, *gradients])
    for packed, alone in zip(*weights, strict=True):
        assert_all_close(packed, alone, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "name",
    costs.grid(
        ["paper", "learned", "relative", "modern"], keep=["learned", "relative"]
    ),
)
def test_no_gradient_crosses_a_segment(name):
    config, model = make(name)
    arrays, segments, _, _ = batch_of(ROWS, config)
    source_segments = segments["source_ids"]
    target_segments = segments["target_input_ids"]
    sources = model.source_embedding(arrays["source_ids"])
    targets = model.target_embedding(arrays["target_input_ids"])
    for number in (1, 2, 3):
        with tf.GradientTape() as tape:
            tape.watch([sources, targets])
            memory = model.encoder(sources, segment_ids=source_segments)
            outputs = model.decoder(
                targets,
                memory,
                segment_ids=target_segments,
                memory_segment_ids=source_segments,
            )
            is_in = (target_segments == number)[..., None]
            total = tf.reduce_sum(tf.where(is_in, outputs**3, 0.0))
        gradients = tape.gradient(total, [sources, targets])
        for gradient, ids in zip(
            gradients, (source_segments, target_segments), strict=True
        ):
            size = np.abs(gradient.numpy()).max(axis=2)
            assert (size[ids == number] > 0).all()
            assert not size[ids != number].any()


@pytest.mark.parametrize("left_out", [0, 1])
def test_segments_of_one_side_are_refused(left_out):
    config, model = make("paper")
    arrays, segments, _, _ = batch_of(ROWS, config)
    inputs = with_segments(arrays, segments)
    del inputs[model_inputs.SEGMENTS[left_out]]
    with pytest.raises(ValueError, match="both have segment ids, or neither"):
        model(inputs)
