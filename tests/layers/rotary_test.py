"""Rotary positions must rotate pairs, so that only distances matter.

B batch   T query length   S key length   H heads   K head_dim
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transformer.layers import attention, dot_product, heads, rotary
from tests.assertions import (
    assert_all_close,
    assert_all_equal,
    assert_not_all_close,
)
from tests.layers import kinds
from tests.layers.kinds import random
from tests.references import layers as reference_layers

# K has three pairs, so that the two layouts cannot agree by accident.
B, T, S, H, K = 3, 5, 7, 2, 6
LAYOUTS = {"half": "rotary", "interleaved": "rotary_interleaved"}
# The column in the interleaved layout of each number in the half layout.
TO_INTERLEAVED = [0, 3, 1, 4, 2, 5]


class TestRotaryPositions:
    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_one_pair_rotates_by_a_radian_each_position(self, layout):
        inputs = np.tile(np.array([3.0, 4.0], "float32"), (1, T, 1, 1))
        turned = rotary.RotaryPositions(layout)(inputs)[0, :, 0]
        start = np.arctan2(4, 3)
        expected = [
            [5 * np.cos(start + t), 5 * np.sin(start + t)] for t in range(T)
        ]
        assert_all_close(turned, expected, rtol=0, atol=2e-6)

    def test_frequencies_and_pairs_in_closed_form(self):
        # With K = 4 the second pair rotates 100 times slower.
        inputs = np.array([1.0, 2.0, 3.0, 4.0], "float32")[None, None, None]
        c, s, c2, s2 = np.cos(1), np.sin(1), np.cos(0.01), np.sin(0.01)
        for layout, expected in (
            (
                "half",
                [c - 3 * s, 2 * c2 - 4 * s2, 3 * c + s, 4 * c2 + 2 * s2],
            ),
            (
                "interleaved",
                [c - 2 * s, 2 * c + s, 3 * c2 - 4 * s2, 4 * c2 + 3 * s2],
            ),
        ):
            turned = rotary.RotaryPositions(layout)(inputs, start=1)
            assert_all_close(turned[0, 0, 0], expected, rtol=0, atol=1e-6)

    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_equals_the_reference(self, layout):
        inputs = random(B, T, H, K)
        for start in (0, 11):
            turned = rotary.RotaryPositions(layout)(inputs, start=start)
            for b, t, h in np.ndindex(B, T, H):
                assert_all_close(
                    turned[b, t, h],
                    reference_layers.rotate(
                        inputs[b, t, h], start + t, LAYOUTS[layout]
                    ),
                    rtol=0,
                    # An angle up to 15 has an error of 1e-6.
                    atol=5e-6,
                )

    def test_half_is_the_default_and_base_ten_thousand(self):
        inputs = random(B, T, H, K)
        assert_all_equal(
            rotary.RotaryPositions()(inputs),
            rotary.RotaryPositions("half", 10000.0)(inputs),
        )

    def test_frequencies_depend_on_the_base(self):
        # With base 16 and K = 4 the second pair rotates four times slower.
        inputs = np.array([0.0, 1.0, 0.0, 0.0], "float32")[None, None, None]
        turned = rotary.RotaryPositions(base=16.0)(inputs, start=3)
        assert_all_close(
            turned[0, 0, 0],
            [0, np.cos(0.75), 0, np.sin(0.75)],
            rtol=0,
            atol=1e-6,
        )

    def test_layouts_differ_by_a_reordering(self):
        inputs = random(B, T, H, K)
        half = rotary.RotaryPositions("half")(inputs).numpy()
        other = rotary.RotaryPositions("interleaved")(
            inputs[..., TO_INTERLEAVED]
        )
        assert_all_close(other, half[..., TO_INTERLEAVED], atol=1e-6)
        assert_not_all_close(
            rotary.RotaryPositions("interleaved")(inputs), half
        )

    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_products_depend_on_the_distance_alone(self, layout):
        layer = rotary.RotaryPositions(layout)
        query, key = (
            np.tile(random(1, 1, 1, K, seed=i), (1, 37, 1, 1)) for i in (1, 2)
        )
        products = np.einsum("btnk,bsnk->ts", layer(query), layer(key))
        for distance in (-7, -1, 0, 1, 7):
            diagonal = np.diagonal(products, distance)
            # Angles up to 36 have an error of 2e-6, and products are up to 4.
            assert_all_close(
                diagonal, np.full(len(diagonal), diagonal[0]), atol=1e-5
            )
        assert_all_close(
            products[5, 5], np.sum(query[0, 0] * key[0, 0]), atol=1e-5
        )
        # The products depend on the distance and on its sign.
        assert np.abs(products[3, 4] - products[3, 3]) > 0.01
        assert np.abs(products[3, 4] - products[4, 3]) > 0.01

    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_norms_stay_and_the_first_position_does_not_rotate(self, layout):
        inputs = random(B, T, H, K)
        turned = rotary.RotaryPositions(layout)(inputs, start=91)
        assert_all_close(
            tf.norm(turned, axis=-1),
            np.linalg.norm(inputs, axis=-1),
            rtol=1e-6,
            atol=0,
        )
        assert_all_equal(
            rotary.RotaryPositions(layout)(inputs)[:, 0], inputs[:, 0]
        )

    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_rotation_is_the_call_with_heads_first(self, layout):
        layer = rotary.RotaryPositions(layout)
        inputs = random(B, T, H, K)
        heads = np.swapaxes(inputs, 1, 2)
        for start in (0, 11):
            numbers = start + np.arange(T)
            expected = np.swapaxes(layer(inputs, start=start), 1, 2)
            rotated = layer.apply_to_keys(heads, numbers)
            assert_all_close(rotated, expected, rtol=0, atol=1e-6)
            # Positions may be in any order, or one for all columns.
            order = [3, 0, 4, 1, 2]
            rotated = layer.apply_to_keys(heads[:, :, order], numbers[order])
            assert_all_close(rotated, expected[:, :, order], rtol=0, atol=1e-6)
            columns = np.repeat(heads[:, :, 2:3], 7, axis=2)
            assert_all_close(
                layer.apply_to_keys(columns, [start + 2]),
                np.repeat(expected[:, :, 2:3], 7, axis=2),
                rtol=0,
                atol=1e-6,
            )
        assert_all_close(
            layer.apply_to_keys(heads),
            np.swapaxes(layer(inputs), 1, 2),
            rtol=0,
            atol=1e-6,
        )

    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_counts_from_start(self, layout):
        layer = rotary.RotaryPositions(layout)
        inputs = random(B, T, H, K)
        expected = layer(inputs)
        for t in range(T):
            for start in (t, tf.constant(t), np.int64(t)):
                assert_all_close(
                    layer(inputs[:, t : t + 1], start=start),
                    expected[:, t : t + 1],
                    rtol=0,
                    atol=1e-6,
                )

    def test_attend_heads_rotates_only_the_query(self):
        layer = rotary.RotaryPositions()
        query, key, value = (
            tf.constant(random(B, size, H, K, seed=size)) for size in (T, S, S)
        )
        mask = kinds.random_mask(B, T, S)
        bias = random(B, 1, T, S, seed=4)
        output, scores = layer.attend_heads(
            *(heads.swap_heads(x) for x in (query, key, value)),
            mask,
            bias,
            query_positions=3 + np.arange(T),
            key_positions=np.arange(S),
        )
        expected, expected_scores = dot_product.dot_product_attention(
            layer(query, start=3), key, value, mask, bias
        )
        assert_all_close(heads.swap_heads(output), expected, rtol=0, atol=1e-6)
        assert_all_close(scores, expected_scores, rtol=0, atol=1e-6)

    def test_moving_all_positions_changes_no_score(self):
        # A sentence whose positions all move by one number has the same scores.
        layer = rotary.RotaryPositions()
        query, key, value = (
            tf.constant(random(B, H, size, K, seed=i))
            for i, size in enumerate((T, S, S))
        )
        _, scores = layer.attend_heads(query, layer.apply_to_keys(key), value)
        queries_at, keys_at = 100 + np.arange(T), 100 + np.arange(S)
        _, moved = layer.attend_heads(
            query,
            layer.apply_to_keys(key, keys_at),
            value,
            query_positions=queries_at,
            key_positions=keys_at,
        )
        # Angles of 100 have an error of 8e-6.
        assert_all_close(moved, scores, rtol=0, atol=2e-5)

    # Each dtype, and the error of rounding a number up to 1.
    @pytest.mark.parametrize(
        "precision", (("float16", 2.0**-11), ("bfloat16", 2.0**-8))
    )
    @pytest.mark.parametrize("layout", tuple(LAYOUTS))
    def test_angles_are_float32_far_out(self, precision, layout):
        dtype, rounding = precision
        layer = rotary.RotaryPositions(layout, dtype=f"mixed_{dtype}")
        # Small whole numbers and halves are exact in both dtypes.
        vector = [1.0, -0.5, 0.25, 0.5, -1.0, 0.75]
        inputs = tf.cast(np.tile(vector, (1, 2, 1, 1)), dtype)
        turned = layer(inputs, start=2046)
        assert turned.dtype == dtype
        for t in range(2):
            assert_all_close(
                tf.cast(turned[0, t, 0], "float32"),
                reference_layers.rotate(vector, 2046 + t, LAYOUTS[layout]),
                rtol=0,
                # Numbers are up to 2; an angle of 2047 has an error of 1.2e-4.
                atol=rounding + 2.5e-4,
            )

    def test_unknown_batch_length_and_start(self):
        layer = rotary.RotaryPositions("interleaved")
        graph = tf.function(
            lambda inputs, start: layer(inputs, start=start),
            input_signature=[
                tf.TensorSpec([None, None, H, K]),
                tf.TensorSpec([], tf.int32),
            ],
        )
        inputs = random(B, T, H, K)
        assert_all_close(
            graph(inputs, 11), layer(inputs, start=11), rtol=0, atol=1e-6
        )

    def test_has_no_weights(self):
        layer = rotary.RotaryPositions()
        layer(random(B, T, H, K))
        assert len(layer.weights) == 0

    def test_config_makes_the_same_layer(self):
        layer = rotary.RotaryPositions("interleaved", 500.0, name="turn")
        clone = rotary.RotaryPositions.from_config(layer.get_config())
        assert clone.get_config() == layer.get_config()
        inputs = random(B, T, H, K)
        assert_all_equal(clone(inputs), layer(inputs))
        assert_not_all_close(
            rotary.RotaryPositions("interleaved")(inputs), layer(inputs)
        )

    def test_keras_finds_the_layer_by_its_registered_name(self):
        restored = keras.saving.deserialize_keras_object(
            keras.saving.serialize_keras_object(rotary.RotaryPositions())
        )
        assert isinstance(restored, rotary.RotaryPositions)

    def test_unknown_layout_is_refused(self):
        with pytest.raises(
            ValueError,
            match="Unknown `layout`. Received: 'paper'.*'half', 'interleaved'",
        ):
            rotary.RotaryPositions("paper")

    @pytest.mark.parametrize("base", [0, -10000.0])
    def test_a_base_that_is_not_positive_is_refused(self, base):
        with pytest.raises(
            ValueError, match=f"must be positive.*Received: {base}. Give"
        ):
            rotary.RotaryPositions(base=base)

    def test_an_odd_head_is_refused(self):
        with pytest.raises(
            ValueError,
            match="even size. Received: head_dim=7. Use another number",
        ):
            rotary.RotaryPositions()(random(B, T, H, 7))
        layer = attention.MultiHeadAttention(
            21, 3, positions=rotary.RotaryPositions()
        )
        with pytest.raises(ValueError, match="head_dim=7"):
            layer.build()
