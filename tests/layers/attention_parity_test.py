"""Attention must equal Keras's own layers, gradients included.

B batch   T query length   S key length   D model_dim   H heads   K head_dim
N key-value heads
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transformer.layers import attention
from tests.assertions import assert_all_close
from tests.layers import kinds
from tests.layers.kinds import B, D, H, K, S, T, random, random_mask

# The names of the projections in this package and in Keras.
NAMES = {
    "query": "query",
    "key": "key",
    "value": "value",
    "output": "attention_output",
}
MASKS = {
    "none": None,
    "padding": np.tile(kinds.SOURCE_MASK[:, None], (1, T, 1)),
    "any": random_mask(B, T, S),
}


def results(layer, by_name, inputs, memory, mask):
    """Returns output, scores, and gradients of inputs and weights by name."""
    inputs, memory = tf.constant(inputs), tf.constant(memory)
    outer = random(B, T, D, seed=5)
    with tf.GradientTape() as tape:
        tape.watch([inputs, memory])
        output, scores = layer(
            inputs, memory, attention_mask=mask, return_attention_scores=True
        )
        loss = tf.reduce_sum(output * outer)
    gradients = tape.gradient(
        loss,
        {
            "inputs": inputs,
            "memory": memory,
            **{name: weight.value for name, weight in by_name.items()},
        },
    )
    return output, scores, gradients


class TestAttentionParity:
    def assert_same(self, theirs, num_key_value_heads, use_bias, mask):
        keras.utils.set_random_seed(1)
        ours = kinds.drawn(
            attention.MultiHeadAttention(
                D, H, num_key_value_heads, use_bias=use_bias
            )
        )
        theirs.build((B, T, D), (B, S, D))
        our_weights = {
            weight.path.split("/")[-1]: weight for weight in ours.weights
        }
        # Kernels of Keras have the same numbers, with an extra axis for heads.
        actual = {w.path.split("/", 1)[1]: w for w in theirs.weights}
        their_weights = {
            f"{name}_{kind}": actual[f"{their_name}/{kind}"]
            for name, their_name in NAMES.items()
            for kind in (("kernel", "bias") if use_bias else ("kernel",))
        }
        assert len(actual) == len(their_weights)
        assert sorted(our_weights) == sorted(their_weights)
        for name, weight in their_weights.items():
            weight.assign(np.reshape(our_weights[name], weight.shape))
        inputs, memory = random(B, T, D), random(B, S, D, seed=1)
        output, scores, gradients = results(
            ours, our_weights, inputs, memory, mask
        )
        expected, expected_scores, expected_gradients = results(
            theirs, their_weights, inputs, memory, mask
        )
        assert_all_close(output, expected, rtol=0, atol=1e-5)
        assert_all_close(scores, expected_scores, rtol=0, atol=1e-5)
        for name, gradient in gradients.items():
            # A key bias has no gradient: all logits of a query shift equally.
            assert np.abs(gradient).max() > (
                -1 if name == "key_bias" else 1e-3
            ), name
            assert_all_close(
                gradient,
                np.reshape(expected_gradients[name], gradient.shape),
                rtol=1e-5,
                atol=1e-5,
                msg=name,
            )

    @pytest.mark.parametrize("use_bias", (False, True))
    @pytest.mark.parametrize("mask", tuple(MASKS))
    def test_multi_head_attention(self, use_bias, mask):
        theirs = keras.layers.MultiHeadAttention(
            num_heads=H, key_dim=K, use_bias=use_bias
        )
        self.assert_same(theirs, None, use_bias, MASKS[mask])

    @pytest.mark.parametrize("groups", (1, 2, 3, H))
    @pytest.mark.parametrize("use_bias", (False, True))
    @pytest.mark.parametrize("mask", ("padding", "any"))
    def test_grouped_query_attention(self, groups, use_bias, mask):
        theirs = keras.layers.GroupQueryAttention(
            head_dim=K,
            num_query_heads=H,
            num_key_value_heads=groups,
            use_bias=use_bias,
        )
        self.assert_same(theirs, groups, use_bias, MASKS[mask])
