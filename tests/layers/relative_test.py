"""Relative positions must compute the equations of Shaw et al. 2018.

B batch   T query length   S key length   H heads   N key-value heads
K head_dim
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transformer.layers import attention, dot_product, heads, relative
from tests.assertions import (
    assert_all_close,
    assert_all_equal,
    assert_not_all_close,
)
from tests.layers.kinds import random, random_mask
from tests.references import layers as reference_layers

B, T, S, H, K = 3, 5, 7, 6, 11
# Distances reach from -4 to 6.
MAX_DISTANCE = 2


def make(max_distance=MAX_DISTANCE, **kwargs):
    layer = relative.RelativePositions(max_distance, **kwargs)
    layer.build((None, None, None, K))
    return layer


def drawn_heads(groups=H):
    return [
        tf.constant(random(B, length, number, K, seed=i))
        for i, (length, number) in enumerate(((T, H), (S, groups), (S, groups)))
    ]


class TestRelativePositions:
    @pytest.fixture(autouse=True)
    def set_up(self):
        keras.utils.set_random_seed(1)

    @pytest.mark.parametrize("groups", (H, 2, 1))
    @pytest.mark.parametrize("start", (0, 3))
    @pytest.mark.parametrize("longest", (1, 2, 13))
    def test_equals_the_loops_of_the_reference(self, groups, start, longest):
        layer = make(longest)
        query, key, value = drawn_heads(groups)
        mask = random_mask(B, H, T, S)
        output, scores = layer(
            query, key, value, attention_mask=mask, start=start
        )
        vectors = [
            reference_layers.relative_vectors(table.numpy(), T, S, start)
            for table in (layer.keys, layer.values)
        ]
        for b, h in np.ndindex(B, H):
            group = h * groups // H
            expected, weights = reference_layers.attention(
                query[b, :, h].numpy(),
                key[b, :, group].numpy(),
                value[b, :, group].numpy(),
                mask[b, h],
                *vectors,
            )
            assert_all_close(output[b, :, h], expected, rtol=0, atol=1e-5)
            assert_all_close(scores[b, h], weights, rtol=0, atol=1e-5)

    def test_without_content_only_distances_are_left(self):
        # Logits are q a_d / sqrt(K); all d beyond 1 share the vector of 1.
        layer = make(1)
        layer.keys.assign(
            np.log([[1.0], [2.0], [3.0]]) * np.ones((1, K)) / K**0.5
        )
        layer.values.assign([[10.0] * K, [20.0] * K, [30.0] * K])
        query = np.ones((1, 4, 1, K), "float32")
        zeros = np.zeros((1, 4, 1, K), "float32")
        output, scores = layer(query, zeros, zeros)
        weights = np.array(
            [[2, 3, 3, 3], [1, 2, 3, 3], [1, 1, 2, 3], [1, 1, 1, 2]]
        )
        expected = weights / weights.sum(1, keepdims=True)
        assert_all_close(scores[0, 0], expected, rtol=0, atol=1e-6)
        assert_all_close(
            output[0, :, 0, 0],
            np.sum(expected * weights * 10, 1),
            rtol=1e-6,
            atol=0,
        )

    def test_zero_vectors_are_plain_attention(self):
        layer = make()
        for table in (layer.keys, layer.values):
            table.assign(tf.zeros(table.shape))
        query, key, value = drawn_heads()
        mask = random_mask(B, T, S)
        output, scores = layer(query, key, value, attention_mask=mask)
        expected, expected_scores = dot_product.dot_product_attention(
            query, key, value, mask
        )
        assert_all_equal(output, expected)
        assert_all_equal(scores, expected_scores)

    def test_distances_beyond_the_longest_share(self):
        query, key, value = drawn_heads()
        # From a late start, all distances are clipped to the same number.
        layer = make()
        near, _ = layer(query, key, value, start=S + 1)
        far, _ = layer(query, key, value, start=997)
        assert_all_equal(far, near)
        # The order of such keys makes no difference.
        backwards, _ = layer(query, key[:, ::-1], value[:, ::-1], start=997)
        assert_all_close(backwards, far, rtol=0, atol=2e-6)
        # With a vector for each distance the order makes a difference.
        layer = make(13)
        near, _ = layer(query, key, value, start=S + 1)
        backwards, _ = layer(query, key[:, ::-1], value[:, ::-1], start=S + 1)
        assert np.abs(backwards - near).max() > 0.01

    def test_counts_from_start(self):
        layer = make()
        query, key, value = drawn_heads()
        expected, _ = layer(query, key, value)
        for t in range(T):
            for start in (t, tf.constant(t), np.int64(t)):
                output, _ = layer(query[:, t : t + 1], key, value, start=start)
                assert_all_close(
                    output[:, 0], expected[:, t], rtol=0, atol=1e-6
                )

    @pytest.mark.parametrize(
        ("groups", "width"), [(H, 1), (2, 1), (H, 3), (2, 3)]
    )
    def test_attends_with_heads_first_and_any_positions(self, groups, width):
        # As in decoding: W queries have one position, and the keys of W
        # hypotheses are side by side.
        layer = make()
        query, key, value = drawn_heads(groups)
        bias = random(B, 1, T, S * width, seed=5)
        wide = [tf.repeat(x, width, axis=1) for x in (key, value)]
        for t in range(S):
            output, scores = layer.attend_heads(
                *(heads.swap_heads(x) for x in (query, *wide)),
                attention_bias=bias,
                query_positions=[t],
                key_positions=np.repeat(np.arange(S), width),
            )
            distances = np.repeat(np.arange(S), width) - t
            distances = np.clip(distances, -MAX_DISTANCE, MAX_DISTANCE)
            vectors = [
                np.tile(table.numpy()[distances + MAX_DISTANCE], (T, 1, 1))
                for table in (layer.keys, layer.values)
            ]
            for b, h in np.ndindex(B, H):
                # Computed here, since the reference has no attention bias.
                keys, values = (x[b, :, h * groups // H].numpy() for x in wide)
                logits = np.einsum(
                    "TK,TSK->TS", query[b, :, h], keys + vectors[0]
                )
                weights = np.exp(logits / K**0.5 + bias[b, 0])
                weights /= weights.sum(1, keepdims=True)
                assert_all_close(scores[b, h], weights, rtol=0, atol=1e-5)
                assert_all_close(
                    output[b, h],
                    np.einsum("TS,TSK->TK", weights, values + vectors[1]),
                    rtol=0,
                    atol=1e-5,
                )

    def test_keys_are_not_changed(self):
        _, key, _ = drawn_heads()
        assert_all_equal(make().apply_to_keys(key, [5]), key)

    def test_gradient_reaches_every_vector_that_is_used(self):
        layer = make(13)
        query, key, value = drawn_heads()
        with tf.GradientTape() as tape:
            output, _ = layer(query, key, value)
            loss = tf.reduce_sum(output**2)
        for gradient in tape.gradient(loss, [layer.keys, layer.values]):
            gradient = tf.convert_to_tensor(gradient).numpy()
            # Distances from -4 to 6 are the rows from 9 to 19.
            used = np.arange(27)
            used = (used >= 9) & (used <= 19)
            assert_all_equal(gradient[~used], np.zeros((16, K)))
            assert np.abs(gradient[used]).max(-1).min() > 1e-4

    def test_gradient_equals_differences_of_the_reference(self):
        layer = make(1)
        query, key, value = (x[:1, :3, :1] for x in drawn_heads())
        mask = np.tri(3, dtype=bool)
        outer = random(3, K, seed=7)
        arrays = [x[0, :, 0].numpy() for x in (query, key, value)]

        def slow(tables):
            vectors = [
                reference_layers.relative_vectors(table, 3, 3, 0)
                for table in tables
            ]
            return np.sum(
                outer * reference_layers.attention(*arrays, mask, *vectors)[0]
            )

        with tf.GradientTape() as tape:
            output, _ = layer(query, key, value, attention_mask=mask[None])
            loss = tf.reduce_sum(output[0, :, 0] * outer)
        tables = [
            table.numpy().astype("float64")
            for table in (layer.keys, layer.values)
        ]
        gradients = tape.gradient(loss, [layer.keys, layer.values])
        for which, gradient in enumerate(gradients):
            gradient = tf.convert_to_tensor(gradient)
            for row, column in ((0, 0), (0, 5), (1, 3), (2, 1)):
                up, down = ([x.copy() for x in tables] for _ in range(2))
                up[which][row, column] += 1e-4
                down[which][row, column] -= 1e-4
                assert_all_close(
                    gradient[row, column],
                    (slow(up) - slow(down)) / 2e-4,
                    rtol=0,
                    atol=1e-5,
                )

    def test_forbidden_keys_have_no_weight_and_no_gradient(self):
        layer = make()
        query, key, value = drawn_heads()
        allowed = np.tri(T, S, dtype=bool)[None] & np.ones((B, 1, 1), bool)
        allowed[1, :, 1] = False
        allowed[2, 3] = False
        with tf.GradientTape() as tape:
            tape.watch([key, value])
            output, scores = layer(query, key, value, attention_mask=allowed)
            loss = tf.reduce_sum(output**2)
        forbidden = np.tile(~allowed[:, None], (1, H, 1, 1))
        assert_all_equal(scores.numpy()[forbidden], np.zeros(np.sum(forbidden)))
        # A query without keys gets zeros, and no vector of a distance.
        assert_all_equal(output[2, 3], np.zeros((H, K)))
        for gradient in tape.gradient(loss, [key, value]):
            assert_all_equal(gradient[:, T:], np.zeros((B, S - T, H, K)))
            assert_all_equal(gradient[1, 1], np.zeros((H, K)))
            assert np.abs(gradient[:, 0]).min() > 0

    def test_vectors_of_the_future_have_no_gradient_under_a_causal_mask(self):
        layer = make()
        query, key, value = drawn_heads()
        with tf.GradientTape() as tape:
            output, _ = layer(
                query,
                key,
                value,
                attention_mask=np.tri(T, S, dtype=bool)[None],
            )
            loss = tf.reduce_sum(output**2)
        for gradient in tape.gradient(loss, [layer.keys, layer.values]):
            gradient = tf.convert_to_tensor(gradient)
            assert_all_equal(
                gradient[MAX_DISTANCE + 1 :], np.zeros((MAX_DISTANCE, K))
            )
            assert np.abs(gradient[: MAX_DISTANCE + 1]).max(-1).min() > 1e-4

    def test_a_mask_of_a_wrong_shape_is_refused(self):
        query, key, value = drawn_heads()
        with pytest.raises(ValueError, match=r"Received: shape=\(3, 8\)"):
            make()(query, key, value, attention_mask=np.ones((B, S + 1), bool))

    def test_values_of_another_size_are_refused(self):
        query, key, value = drawn_heads()
        for size in (1, K + 1):
            with pytest.raises(ValueError, match="the same last size"):
                make()(query, key, np.ones((*value.shape[:-1], size)))
            inputs = [keras.Input(x.shape[1:]) for x in (query, key)]
            with pytest.raises(ValueError, match="the same last size"):
                make()(*inputs, keras.Input((*value.shape[1:-1], size)))
            with pytest.raises(ValueError, match="the same last size"):
                make().compute_output_shape(
                    query.shape, key.shape, (*value.shape[:-1], size)
                )

    def test_two_tables_that_all_heads_share(self):
        layer = make(5)
        assert layer.keys.shape == (11, K)
        assert layer.values.shape == (11, K)
        assert layer.count_params() == 2 * 11 * K
        assert_not_all_close(layer.keys, layer.values)
        # The default is 16.
        layer = relative.RelativePositions()
        layer.build((None, None, None, K))
        assert layer.keys.shape == (33, K)

    @pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
    def test_mixed_precision(self, dtype):
        layer = make(dtype=f"mixed_{dtype}")
        query, key, value = (tf.cast(x, dtype) for x in drawn_heads())
        for output, scores in (
            layer(query, key, value),
            # `attend_heads` does not pass through `__call__`, which casts.
            layer.attend_heads(
                *(heads.swap_heads(x) for x in (query, key, value))
            ),
        ):
            assert output.dtype == dtype
            assert scores.dtype == "float32"
            assert_all_close(
                tf.reduce_sum(scores, -1), np.ones((B, H, T)), rtol=0, atol=1e-6
            )
        assert layer.keys.dtype == "float32"

    def test_unknown_batch_lengths_and_start(self):
        layer = make()
        spec = tf.TensorSpec([None, None, H, K])
        graph = tf.function(
            lambda query, key, value, start: layer(
                query, key, value, start=start
            ),
            input_signature=[spec, spec, spec, tf.TensorSpec([], tf.int32)],
        )
        for output, expected in zip(
            graph(*drawn_heads(), 3),
            layer(*drawn_heads(), start=3),
            strict=True,
        ):
            assert_all_close(output, expected, rtol=0, atol=1e-5)

    def test_config_makes_the_same_layer(self):
        layer = make(7, name="near")
        clone = relative.RelativePositions.from_config(layer.get_config())
        assert clone.get_config() == layer.get_config()
        clone.build((None, None, None, K))
        clone.set_weights(layer.get_weights())
        assert_all_equal(clone(*drawn_heads())[0], layer(*drawn_heads())[0])

    def test_keras_finds_the_layer_by_its_registered_name(self):
        restored = keras.saving.deserialize_keras_object(
            keras.saving.serialize_keras_object(make())
        )
        assert isinstance(restored, relative.RelativePositions)

    @pytest.mark.parametrize("longest", [0, -3])
    def test_a_longest_distance_below_one_is_refused(self, longest):
        with pytest.raises(
            ValueError,
            match=f"`max_distance` must be .*at least 1. Received: {longest}",
        ):
            relative.RelativePositions(longest)

    def test_works_inside_of_attention(self):
        layer = attention.MultiHeadAttention(
            H * K, H, positions=relative.RelativePositions(MAX_DISTANCE)
        )
        layer.build()
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(random(B, T, H * K)) ** 2)
        tables = [layer.positions.keys, layer.positions.values]
        for gradient in tape.gradient(loss, tables):
            assert np.abs(tf.convert_to_tensor(gradient)).max(-1).min() > 1e-4
        assert len(layer.trainable_weights) == 4 + 2
