"""Attention must be equation 1, for every mask and in every precision.

B batch   T query length   S key length   D model_dim   H heads   K head_dim
"""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from keras_transformer.layers import attention
from tests import reference

B, T, S, H, K = 3, 5, 7, 2, 13
D = H * K


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def random_mask(*shape, seed=0):
    """About half of it True, and the first key allowed to all."""
    mask = np.random.default_rng(seed).random(shape) < 0.5
    mask[..., 0] = True
    return mask


class DotProductAttentionTest(tf.test.TestCase, parameterized.TestCase):
    def qkv(self):
        return (
            random(B, T, H, K, seed=1),
            random(B, S, H, K, seed=2),
            random(B, S, H, K, seed=3),
        )

    def test_two_keys_in_closed_form(self):
        # q . k is 0 and sqrt(K), so the scaled logits are 0 and 1.
        query = np.ones((1, 1, 1, K), "float32")
        key = np.zeros((1, 2, 1, K), "float32")
        key[0, 1] = K**-0.5
        value = np.array([[1.0, 0.0], [0.0, 1.0]], "float32")[None, :, None]
        output, scores = attention.dot_product_attention(query, key, value)
        expected = np.array([1, np.e]) / (1 + np.e)
        self.assertAllClose(scores[0, 0, 0], expected, rtol=1e-6, atol=0)
        self.assertAllClose(output[0, 0, 0], expected, rtol=1e-6, atol=0)

    def test_equal_keys_share_equally_among_the_allowed(self):
        mask = np.array([[[1, 1, 1, 1], [0, 1, 0, 1], [1, 0, 0, 0]]]) > 0
        _, scores = attention.dot_product_attention(
            random(1, 3, 1, K),
            np.ones((1, 4, 1, K)),
            np.ones((1, 4, 1, K)),
            mask,
        )
        self.assertAllClose(
            scores[0, 0],
            [[0.25] * 4, [0, 0.5, 0, 0.5], [1, 0, 0, 0]],
            rtol=1e-6,
            atol=0,
        )

    def test_equals_the_loops_of_the_reference(self):
        query, key, value = self.qkv()
        mask = random_mask(B, H, T, S)
        output, scores = attention.dot_product_attention(
            query, key, value, mask
        )
        for b, h in np.ndindex(B, H):
            expected, weights = reference.attention(
                query[b, :, h], key[b, :, h], value[b, :, h], mask[b, h]
            )
            self.assertAllClose(output[b, :, h], expected, rtol=0, atol=1e-5)
            self.assertAllClose(scores[b, h], weights, rtol=0, atol=1e-5)

    def test_padding_mask_equals_the_masks_it_stands_for(self):
        query, key, value = self.qkv()
        padding = random_mask(B, S)
        answers = [
            attention.dot_product_attention(query, key, value, mask)
            for mask in (
                padding,
                np.tile(padding[:, None], (1, T, 1)),
                np.tile(padding[:, None, None], (1, 1, T, 1)),
                np.tile(padding[:, None, None], (1, H, T, 1)),
            )
        ]
        for output, scores in answers[1:]:
            self.assertAllEqual(output, answers[0][0])
            self.assertAllEqual(scores, answers[0][1])

    def test_a_query_without_any_key_is_zero(self):
        query, key, value = (tf.constant(x) for x in self.qkv())
        mask = np.array(random_mask(B, T, S))
        mask[1, 2] = False
        with tf.GradientTape() as tape:
            tape.watch([query, key, value])
            output, scores = attention.dot_product_attention(
                query, key, value, mask
            )
            loss = tf.reduce_sum(output**2) + tf.reduce_sum(scores**2)
        gradients = tape.gradient(loss, [query, key, value])
        self.assertAllEqual(output[1, 2], np.zeros((H, K)))
        self.assertAllEqual(scores[1, :, 2], np.zeros((H, S)))
        for gradient in gradients:
            self.assertTrue(np.all(np.isfinite(gradient)))
            self.assertGreater(np.abs(gradient).max(), 1e-3)
        self.assertAllEqual(gradients[0][1, 2], np.zeros((H, K)))

    def test_a_forbidden_key_has_no_weight_and_no_gradient(self):
        query, key, value = (tf.constant(x) for x in self.qkv())
        padding = np.ones((B, S), bool)
        padding[:, -2:] = False
        with tf.GradientTape() as tape:
            tape.watch([key, value])
            output, scores = attention.dot_product_attention(
                query, key, value, padding
            )
            loss = tf.reduce_sum(output**2)
        self.assertAllEqual(scores[..., -2:], np.zeros((B, H, T, 2)))
        for gradient in tape.gradient(loss, [key, value]):
            self.assertAllEqual(gradient[:, -2:], np.zeros((B, 2, H, K)))
            self.assertGreater(np.abs(gradient[:, :-2]).max(), 0)

    def test_a_forbidden_key_has_no_weight_however_well_it_fits(self):
        # Scaled logits of -361 at the allowed keys, of 361 at the others.
        key = np.full((1, 5, 1, K), 10, "float32")
        key[:, :2] = -10
        output, scores = attention.dot_product_attention(
            np.full((1, 1, 1, K), 10, "float32"),
            key,
            key,
            np.array([[True, True, False, False, False]]),
        )
        self.assertAllEqual(scores[0, 0, 0], [0.5, 0.5, 0, 0, 0])
        self.assertAllEqual(output[0, 0, 0], np.full(K, -10))

    def test_gradient_equals_differences_of_the_reference(self):
        t, s, k = 2, 3, 5
        tensors = [random(t, k, seed=4), random(s, k, seed=5)]
        tensors.append(random(s, k, seed=6))
        mask = np.array([[1, 1, 0], [1, 1, 1]]) > 0
        outer = random(t, k, seed=7)

        def slow(*tensors):
            return np.sum(outer * reference.attention(*tensors, mask)[0])

        variables = [tf.constant(x[None, :, None]) for x in tensors]
        with tf.GradientTape() as tape:
            tape.watch(variables)
            output, _ = attention.dot_product_attention(*variables, mask[None])
            loss = tf.reduce_sum(output[0, :, 0] * outer)
        gradients = tape.gradient(loss, variables)
        for which, gradient in enumerate(gradients):
            for place in np.ndindex(tensors[which].shape):
                up, down = (
                    [np.array(x, "float64") for x in tensors] for _ in range(2)
                )
                up[which][place] += 1e-4
                down[which][place] -= 1e-4
                self.assertAllClose(
                    gradient[0, place[0], 0, place[1]],
                    (slow(*up) - slow(*down)) / 2e-4,
                    rtol=0,
                    atol=1e-5,
                )

    def test_rows_do_not_see_each_other(self):
        query, key, value = self.qkv()
        mask = random_mask(B, T, S)
        output, _ = attention.dot_product_attention(query, key, value, mask)
        order = [2, 0, 1]
        shuffled, _ = attention.dot_product_attention(
            query[order], key[order], value[order], mask[order]
        )
        self.assertAllEqual(shuffled, output.numpy()[order])

    @parameterized.parameters("float16", "bfloat16")
    def test_scores_are_float32_in_half_precision(self, dtype):
        query, key, value = (tf.cast(x, dtype) for x in self.qkv())
        output, scores = attention.dot_product_attention(
            query, key, value, random_mask(B, S)
        )
        self.assertEqual(output.dtype, dtype)
        self.assertEqual(scores.dtype, "float32")
        self.assertAllClose(
            tf.reduce_sum(scores, -1), np.ones((B, H, T)), rtol=0, atol=1e-6
        )

    def test_masks_that_are_not_masks_are_refused(self):
        query, key, value = self.qkv()
        with self.assertRaisesRegex(ValueError, "must be boolean.*float32"):
            attention.dot_product_attention(
                query, key, value, np.ones((B, S), "float32")
            )
        with self.assertRaisesRegex(ValueError, r"must have shape.*\(7,\)"):
            attention.dot_product_attention(query, key, value, np.ones(S, bool))


class MultiHeadAttentionTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        keras.utils.set_random_seed(1)

    def test_equals_the_loops_of_the_reference(self):
        layer = attention.MultiHeadAttention(D, H)
        inputs, memory = random(B, T, D), random(B, S, D, seed=1)
        mask = random_mask(B, T, S)
        output, scores = layer(
            inputs, memory, attention_mask=mask, return_attention_scores=True
        )
        weights = {
            name.removesuffix("_kernel"): kernel
            for name, kernel in reference.weights_of(layer).items()
        }
        for b in range(B):
            expected, weights_HTS = reference.multi_head(
                inputs[b], memory[b], mask[b], weights, H
            )
            self.assertAllClose(output[b], expected, rtol=0, atol=1e-5)
            self.assertAllClose(scores[b], weights_HTS, rtol=0, atol=1e-5)

    def test_equals_the_layer_of_keras(self):
        ours = attention.MultiHeadAttention(D, H)
        theirs = keras.layers.MultiHeadAttention(
            num_heads=H, key_dim=K, use_bias=False
        )
        inputs, memory = random(B, T, D), random(B, S, D, seed=1)
        mask = random_mask(B, T, S)
        ours.build()
        theirs.build((B, T, D), (B, S, D))
        shapes = [(D, H, K), (D, H, K), (D, H, K), (H, K, D)]
        # Both keep query, key, value, output; Keras splits by axes.
        by_name = {w.path.split("/")[-2]: w for w in theirs.weights}
        names = ("query", "key", "value", "attention_output")
        for weight, name, shape in zip(
            ours.weights, names, shapes, strict=True
        ):
            by_name[name].assign(np.reshape(weight, shape))
        output, scores = ours(
            inputs, memory, attention_mask=mask, return_attention_scores=True
        )
        expected, expected_scores = theirs(
            inputs, memory, attention_mask=mask, return_attention_scores=True
        )
        self.assertAllClose(output, expected, rtol=0, atol=1e-5)
        self.assertAllClose(scores, expected_scores, rtol=0, atol=1e-5)

    def test_without_memory_it_attends_to_itself(self):
        layer = attention.MultiHeadAttention(D, H)
        inputs = random(B, T, D)
        self.assertAllEqual(layer(inputs), layer(inputs, inputs))
        self.assertNotAllClose(
            layer(inputs), layer(inputs, random(B, T, D, seed=1))
        )

    def test_has_four_square_kernels_and_no_bias(self):
        layer = attention.MultiHeadAttention(D, H)
        layer.build()
        self.assertLen(layer.trainable_weights, 4)
        self.assertEqual(layer.count_params(), 4 * D**2)

    def test_kernels_start_as_glorot_asks_for_square_matrices(self):
        layer = attention.MultiHeadAttention(94, 47)
        layer.build()
        limit = (6 / (94 + 94)) ** 0.5
        for kernel in layer.get_weights():
            largest = np.abs(kernel).max()
            self.assertBetween(largest, 0.99 * limit, limit)

    def test_projected_memory_can_be_kept(self):
        layer = attention.MultiHeadAttention(D, H)
        inputs, memory = random(B, T, D), random(B, S, D, seed=1)
        mask = random_mask(B, S)
        expected = layer(inputs, memory, attention_mask=mask)
        key, value = layer.project_memory(memory)
        self.assertEqual(key.shape, (B, S, H, K))
        self.assertEqual(value.shape, (B, S, H, K))
        for t in range(T):
            output, scores = layer.attend(
                inputs[:, t : t + 1], key, value, mask
            )
            self.assertAllClose(output[:, 0], expected[:, t], rtol=0, atol=1e-5)
            self.assertEqual(scores.shape, (B, H, 1, S))

    @parameterized.parameters("mixed_float16", "mixed_bfloat16")
    def test_mixed_precision(self, policy):
        layer = attention.MultiHeadAttention(D, H, dtype=policy)
        output, scores = layer(random(B, T, D), return_attention_scores=True)
        self.assertEqual(output.dtype, policy.removeprefix("mixed_"))
        self.assertEqual(scores.dtype, "float32")
        self.assertAllClose(
            tf.reduce_sum(scores, -1), np.ones((B, H, T)), rtol=0, atol=1e-6
        )
        self.assertTrue(np.all(np.isfinite(tf.cast(output, "float32"))))
        for weight in layer.weights:
            self.assertEqual(weight.dtype, "float32")
        # Outside of `__call__`, where Keras would cast the kernels.
        memory = tf.cast(random(B, S, D, seed=1), output.dtype)
        for projected in layer.project_memory(memory):
            self.assertEqual(projected.dtype, output.dtype)

    def test_unknown_batch_and_lengths(self):
        layer = attention.MultiHeadAttention(D, H)
        inputs, memory = random(B, T, D), random(B, S, D, seed=1)
        mask = random_mask(B, T, S)
        graph = tf.function(
            lambda x, y, mask: layer(x, y, attention_mask=mask),
            input_signature=[
                tf.TensorSpec([None, None, D]),
                tf.TensorSpec([None, None, D]),
                tf.TensorSpec([None, None, None], tf.bool),
            ],
        )
        self.assertAllClose(
            graph(inputs, memory, mask),
            layer(inputs, memory, attention_mask=mask),
            rtol=0,
            atol=1e-6,
        )

    def test_config_makes_the_same_layer(self):
        layer = attention.MultiHeadAttention(D, H, name="look")
        clone = attention.MultiHeadAttention.from_config(layer.get_config())
        self.assertEqual(clone.get_config(), layer.get_config())
        inputs = random(B, T, D)
        layer.build()
        clone.build()
        clone.set_weights(layer.get_weights())
        self.assertAllEqual(clone(inputs), layer(inputs))

    @parameterized.parameters((26, 4), (26, 0), (26, -2))
    def test_heads_that_do_not_divide_are_refused(self, model_dim, num_heads):
        with self.assertRaisesRegex(
            ValueError,
            "`model_dim` must be a multiple of `num_heads`.*"
            f"model_dim={model_dim}, num_heads={num_heads}",
        ):
            attention.MultiHeadAttention(model_dim, num_heads)


if __name__ == "__main__":
    tf.test.main()
