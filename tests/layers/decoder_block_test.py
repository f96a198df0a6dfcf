"""A decoder block must compute figure 1, right, in one call and in steps.

B batch   T target length   S source length   D model_dim   H heads
K head_dim
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transformer import layers
from keras_transformer.layers import decoder_block, past
from tests import costs
from tests.assertions import (
    assert_all_close,
    assert_all_equal,
    assert_not_all_close,
)
from tests.layers import kinds
from tests.layers.kinds import SOURCE_MASK as MEMORY_MASK
from tests.layers.kinds import TARGET_MASK as MASK
from tests.layers.kinds import B, D, F, H, K, S, T, random
from tests.references import model as reference


@keras.saving.register_keras_serializable("decoder_block_test")
class OwnAttention(layers.MultiHeadAttention):
    """An attention without a method `between_sequences`."""

    between_sequences = None


class TestDecoderBlock:
    @pytest.fixture(autouse=True)
    def set_up(self):
        keras.utils.set_random_seed(1)

    @pytest.mark.parametrize("kind", kinds.KINDS)
    def test_equals_the_loops_of_the_reference(self, kind):
        block = kinds.make_block(decoder_block.DecoderBlock, **kind)
        inputs, memory = random(B, T, D), random(B, S, D, seed=1)
        output, scores, cross_scores = block(
            inputs,
            memory,
            inputs_mask=MASK,
            memory_mask=MEMORY_MASK,
            return_attention_scores=True,
        )
        weights = reference.weights_of(block)
        for b in range(B):
            expected = reference.decoder_block(
                inputs[b],
                memory[b],
                MASK[b],
                MEMORY_MASK[b],
                weights,
                kinds.for_reference(**kind),
            )
            assert_all_close(output[b], expected[0], rtol=1e-5, atol=1e-5)
            assert_all_close(scores[b], expected[1], rtol=0, atol=1e-5)
            assert_all_close(cross_scores[b], expected[2], rtol=0, atol=1e-5)

    @pytest.mark.parametrize("positions", kinds.ATTENDED)
    def test_between_target_and_source_there_are_no_positions(self, positions):
        block = kinds.make_block(
            decoder_block.DecoderBlock, positions=positions
        )
        inputs, memory = random(B, T, D), random(B, S, D, seed=1)
        assert_all_close(
            block(inputs, memory[:, ::-1]),
            block(inputs, memory),
            rtol=0,
            atol=2e-6,
        )

    def test_an_attention_without_between_sequences_is_used_unchanged(self):
        template = OwnAttention(D, H, positions=layers.RotaryPositions("half"))
        block = decoder_block.DecoderBlock(template, layers.FeedForward(D, F))
        assert block.cross_attention.get_config() == {
            **template.get_config(),
            "name": "cross_attention",
        }
        clone = decoder_block.DecoderBlock.from_config(block.get_config())
        assert isinstance(
            clone.cross_attention.positions, layers.RotaryPositions
        )

    @pytest.mark.parametrize(
        "name", ["self_attention", "cross_attention", "feed_forward"]
    )
    def test_dropout_acts_on_every_sublayer(self, name):
        block = kinds.make_block(
            decoder_block.DecoderBlock, dropout=0.5, biases="none"
        )
        # The other two sublayers return zeros, so that dropout has no effect.
        for weight in block.trainable_weights:
            is_last = (
                "output_kernel" in weight.path or "contract" in weight.path
            )
            if is_last and f"/{name}/" not in weight.path:
                weight.assign(tf.zeros(weight.shape))
        inputs, memory = random(B, T, D), random(B, S, D, seed=1)
        assert_not_all_close(
            block(inputs, memory, training=True), block(inputs, memory)
        )

    @pytest.mark.parametrize(
        "normalization", costs.grid(("pre", "post"), keep=("pre",))
    )
    @pytest.mark.parametrize("positions", (None, *kinds.ATTENDED))
    @pytest.mark.parametrize("max_length", (None, T, T + 6))
    def test_steps_equal_the_call(self, normalization, positions, max_length):
        block = kinds.make_block(
            decoder_block.DecoderBlock,
            normalization=normalization,
            positions=positions,
            num_key_value_heads=2,
            biases="blocks",
        )
        inputs, memory = random(B, T, D), random(B, S, D, seed=1)
        assert_all_close(
            kinds.stepped(block, inputs, memory, MEMORY_MASK, max_length),
            block(inputs, memory, memory_mask=MEMORY_MASK),
            rtol=1e-5,
            atol=1e-5,
        )

    @pytest.mark.parametrize("max_length", [None, T])
    def test_scores_of_steps_equal_those_of_the_call(self, max_length):
        block = kinds.make_block(decoder_block.DecoderBlock)
        inputs, memory = random(B, T, D), random(B, S, D, seed=1)
        *_, expected = block(
            inputs,
            memory,
            memory_mask=MEMORY_MASK,
            return_attention_scores=True,
        )
        step, state = block.stepper(), block.start(memory, max_length)
        before, cache = state.pop("past"), state
        for t in range(T):
            x = inputs[:, t : t + 1]
            now = past.take_step(before, x, t)
            _, cache, scores = step(x, now, cache, MEMORY_MASK)
            before = now.past
            assert scores.shape == (B, H, 1, S)
            assert_all_close(
                scores[:, :, 0], expected[:, :, t], rtol=0, atol=1e-6
            )

    def test_a_state_of_fewer_key_value_heads(self):
        block = kinds.make_block(
            decoder_block.DecoderBlock, num_key_value_heads=2
        )
        state = block.start(random(B, S, D), 11)
        for key_or_value in (0, 1):
            assert state["memory"][key_or_value].shape == (B, 2, S, K)
            assert_all_equal(
                state["target"][key_or_value], np.zeros((B, 2, 11, K))
            )
        state = block.start(random(B, S, D))
        assert state["target"][0].shape == (B, 2, 0, K)

    def test_a_block_that_was_not_called_yet_can_step(self):
        block = decoder_block.DecoderBlock(**kinds.block_arguments())
        assert not block.built
        output, _ = block.step(
            random(B, 1, D), 0, block.start(random(B, S, D)), MEMORY_MASK
        )
        assert np.all(np.isfinite(output))
        block = decoder_block.DecoderBlock(**kinds.block_arguments())
        block.stepper()
        assert block.built

    def test_inputs_of_another_size_are_refused(self):
        # A reshape would accept vectors of twice the size as twice the heads.
        block = kinds.make_block(
            decoder_block.DecoderBlock, normalization="post"
        )
        state = block.start(random(B, S, D))
        for size in (2 * D, D // 2):
            with pytest.raises(ValueError, match=rf"\(B, T, {D}\)"):
                block.step(random(B, 1, size), 0, state)

    @pytest.mark.parametrize("kind", [kinds.KINDS[1], kinds.KINDS[-2]])
    def test_config_makes_the_same_layer(self, kind):
        block = kinds.make_block(
            decoder_block.DecoderBlock, dropout=0.2, **kind
        )
        inputs, memory = random(B, T, D), random(B, S, D, seed=1)
        kinds.clones_alike(block, lambda block: block(inputs, memory))

    def test_templates_of_different_sizes_are_refused(self):
        with pytest.raises(
            ValueError, match="same model_dim.*attention 24, feed-forward 26"
        ):
            decoder_block.DecoderBlock(
                layers.MultiHeadAttention(24, 6), layers.FeedForward(26, F)
            )
