"""Dropout must drop with its probability, and keep the expected value."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transformer.layers import dropout
from tests.assertions import assert_all_equal

SHAPE = (101, 103, 106)
COUNT = np.prod(SHAPE)


def drop(rate, inputs=None, **settings):
    inputs = tf.ones(SHAPE) if inputs is None else inputs
    return dropout.Dropout(rate, **settings)(inputs, training=True).numpy()


class TestDropout:
    @pytest.mark.parametrize("rate", [0.1, 0.31, 0.5, 0.9])
    def test_drops_with_its_probability_and_keeps_the_mean(self, rate):
        output = drop(rate)
        # Five standard deviations of a binomial distribution.
        tolerance = 5 * np.sqrt(rate * (1 - rate) / COUNT)
        assert abs((output == 0).mean() - rate) < tolerance
        kept = np.unique(output[output != 0])
        assert kept.size == 1
        assert abs(kept[0] * (1 - rate) - 1) < 1e-4

    def test_units_are_independent(self):
        kept = (drop(0.3) != 0) - 0.7
        for axis in range(3):
            # Neighbours, and units in two halves that share a random number.
            for distance in (1, kept.shape[axis] // 2):
                other = np.roll(kept, distance, axis)
                covariance = (kept * other).mean()
                assert abs(covariance) < 5 * 0.21 / np.sqrt(COUNT)

    def test_the_gradient_is_the_mask(self):
        inputs = tf.ones((3, 5, 8))
        layer = dropout.Dropout(0.4)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            output = layer(inputs, training=True)
        assert_all_equal(tape.gradient(output, inputs), output)
        assert 0 < (output.numpy() == 0).mean() < 1

    def test_not_in_inference_and_not_at_rate_zero(self):
        inputs = tf.random.normal((3, 5, 8))
        assert_all_equal(dropout.Dropout(0.4)(inputs), inputs)
        assert_all_equal(drop(0.0, inputs), inputs)

    def test_each_call_draws_anew_and_a_seed_repeats(self):
        layer = dropout.Dropout(0.5, seed=3)
        first, second = (layer(tf.ones((7, 8)), training=True) for _ in "ab")
        assert (first.numpy() != second.numpy()).any()
        assert_all_equal(drop(0.5, tf.ones((7, 8)), seed=3), first)

    @pytest.mark.parametrize("dtype", ["mixed_bfloat16", "float16"])
    def test_other_dtypes(self, dtype):
        output = dropout.Dropout(0.5, dtype=dtype)(
            tf.ones((7, 8)), training=True
        )
        assert set(np.unique(output.numpy().astype("float32"))) == {0, 2}

    @pytest.mark.parametrize(
        ("shape", "settings"),
        [((3, 5, 7), {}), ((3, 5, 8), {"noise_shape": (3, 1, 8)})],
    )
    def test_an_odd_size_or_a_shape_of_the_noise_is_kerass_own(
        self, shape, settings
    ):
        ours = drop(0.5, tf.ones(shape), seed=5, **settings)
        kerass = keras.layers.Dropout(0.5, seed=5, **settings)
        assert_all_equal(kerass(tf.ones(shape), training=True), ours)

    def test_unknown_sizes_in_a_graph(self):
        layer = dropout.Dropout(0.5)
        call = tf.function(
            lambda x: layer(x, training=True),
            input_signature=[tf.TensorSpec((None, None, 8))],
        )
        assert call(tf.ones((3, 5, 8))).shape == (3, 5, 8)
        inputs = keras.Input((None, 8))
        model = keras.Model(inputs, layer(inputs))
        assert model(tf.ones((3, 5, 8)), training=True).shape == (3, 5, 8)
