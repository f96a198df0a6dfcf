"""Blocks of decoders must have the same causal self-attention.

B batch   T length   D model_dim   H heads   K head_dim   N key-value heads
"""

import keras
import numpy as np
import pytest

from keras_transformer import layers
from keras_transformer.layers import past
from tests.assertions import assert_all_close, assert_all_equal
from tests.layers import kinds
from tests.layers.kinds import TARGET_MASK as MASK
from tests.layers.kinds import B, D, K, T, random

BLOCKS = (layers.CausalBlock, layers.DecoderBlock)


class TestCausalFrame:
    @pytest.fixture(autouse=True)
    def set_up(self):
        keras.utils.set_random_seed(1)

    def make(self, block_class):
        return kinds.make_block(
            block_class, positions="rotary", num_key_value_heads=2
        )

    @pytest.mark.parametrize("kind", BLOCKS)
    def test_attends_neither_to_later_positions_nor_to_padding(self, kind):
        _, scores = self.make(kind)._self_attend(
            random(B, T, D), MASK, False, return_attention_scores=True
        )
        is_read = MASK[:, None, None] & np.tri(T, dtype=bool)
        assert_all_equal(scores > 0, np.broadcast_to(is_read, scores.shape))

    @pytest.mark.parametrize("kind", BLOCKS)
    @pytest.mark.parametrize("max_length", (None, T + 4))
    def test_steps_equal_the_whole_sequence(self, kind, max_length):
        block, inputs = self.make(kind), random(B, T, D)
        outputs, scores = block._self_attend(
            inputs, None, False, return_attention_scores=True
        )
        self_attend = block._self_attention_stepper()
        before = past.start(B, max_length)
        cached = block._empty_cache(B, before)
        for slots in cached:
            assert_all_equal(slots, np.zeros((B, 2, max_length or 0, K)))
        for t in range(T):
            x = inputs[:, t : t + 1]
            current = past.take_step(before, x, t)
            output, cached, step_scores = self_attend(x, current, cached)
            before = current.past
            assert len(cached) == 2
            assert_all_close(output[:, 0], outputs[:, t], rtol=0, atol=1e-5)
            assert_all_close(
                step_scores[:, :, 0, : t + 1],
                scores[:, :, t, : t + 1],
                rtol=0,
                atol=1e-6,
            )
