"""The residual connection must be one of its two equations.

B batch   T length   D model_dim
"""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from keras_transformer.layers import residual
from tests import reference

B, T, D = 3, 5, 26


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def with_random_norm(normalization, dropout=0.1, **kwargs):
    """A layer whose gamma and beta are not 1 and 0, and these two."""
    layer = residual.Residual(D, dropout, normalization, **kwargs)
    layer.build()
    gamma, beta = random(D, seed=8), random(D, seed=9)
    layer.set_weights([gamma, beta, *layer.get_weights()[2:]])
    return layer, {"gamma": gamma, "beta": beta}


class ResidualTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        keras.utils.set_random_seed(1)

    def test_pre_is_its_equation(self):
        layer, norm = with_random_norm("pre")
        x, matrix = random(B, T, D), random(D, D, seed=1)
        output, _ = layer(x, sublayer=lambda x: (x @ matrix, None))
        for b in range(B):
            self.assertAllClose(
                output[b],
                x[b] + reference.layer_norm(x[b], norm) @ matrix,
                rtol=1e-5,
                atol=1e-5,
            )

    def test_post_is_its_equation(self):
        layer, norm = with_random_norm("post")
        x, matrix = random(B, T, D), random(D, D, seed=1)
        output, _ = layer(x, sublayer=lambda x: (x @ matrix, None))
        for b in range(B):
            self.assertAllClose(
                output[b],
                reference.layer_norm(x[b] + x[b] @ matrix, norm),
                rtol=1e-5,
                atol=1e-5,
            )

    def test_a_silent_sublayer_leaves_the_pre_residual_stream_alone(self):
        layer, _ = with_random_norm("pre")
        x = random(B, T, D)
        output, _ = layer(x, sublayer=lambda x: (0 * x, None), training=True)
        self.assertAllEqual(output, x)

    @parameterized.parameters("pre", "post")
    def test_the_second_result_is_handed_on(self, normalization):
        layer, _ = with_random_norm(normalization)
        _, extra = layer(random(B, T, D), sublayer=lambda x: (x, "scores"))
        self.assertEqual(extra, "scores")

    def test_epsilon_is_a_millionth(self):
        norm = residual.layer_norm("norm")
        # The variance of (a, -a) is a^2, here just epsilon.
        output = norm(np.array([[1e-3, -1e-3]], "float32"))
        self.assertAllClose(
            output, [[0.5**0.5, -(0.5**0.5)]], rtol=1e-5, atol=0
        )

    @parameterized.parameters("pre", "post")
    def test_dropout_is_off_in_inference(self, normalization):
        layer, _ = with_random_norm(normalization, dropout=0.7)
        without, _ = with_random_norm(normalization, dropout=0.0)
        x = random(B, T, D)
        expected, _ = without(x, sublayer=lambda x: (x, None), training=True)
        for training in (None, False):
            output, _ = layer(
                x, sublayer=lambda x: (x, None), training=training
            )
            self.assertAllEqual(output, expected)

    def test_dropout_zeroes_its_share_of_the_sublayer_and_scales_the_rest(self):
        layer = residual.Residual(D, 0.3, "pre")
        x = np.zeros((97, 5, D), "float32")
        output, _ = layer(
            x, sublayer=lambda x: (tf.ones_like(x), None), training=True
        )
        is_kept = output.numpy() > 0
        self.assertAllClose(
            output, is_kept / 0.7, rtol=1e-6, atol=0
        )  # Nothing but 0 and 1 / 0.7.
        # 12610 draws: five standard deviations are 0.02.
        self.assertAllClose(np.mean(is_kept), 0.7, rtol=0, atol=0.02)

    def test_dropout_comes_before_the_post_norm(self):
        layer = residual.Residual(D, 0.5, "post")
        x = np.zeros((B, T, D), "float32")
        output, _ = layer(
            x, sublayer=lambda x: (tf.ones_like(x), None), training=True
        )
        # What is normalised last has mean 0; dropped later it would not.
        self.assertAllClose(
            tf.reduce_mean(output, -1), np.zeros((B, T)), rtol=0, atol=1e-6
        )
        self.assertGreater(np.std(output), 0.9)

    @parameterized.parameters("mixed_float16", "mixed_bfloat16")
    def test_mixed_precision(self, policy):
        layer, _ = with_random_norm("post", dtype=policy)
        output, _ = layer(random(B, T, D), sublayer=lambda x: (x, None))
        self.assertEqual(output.dtype, policy.removeprefix("mixed_"))
        self.assertEqual(layer.norm.gamma.dtype, "float32")

    @parameterized.parameters("pre", "post")
    def test_config_makes_the_same_layer(self, normalization):
        layer = residual.Residual(D, 0.2, normalization, name="around")
        config = layer.get_config()
        self.assertEqual(config["model_dim"], D)
        self.assertEqual(config["dropout"], 0.2)
        self.assertEqual(config["normalization"], normalization)
        clone = residual.Residual.from_config(config)
        self.assertEqual(clone.get_config(), config)

    def test_unknown_normalization_is_refused(self):
        with self.assertRaisesRegex(
            ValueError, r"Unknown `normalization`.*'both'.*'pre', 'post'"
        ):
            residual.Residual(D, normalization="both")

    @parameterized.parameters(-0.1, 1.0, 1.5)
    def test_dropout_outside_is_refused(self, dropout):
        with self.assertRaisesRegex(
            ValueError, rf"`dropout`.*Received: {dropout}.*\[0, 1\)"
        ):
            residual.Residual(D, dropout)


if __name__ == "__main__":
    tf.test.main()
