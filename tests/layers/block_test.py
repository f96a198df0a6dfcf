"""All blocks must treat their sublayers alike.

B batch   T length   S source length   D model_dim   F feed_forward_dim
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transformer import layers
from keras_transformer.layers import block, implicit
from tests.assertions import assert_all_equal, assert_not_all_close
from tests.layers import kinds
from tests.layers.kinds import B, D, F, H, S, T, random

# The sublayers of each block, in the order of their use.
SUBLAYERS = {
    layers.EncoderBlock: ("attention", "feed_forward"),
    layers.CausalBlock: ("self_attention", "feed_forward"),
    layers.DecoderBlock: ("self_attention", "cross_attention", "feed_forward"),
}


def call(layer, inputs, **arguments):
    if isinstance(layer, layers.DecoderBlock):
        return layer(inputs, random(len(inputs), S, D, seed=1), **arguments)
    return layer(inputs, **arguments)


class TestBlock:
    @pytest.fixture(autouse=True)
    def set_up(self):
        keras.utils.set_random_seed(1)

    @pytest.mark.parametrize("kind", SUBLAYERS)
    def test_variables_are_in_the_order_that_checkpoints_know(self, kind):
        layer = kind(
            **kinds.block_arguments(biases="none", activation="swiglu")
        )
        layer.build()
        expected = []
        for name in SUBLAYERS[kind]:
            kernels = (
                ["gate/kernel", "expand/kernel", "contract/kernel"]
                if name == "feed_forward"
                else [f"{x}_kernel" for x in "query key value output".split()]
            )
            expected += [f"{name}/{kernel}" for kernel in kernels]
            expected += [f"{name}_residual/norm/{x}" for x in ("gamma", "beta")]
        actual = [w.path for w in layer.trainable_weights]
        actual = [path.removeprefix(f"{layer.name}/") for path in actual]
        assert [path.replace("/query/", "/") for path in actual] == expected

    @pytest.mark.parametrize("kind", SUBLAYERS)
    def test_a_block_gives_its_policy_and_its_freezing_on(self, kind):
        layer = kind(
            **kinds.block_arguments(), dtype="mixed_bfloat16", trainable=False
        )
        layer.build()
        assert layer.trainable_weights == []
        for name in SUBLAYERS[kind]:
            for inside in (name, f"{name}_residual"):
                sublayer = getattr(layer, inside)
                assert sublayer.name == inside
                assert sublayer.dtype_policy.name == "mixed_bfloat16"
                assert not sublayer.trainable

    @pytest.mark.parametrize("kind", SUBLAYERS)
    def test_a_block_with_one_sublayer_alone(self, kind):
        """A sublayer changes its input even if all others return zeros."""
        for name in SUBLAYERS[kind]:
            layer = kinds.make_block(kind, biases="none", dropout=0.0)
            for weight in layer.trainable_weights:
                is_last = "output_kernel" in weight.path or (
                    "contract" in weight.path
                )
                if is_last and f"/{name}/" not in weight.path:
                    weight.assign(tf.zeros(weight.shape))
            inputs = random(B, T, D)
            assert_not_all_close(call(layer, inputs), inputs)
            for weight in getattr(layer, name).trainable_weights:
                weight.assign(tf.zeros(weight.shape))
            assert_all_equal(call(layer, inputs), inputs)

    @pytest.mark.parametrize("kind", SUBLAYERS)
    def test_scores_are_asked_for_where_they_are_wanted(self, kind):
        # An activity regularizer would penalize scores that are returned.
        layer = kind(**kinds.block_arguments())
        seen = []

        def regularize(output):
            seen.append(output.shape)
            return tf.reduce_sum(output)

        for name in SUBLAYERS[kind][:-1]:
            getattr(layer, name).activity_regularizer = regularize
        call(layer, random(B, T, D))
        assert seen == [(B, T, D)] * (len(SUBLAYERS[kind]) - 1)

    @pytest.mark.parametrize("kind", SUBLAYERS)
    def test_the_mask_goes_on(self, kind):
        layer = kinds.make_block(kind)
        mask = np.ones((B, T), bool)
        mask[1, 2:] = False
        inputs = implicit.attach(tf.constant(random(B, T, D)), mask)
        assert_all_equal(implicit.mask_of(call(layer, inputs)), mask)
        assert_all_equal(layer.compute_mask(inputs), mask)

    @pytest.mark.parametrize("kind", SUBLAYERS)
    def test_parts_that_do_not_fit_are_refused(self, kind):
        with pytest.raises(
            ValueError, match="same model_dim.*attention 24, feed-forward 26"
        ):
            kind(layers.MultiHeadAttention(24, 6), layers.FeedForward(26, F))
        with pytest.raises(
            ValueError,
            match="attention of a block must be a layer with project",
        ):
            kind(layers.FeedForward(D, F), layers.FeedForward(D, F))

    def test_attend_always_returns_a_pair(self):
        attention = layers.MultiHeadAttention(D, H)
        inputs = random(B, T, D)
        output, scores = block.call_with_scores(
            attention, inputs, return_attention_scores=True
        )
        assert scores.shape == (B, H, T, T)
        alone, none = block.call_with_scores(
            attention, inputs, return_attention_scores=False
        )
        assert_all_equal(alone, output)
        assert none is None
