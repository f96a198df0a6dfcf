"""Positions must be the two published tables, and stay apart far out.

B batch   T length   D model_dim
"""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from keras_transformer.layers import positions
from tests import reference

B, T, D = 3, 5, 26


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


class SinusoidalEncodingTest(tf.test.TestCase, parameterized.TestCase):
    def test_position_one_of_four_dimensions(self):
        for form, expected in (
            ("paper", [0.841471, 0.540302, 0.0099998, 0.99995]),
            ("tensor2tensor", [0.841471, 1e-4, 0.540302, 1.0]),
        ):
            table = positions.sinusoidal_encoding([1], 4, form)
            self.assertAllClose(table, [expected], rtol=0, atol=5e-7)

    def test_second_frequency_of_512_dimensions(self):
        table = positions.sinusoidal_encoding([1], 512, "paper")
        self.assertAllClose(table[0, 2], 0.8218562, rtol=0, atol=1e-7)
        table = positions.sinusoidal_encoding([1], 512, "tensor2tensor")
        self.assertAllClose(table[0, 1], 0.8217787, rtol=0, atol=1e-7)

    @parameterized.parameters("paper", "tensor2tensor")
    def test_equals_the_formula(self, form):
        table = positions.sinusoidal_encoding(np.arange(97), D, form)
        expected = [reference.position(p, D, form) for p in range(97)]
        # Angles up to 96 have an error of 4e-6 in float32.
        self.assertAllClose(table, expected, rtol=0, atol=1e-5)

    def test_one_form_is_no_reordering_of_the_other(self):
        paper = positions.sinusoidal_encoding(np.arange(100), 512, "paper")
        other = positions.sinusoidal_encoding(
            np.arange(100), 512, "tensor2tensor"
        )
        reordered = np.concatenate([paper[:, 0::2], paper[:, 1::2]], axis=1)
        self.assertAllClose(
            np.abs(reordered - other).max(), 0.142, rtol=0, atol=5e-4
        )

    @parameterized.parameters("paper", "tensor2tensor")
    def test_products_depend_on_the_distance_alone(self, form):
        table = positions.sinusoidal_encoding(np.arange(37), D, form).numpy()
        products = table @ table.T
        for distance in (0, 1, 7):
            diagonal = np.diagonal(products, distance)
            self.assertAllClose(
                diagonal, np.full(37 - distance, diagonal[0]), atol=1e-5
            )
        self.assertAllClose(products[0, 0], D / 2, rtol=1e-6)
        self.assertLess(products[0, 7], 0.9 * D / 2)

    @parameterized.parameters("paper", "tensor2tensor")
    def test_two_dimensions_are_one_sine_and_one_cosine(self, form):
        table = positions.sinusoidal_encoding([0, 1, 2], 2, form)
        expected = [[np.sin(p), np.cos(p)] for p in range(3)]
        self.assertAllClose(table, expected, rtol=0, atol=1e-6)

    def test_unknown_form_is_refused(self):
        with self.assertRaisesRegex(
            ValueError, "Unknown form of positions.*'learned'.*'paper'"
        ):
            positions.sinusoidal_encoding([1], 4, "learned")

    def test_odd_size_is_refused(self):
        with self.assertRaisesRegex(ValueError, "even `model_dim`.*7.*Use 8"):
            positions.sinusoidal_encoding([1], 7)


class SinusoidalPositionsTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters("paper", "tensor2tensor")
    def test_adds_the_encoding_to_each_row(self, form):
        inputs = random(B, T, D)
        output = positions.SinusoidalPositions(form)(inputs)
        for b, t in np.ndindex(B, T):
            self.assertAllClose(
                output[b, t],
                inputs[b, t] + reference.position(t, D, form),
                rtol=0,
                atol=1e-6,
            )

    def test_counts_from_start(self):
        layer = positions.SinusoidalPositions()
        inputs = random(B, T, D)
        expected = layer(inputs)
        for t in range(T):
            self.assertAllEqual(
                layer(inputs[:, t : t + 1], start=t), expected[:, t : t + 1]
            )

    def test_start_and_length_known_only_at_run_time(self):
        layer = positions.SinusoidalPositions()
        graph = tf.function(
            lambda inputs, start: layer(inputs, start=start),
            input_signature=[
                tf.TensorSpec([None, None, D]),
                tf.TensorSpec([], tf.int32),
            ],
        )
        inputs = random(B, T, D)
        self.assertAllClose(
            graph(inputs, 11), layer(inputs, start=11), rtol=0, atol=1e-6
        )

    @parameterized.parameters(
        ("mixed_float16", 1e-3), ("mixed_bfloat16", 2.0**-8)
    )
    def test_mixed_precision_rounds_only_the_sum(self, policy, rounding):
        layer = positions.SinusoidalPositions(dtype=policy)
        output = layer(np.zeros((1, 5, D)), start=997)
        self.assertEqual(output.dtype, policy.removeprefix("mixed_"))
        expected = [[reference.position(997 + t, D, "paper") for t in range(5)]]
        self.assertAllClose(
            tf.cast(output, "float32"), expected, rtol=0, atol=rounding
        )
        inputs = tf.cast(random(B, T, D), output.dtype)
        encoding = positions.sinusoidal_encoding(np.arange(T), D)
        self.assertAllEqual(
            layer(inputs),
            tf.cast(tf.cast(inputs, "float32") + encoding, output.dtype),
        )

    def test_keeps_the_mask(self):
        embedding = keras.layers.Embedding(17, D, mask_zero=True)
        pooled = keras.layers.GlobalAveragePooling1D()
        ids = np.array([[3, 5, 0, 0]])
        layer = positions.SinusoidalPositions()
        self.assertAllClose(
            pooled(layer(embedding(ids))),
            pooled(layer(embedding(ids[:, :2]))),
            atol=1e-6,
        )

    def test_has_no_weights(self):
        layer = positions.SinusoidalPositions()
        layer(random(B, T, D))
        self.assertEmpty(layer.weights)

    def test_config_makes_the_same_layer(self):
        layer = positions.SinusoidalPositions("tensor2tensor", name="order")
        clone = positions.SinusoidalPositions.from_config(layer.get_config())
        self.assertEqual(clone.get_config(), layer.get_config())
        inputs = random(B, T, D)
        self.assertAllEqual(clone(inputs), layer(inputs))

    def test_unknown_form_is_refused_at_once(self):
        with self.assertRaisesRegex(ValueError, "Unknown form.*'rotary'"):
            positions.SinusoidalPositions("rotary")

    def test_odd_size_is_refused(self):
        with self.assertRaisesRegex(ValueError, "even `model_dim`.*7"):
            positions.SinusoidalPositions()(random(B, T, 7))


if __name__ == "__main__":
    tf.test.main()
