"""The feed-forward networks must compute their equations at each position.

B batch   T length   D model_dim   F feed_forward_dim
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transformer.layers import feed_forward
from tests.assertions import assert_all_close, assert_all_equal
from tests.layers import kinds
from tests.layers.kinds import random
from tests.references import layers as reference_layers
from tests.references import model as reference

B, T, D, F = 3, 5, 7, 11
BOTH = (feed_forward.FeedForward, feed_forward.GatedFeedForward)


def drawn(layer_class, *args, **kwargs):
    """Makes a layer with random values in all weights."""
    layer = layer_class(D, F, *args, **kwargs)
    layer.build()
    layer.set_weights(
        [random(*w.shape, seed=i) for i, w in enumerate(layer.weights)]
    )
    return layer


class TestFeedForward:
    @pytest.mark.parametrize("name", tuple(kinds.ACTIVATIONS))
    @pytest.mark.parametrize("use_bias", (False, True))
    def test_equals_the_reference(self, name, use_bias):
        layer_class, activation = kinds.ACTIVATIONS[name]
        layer = drawn(layer_class, activation, use_bias=use_bias)
        inputs = random(B, T, D, seed=5)
        weights = reference.weights_of(layer)
        assert any(name.endswith("bias") for name in weights) == use_bias
        assert_all_close(
            layer(inputs),
            [
                reference_layers.feed_forward(row, weights, name)
                for row in inputs
            ],
            rtol=1e-5,
            atol=1e-5,
        )

    @pytest.mark.parametrize("layer_class", BOTH)
    def test_dropout_drops_units_in_training(self, layer_class):
        layer = layer_class(F, F, dropout=0.4, use_bias=False)
        layer.build()
        # All projections are the identity, so the output shows the units.
        for weight in layer.trainable_weights:
            weight.assign(np.eye(F, dtype="float32"))
        inputs = np.abs(random(101, T, F, seed=5)) + 0.1
        expected = np.array(layer(inputs))
        output = np.array(layer(inputs, training=True))
        is_zero = output == 0
        assert_all_close(
            output[~is_zero], expected[~is_zero] / 0.6, rtol=1e-5, atol=0
        )
        tolerance = 5 * np.sqrt(0.4 * 0.6 / output.size)
        assert abs(is_zero.mean() - 0.4) < tolerance

    def test_defaults_are_those_of_the_papers(self):
        inputs = random(B, T, D, seed=5)
        for layer_class, activation, use_bias in (
            (BOTH[0], "relu", True),
            (BOTH[1], "silu", False),
        ):
            assert_all_equal(
                drawn(layer_class)(inputs),
                drawn(layer_class, activation, use_bias=use_bias)(inputs),
            )

    def test_absolute_value_in_closed_form(self):
        # |x| = max(0, x) + max(0, -x) is not linear.
        layer = feed_forward.FeedForward(1, 2)
        layer.build()
        weights = [[1.0, -1.0]], [0.0, 0.0], [[1.0], [1.0]], [0.5]
        layer.set_weights([np.array(weight) for weight in weights])
        assert_all_equal(
            layer(np.array([[[-3.0], [0.0], [2.0]]], "float32")),
            [[[3.5], [0.5], [2.5]]],
        )

    def test_a_square_in_closed_form(self):
        # x^2 = max(0, x) x + max(0, -x) (-x) needs a gate.
        layer = feed_forward.GatedFeedForward(1, 2, "relu")
        layer.build()
        for dense, kernel in (
            (layer.gate, [[1.0, -1.0]]),
            (layer.expand, [[1.0, -1.0]]),
            (layer.contract, [[1.0], [1.0]]),
        ):
            dense.kernel.assign(kernel)
        assert_all_equal(
            layer(np.array([[[-3.0], [0.0], [2.0]]], "float32")),
            [[[9.0], [0.0], [4.0]]],
        )

    def test_gelu_is_the_exact_one(self):
        # x P(X < x). The approximation by tanh has an error of 5e-4 near 2.
        layer = feed_forward.FeedForward(1, 1, "gelu", use_bias=False)
        layer.build()
        layer.set_weights([np.ones((1, 1)), np.ones((1, 1))])
        x = np.array([-2.0, -1.0, 0.0, 1.0, 2.0], "float32")
        assert_all_close(
            layer(x[None, :, None])[0, :, 0],
            [-0.0455003, -0.1586553, 0.0, 0.8413447, 1.9544997],
            rtol=0,
            atol=1e-6,
        )

    @pytest.mark.parametrize("layer_class", BOTH)
    def test_positions_do_not_see_each_other(self, layer_class):
        layer = drawn(layer_class)
        inputs = random(B, T, D, seed=5)
        changed = inputs.copy()
        changed[:, 2] += 1
        before, after = layer(inputs).numpy(), layer(changed).numpy()
        others = [0, 1, 3, 4]
        assert_all_equal(after[:, others], before[:, others])
        assert np.abs(after - before)[:, 2].min() > 0

    @pytest.mark.parametrize("layer_class", BOTH)
    def test_every_weight_is_trained(self, layer_class):
        layer = drawn(layer_class, use_bias=True)
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(random(B, T, D, seed=5)) ** 2)
        for gradient in tape.gradient(loss, layer.trainable_weights):
            assert np.abs(gradient).max() > 1e-3

    @pytest.mark.parametrize("use_bias", [False, True])
    def test_number_of_parameters(self, use_bias):
        plain, gated = (drawn(one, use_bias=use_bias) for one in BOTH)
        biases = F + D if use_bias else 0
        assert plain.count_params() == 2 * D * F + biases
        biases = 2 * F + D if use_bias else 0
        assert gated.count_params() == 3 * D * F + biases

    @pytest.mark.parametrize("layer_class", BOTH)
    def test_unknown_batch_and_length(self, layer_class):
        layer = drawn(layer_class)
        graph = tf.function(
            layer, input_signature=[tf.TensorSpec([None, None, D])]
        )
        inputs = random(B, T, D, seed=5)
        assert_all_close(graph(inputs), layer(inputs), rtol=1e-6, atol=1e-6)

    @pytest.mark.parametrize("layer_class", BOTH)
    @pytest.mark.parametrize("policy", ("mixed_float16", "mixed_bfloat16"))
    def test_mixed_precision(self, layer_class, policy):
        layer = drawn(layer_class, dtype=policy)
        output = layer(random(B, T, D))
        assert output.dtype == policy.removeprefix("mixed_")
        for weight in layer.weights:
            assert weight.dtype == "float32"

    @pytest.mark.parametrize("layer_class", BOTH)
    def test_config_makes_the_same_layer(self, layer_class):
        layer = drawn(layer_class, "gelu", use_bias=False, name="network")
        inputs = random(B, T, D)
        clone = kinds.clones_alike(layer, lambda layer: layer(inputs))
        assert clone.name == "network"

    @pytest.mark.parametrize("layer_class", BOTH)
    def test_keras_finds_the_layer_by_its_registered_name(self, layer_class):
        restored = keras.saving.deserialize_keras_object(
            keras.saving.serialize_keras_object(drawn(layer_class))
        )
        assert isinstance(restored, layer_class)

    @pytest.mark.parametrize("layer_class", BOTH)
    @pytest.mark.parametrize("sizes", ((0, F), (D, 0), (D, -2)))
    def test_sizes_below_one_are_refused(self, layer_class, sizes):
        with pytest.raises(
            ValueError,
            match=f"at least 1. Received: {min(sizes)}",
        ):
            layer_class(*sizes)

    @pytest.mark.parametrize("layer_class", BOTH)
    def test_an_unknown_activation_is_refused(self, layer_class):
        with pytest.raises(ValueError, match="swoosh"):
            layer_class(D, F, "swoosh")
