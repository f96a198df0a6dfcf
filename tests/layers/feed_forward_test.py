"""The feed-forward network must be its equation at every position.

B batch   T length   D model_dim   F feed_forward_dim
"""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from keras_transformer.layers import feed_forward
from tests import reference

B, T, D, F = 3, 5, 7, 11


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def with_random_weights(**kwargs):
    layer = feed_forward.FeedForward(D, F, **kwargs)
    layer.build()
    layer.set_weights(
        [random(*w.shape, seed=i) for i, w in enumerate(layer.weights)]
    )
    return layer


class FeedForwardTest(tf.test.TestCase, parameterized.TestCase):
    def test_equals_the_reference(self):
        layer = with_random_weights()
        inputs = random(B, T, D, seed=5)
        weights = reference.weights_of(layer)
        self.assertAllClose(
            layer(inputs),
            [reference.feed_forward(row, weights) for row in inputs],
            rtol=1e-5,
            atol=1e-5,
        )

    def test_absolute_value_in_closed_form(self):
        # |x| = max(0, x) + max(0, -x), which no linear map can do.
        layer = feed_forward.FeedForward(1, 2)
        layer.build()
        weights = [[1.0, -1.0]], [0.0, 0.0], [[1.0], [1.0]], [0.5]
        layer.set_weights([np.array(weight) for weight in weights])
        self.assertAllEqual(
            layer(np.array([[[-3.0], [0.0], [2.0]]], "float32")),
            [[[3.5], [0.5], [2.5]]],
        )

    def test_positions_do_not_see_each_other(self):
        layer = with_random_weights()
        inputs = random(B, T, D, seed=5)
        changed = inputs.copy()
        changed[:, 2] += 1
        before, after = layer(inputs).numpy(), layer(changed).numpy()
        others = [0, 1, 3, 4]
        self.assertAllEqual(after[:, others], before[:, others])
        self.assertGreater(np.abs(after - before)[:, 2].min(), 0)

    def test_number_of_parameters(self):
        layer = with_random_weights()
        self.assertEqual(layer.count_params(), D * F + F + F * D + D)

    def test_unknown_batch_and_length(self):
        layer = with_random_weights()
        graph = tf.function(
            layer, input_signature=[tf.TensorSpec([None, None, D])]
        )
        inputs = random(B, T, D, seed=5)
        self.assertAllClose(graph(inputs), layer(inputs), rtol=0, atol=1e-6)

    @parameterized.parameters("mixed_float16", "mixed_bfloat16")
    def test_mixed_precision(self, policy):
        layer = with_random_weights(dtype=policy)
        output = layer(random(B, T, D))
        self.assertEqual(output.dtype, policy.removeprefix("mixed_"))
        for weight in layer.weights:
            self.assertEqual(weight.dtype, "float32")

    def test_config_makes_the_same_layer(self):
        layer = with_random_weights(name="network")
        clone = feed_forward.FeedForward.from_config(layer.get_config())
        self.assertEqual(clone.get_config(), layer.get_config())
        clone.build()
        clone.set_weights(layer.get_weights())
        inputs = random(B, T, D)
        self.assertAllEqual(clone(inputs), layer(inputs))

    def test_keras_finds_the_layer_by_its_registered_name(self):
        layer = with_random_weights()
        restored = keras.saving.deserialize_keras_object(
            keras.saving.serialize_keras_object(layer)
        )
        self.assertIsInstance(restored, feed_forward.FeedForward)


if __name__ == "__main__":
    tf.test.main()
