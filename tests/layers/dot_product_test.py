"""Dot-product attention must compute equation 1, with any mask and dtype.

B batch   T query length   S key length   H heads   K head_dim
"""

import warnings

import numpy as np
import pytest
import tensorflow as tf

from keras_transformer.layers import dot_product, heads
from tests.assertions import assert_all_close, assert_all_equal
from tests.layers import kinds
from tests.layers.kinds import B, H, K, S, T, random, random_mask
from tests.references import layers as reference_layers


class TestDotProductAttention:
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
        # The size of the values differs from that of the keys.
        value = np.eye(2, dtype="float32")[None, :, None]
        output, scores = dot_product.dot_product_attention(query, key, value)
        expected = np.array([1, np.e]) / (1 + np.e)
        assert_all_close(scores[0, 0, 0], expected, rtol=1e-6, atol=0)
        assert_all_close(output[0, 0, 0], expected, rtol=1e-6, atol=0)

    def test_equal_keys_share_equally_among_the_allowed(self):
        mask = np.array([[[1, 1, 1, 1], [0, 1, 0, 1], [1, 0, 0, 0]]]) > 0
        _, scores = dot_product.dot_product_attention(
            random(1, 3, 1, K),
            np.ones((1, 4, 1, K)),
            np.ones((1, 4, 1, K)),
            mask,
        )
        assert_all_close(
            scores[0, 0],
            [[0.25] * 4, [0, 0.5, 0, 0.5], [1, 0, 0, 0]],
            rtol=1e-6,
            atol=0,
        )

    @pytest.mark.parametrize("groups", kinds.SHARED)
    def test_equals_the_loops_of_the_reference(self, groups):
        query = random(B, T, H, K, seed=1)
        key, value = (random(B, S, groups, K, seed=i) for i in (2, 3))
        mask = random_mask(B, H, T, S)
        output, scores = dot_product.dot_product_attention(
            query, key, value, mask
        )
        assert output.shape == (B, T, H, K)
        for b, h in np.ndindex(B, H):
            # Neighbours share: for H = 6 and N = 2, heads 0 to 2, and 3 to 5.
            group = h * groups // H
            expected, weights = reference_layers.attention(
                query[b, :, h], key[b, :, group], value[b, :, group], mask[b, h]
            )
            assert_all_close(output[b, :, h], expected, rtol=0, atol=1e-5)
            assert_all_close(scores[b, h], weights, rtol=0, atol=1e-5)

    def test_a_bias_is_added_to_the_scaled_products(self):
        query, key, value = self.qkv()
        # A bias of log(w) multiplies the exponentials in the softmax by w.
        weights = np.exp(random(B, H, T, S, seed=4))
        _, plain = dot_product.dot_product_attention(query, key, value)
        output, scores = dot_product.dot_product_attention(
            query, key, value, attention_bias=np.log(weights)
        )
        expected = plain * weights
        expected /= np.sum(expected, -1, keepdims=True)
        assert_all_close(scores, expected, rtol=0, atol=1e-6)
        assert_all_close(
            output,
            np.einsum("bhts,bshk->bthk", scores, value),
            rtol=0,
            atol=1e-5,
        )

    def test_heads_that_cannot_share_are_refused(self):
        with pytest.raises(
            ValueError,
            match="multiple of `num_key_value_heads`.*num_heads=6, "
            "num_key_value_heads=4. Use 1 for",
        ):
            dot_product.dot_product_attention(
                random(B, T, H, K), random(B, S, 4, K), random(B, S, 4, K)
            )

    def test_padding_mask_equals_the_masks_it_stands_for(self):
        query, key, value = self.qkv()
        padding = random_mask(B, S)
        answers = [
            dot_product.dot_product_attention(query, key, value, mask)
            for mask in (
                padding,
                np.tile(padding[:, None], (1, T, 1)),
                np.tile(padding[:, None, None], (1, 1, T, 1)),
                np.tile(padding[:, None, None], (1, H, T, 1)),
            )
        ]
        for output, scores in answers[1:]:
            assert_all_equal(output, answers[0][0])
            assert_all_equal(scores, answers[0][1])

    def test_a_query_without_any_key_is_zero(self):
        query, key, value = (tf.constant(x) for x in self.qkv())
        mask = np.array(random_mask(B, T, S))
        mask[1, 2] = False
        with tf.GradientTape() as tape:
            tape.watch([query, key, value])
            output, scores = dot_product.dot_product_attention(
                query, key, value, mask
            )
            loss = tf.reduce_sum(output**2) + tf.reduce_sum(scores**2)
        gradients = tape.gradient(loss, [query, key, value])
        assert_all_equal(output[1, 2], np.zeros((H, K)))
        assert_all_equal(scores[1, :, 2], np.zeros((H, S)))
        for gradient in gradients:
            assert np.all(np.isfinite(gradient))
            assert np.abs(gradient).max() > 1e-3
        assert_all_equal(gradients[0][1, 2], np.zeros((H, K)))

    def test_a_forbidden_key_has_no_weight_and_no_gradient(self):
        query, key, value = (tf.constant(x) for x in self.qkv())
        padding = np.ones((B, S), bool)
        padding[:, -2:] = False
        with tf.GradientTape() as tape:
            tape.watch([key, value])
            output, scores = dot_product.dot_product_attention(
                query, key, value, padding
            )
            loss = tf.reduce_sum(output**2)
        assert_all_equal(scores[..., -2:], np.zeros((B, H, T, 2)))
        for gradient in tape.gradient(loss, [key, value]):
            assert_all_equal(gradient[:, -2:], np.zeros((B, 2, H, K)))
            assert np.abs(gradient[:, :-2]).max() > 0

    def test_a_forbidden_key_has_no_weight_however_well_it_fits(self):
        # The scaled logits are -361 at the allowed keys, 361 at the others.
        key = np.full((1, 5, 1, K), 10, "float32")
        key[:, :2] = -10
        output, scores = dot_product.dot_product_attention(
            np.full((1, 1, 1, K), 10, "float32"),
            key,
            key,
            np.array([[True, True, False, False, False]]),
        )
        assert_all_equal(scores[0, 0, 0], [0.5, 0.5, 0, 0, 0])
        assert_all_equal(output[0, 0, 0], np.full(K, -10))

    def test_gradient_equals_differences_of_the_reference(self):
        t, s, k = 2, 3, 5
        tensors = [random(t, k, seed=4), random(s, k, seed=5)]
        tensors.append(random(s, k, seed=6))
        mask = np.array([[1, 1, 0], [1, 1, 1]]) > 0
        outer = random(t, k, seed=7)

        def slow(*tensors):
            return np.sum(outer * reference_layers.attention(*tensors, mask)[0])

        variables = [tf.constant(x[None, :, None]) for x in tensors]
        with tf.GradientTape() as tape:
            tape.watch(variables)
            output, _ = dot_product.dot_product_attention(
                *variables, mask[None]
            )
            loss = tf.reduce_sum(output[0, :, 0] * outer)
        gradients = tape.gradient(loss, variables)
        for which, gradient in enumerate(gradients):
            for index in np.ndindex(tensors[which].shape):
                up, down = (
                    [np.array(x, "float64") for x in tensors] for _ in range(2)
                )
                up[which][index] += 1e-4
                down[which][index] -= 1e-4
                assert_all_close(
                    gradient[0, index[0], 0, index[1]],
                    (slow(*up) - slow(*down)) / 2e-4,
                    rtol=0,
                    atol=1e-5,
                )

    def test_rows_do_not_see_each_other(self):
        query, key, value = self.qkv()
        mask = random_mask(B, T, S)
        output, _ = dot_product.dot_product_attention(query, key, value, mask)
        order = [2, 0, 1]
        shuffled, _ = dot_product.dot_product_attention(
            query[order], key[order], value[order], mask[order]
        )
        # On some processors a product sums in another order in another row.
        assert_all_close(shuffled, output.numpy()[order], rtol=0, atol=1e-6)

    @pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
    def test_scores_are_float32_in_half_precision(self, dtype):
        query, key, value = (tf.cast(x, dtype) for x in self.qkv())
        output, scores = dot_product.dot_product_attention(
            query, key, value, random_mask(B, S)
        )
        assert output.dtype == dtype
        assert scores.dtype == "float32"
        assert_all_close(
            tf.reduce_sum(scores, -1), np.ones((B, H, T)), rtol=0, atol=1e-6
        )

    @pytest.mark.parametrize("dtype", ("float16", "bfloat16", "float32"))
    @pytest.mark.parametrize("is_causal", (False, True))
    def test_large_logits_of_long_rows_are_finite(self, dtype, is_causal):
        length = 2048
        # Numbers in [-r, r] with K r^2 / sqrt(K) = 1e4. Every fifth row is r.
        r = (1e4 / K**0.5) ** 0.5
        generator = np.random.default_rng(0)
        query, key, value = generator.uniform(-1, 1, (3, 1, length, 1, K))
        query[:, ::5] = key[:, ::5] = 1
        query, key, value = (
            tf.cast(x, dtype) for x in (query * r, key * r, value)
        )
        assert_all_close(
            tf.reduce_sum(tf.cast(query[0, 5] * key[0, 5], "float32")) / K**0.5,
            1e4,
            rtol=0.01,  # bfloat16 rounds r.
            atol=0,
        )
        mask = np.tri(length, dtype=bool)[None] if is_causal else None
        if is_causal:
            # Some rows may attend to no key.
            mask = np.array(mask)
            mask[:, 7::11] = False
        with tf.GradientTape() as tape:
            tape.watch([query, key, value])
            output, scores = dot_product.dot_product_attention(
                query, key, value, mask
            )
            loss = tf.reduce_sum(tf.cast(output, "float32") ** 2)
        sums = tf.reduce_sum(scores, -1)[0, 0].numpy()
        expected = np.ones(length)
        if is_causal:
            expected[7::11] = 0
            assert_all_equal(output[0, 7::11], np.zeros((186, 1, K)))
        assert_all_close(sums, expected, rtol=0, atol=1e-5)
        for tensor in (output, *tape.gradient(loss, [query, key, value])):
            assert tensor.dtype == dtype
            assert np.all(np.isfinite(tf.cast(tensor, "float32")))

    @pytest.mark.parametrize("groups", kinds.SHARED)
    def test_heads_may_come_first(self, groups):
        query = random(B, T, H, K, seed=1)
        key, value = (random(B, S, groups, K, seed=i) for i in (2, 3))
        mask, bias = random_mask(B, T, S), random(B, 1, T, S, seed=4)
        expected, expected_scores = dot_product.dot_product_attention(
            query, key, value, mask, bias
        )
        output, scores = dot_product.attend_heads(
            *(np.swapaxes(x, 1, 2) for x in (query, key, value)), mask, bias
        )
        assert output.shape == (B, H, T, K)
        assert_all_close(heads.swap_heads(output), expected, rtol=0, atol=1e-6)
        assert_all_close(scores, expected_scores, rtol=0, atol=1e-6)

    @pytest.mark.parametrize("groups", (H, 2))
    @pytest.mark.parametrize("dtype", ("float32", "bfloat16"))
    def test_one_key_has_all_the_attention_or_none(self, groups, dtype):
        query = tf.cast(random(B, T, H, K, seed=1), dtype)
        key, value = (
            tf.cast(random(B, 1, groups, K, seed=i), dtype) for i in (2, 3)
        )
        mask = np.array([[True], [False], [True]])
        with warnings.catch_warnings(), tf.GradientTape() as tape:
            # Keras would warn of a softmax over one number.
            warnings.simplefilter("error")
            tape.watch([query, key])
            output, scores = dot_product.dot_product_attention(
                query, key, value, mask, 1e4 * random(B, H, T, 1, seed=4)
            )
        assert_all_equal(scores, np.tile(mask[:, :, None, None], (1, H, T, 1)))
        expected = np.repeat(tf.cast(value, "float32"), H // groups, axis=2)
        assert_all_equal(
            output, np.tile(expected * mask[..., None, None], (1, T, 1, 1))
        )
        # The scores are constant: the gradient is zero, and not `None`.
        for gradient in tape.gradient(output, [query, key]):
            assert_all_equal(gradient, tf.zeros_like(gradient))

    @pytest.mark.parametrize("shape", kinds.WRONG_SHAPES)
    def test_a_mask_of_a_wrong_shape_is_refused(self, shape):
        query, key, value = self.qkv()
        with pytest.raises(
            ValueError,
            match=r"mask must have shape \(B, S\).*B=3, H=6 or 1, T=5, S=7.*"
            + f"Received: shape=.{', '.join(map(str, shape))}.*Make the mask",
        ):
            dot_product.dot_product_attention(
                query, key, value, np.ones(shape, bool)
            )

    @pytest.mark.parametrize("dtype", ["float32", "int32", "float16"])
    def test_a_mask_of_numbers_is_refused(self, dtype):
        query, key, value = self.qkv()
        with pytest.raises(
            ValueError, match=f"must be boolean.*Received: .*{dtype}.*Compare"
        ):
            dot_product.dot_product_attention(
                query, key, value, tf.ones((B, S), dtype)
            )

    def test_a_mask_of_another_rank_is_refused(self):
        query, key, value = self.qkv()
        with pytest.raises(
            ValueError, match=r"must have shape.*\(7,\).*Add or drop an axis"
        ):
            dot_product.dot_product_attention(
                query, key, value, np.ones(S, bool)
            )
