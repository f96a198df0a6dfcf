"""Projections by heads must be the matrix products of section 3.2.2.

B batch   T length   D model_dim   H heads   K head_dim   W hypotheses of a row
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transformer import layers
from keras_transformer.layers import head_projections
from tests.assertions import assert_all_close
from tests.layers import kinds
from tests.layers.kinds import B, D, H, K, T, random

GROUPS = 2


def make(use_bias=True, dtype=None):
    """Makes an attention; its projections have H, 2, 2 and H heads."""
    return kinds.drawn(
        layers.MultiHeadAttention(D, H, GROUPS, use_bias=use_bias, dtype=dtype)
    )


def affine(projection, inputs):
    outputs = inputs @ keras.ops.convert_to_numpy(projection.kernel)
    if projection.bias is None:
        return outputs
    return outputs + keras.ops.convert_to_numpy(projection.bias)


class TestHeadProjections:
    @pytest.fixture(autouse=True)
    def set_up(self):
        keras.utils.set_random_seed(1)

    @pytest.mark.parametrize("use_bias", [False, True])
    def test_each_head_is_a_slice_of_the_product(self, use_bias):
        attention, inputs = make(use_bias), random(B, T, D)
        for projection, num_heads in (
            (attention.query, H),
            (attention.value, GROUPS),
        ):
            projected = head_projections.to_heads(projection, inputs, K)
            assert projected.shape == (B, num_heads, T, K)
            expected = affine(projection, inputs)
            for head in range(num_heads):
                assert_all_close(
                    projected[:, head],
                    expected[..., head * K : (head + 1) * K],
                    rtol=0,
                    atol=1e-5,
                )

    @pytest.mark.parametrize("use_bias", [False, True])
    def test_heads_are_joined_before_the_product(self, use_bias):
        attention, attended = make(use_bias), random(B, H, T, K)
        joined = np.concatenate([attended[:, h] for h in range(H)], axis=-1)
        assert_all_close(
            head_projections.from_heads(attention.out, attended),
            affine(attention.out, joined),
            rtol=0,
            atol=1e-5,
        )

    @pytest.mark.parametrize("use_bias", (False, True))
    @pytest.mark.parametrize("mode", (None, "int8"))
    def test_side_by_side_equals_one_by_one(self, use_bias, mode):
        attention, inputs = make(use_bias), random(B, 5, D)
        if mode is not None:
            attention.quantize(mode)
        projections = attention.query, attention.key, attention.value
        together = head_projections.side_by_side(projections, K)(inputs)
        assert len(together) == 3
        for projection, projected in zip(projections, together, strict=True):
            assert_all_close(
                projected,
                head_projections.to_heads(projection, inputs, K),
                rtol=0,
                atol=1e-5,
            )

    def test_weights_are_cast_to_the_compute_dtype(self):
        attention = make(dtype="mixed_bfloat16")
        inputs = tf.cast(random(B, T, D), "bfloat16")
        projections = attention.query, attention.key, attention.value
        query, *_ = head_projections.side_by_side(projections, K)(inputs)
        for projected in (
            query,
            head_projections.to_heads(attention.query, inputs, K),
            head_projections.from_heads(attention.out, query),
        ):
            assert projected.dtype == "bfloat16"
