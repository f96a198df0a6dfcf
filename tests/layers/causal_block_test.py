"""A causal block must read only the past, in one call and step by step.

B batch   T length   D model_dim   H heads   K head_dim   W hypotheses of a row
"""

import os

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transformer import layers
from keras_transformer.layers import past
from tests import costs
from tests.assertions import (
    assert_all_close,
    assert_all_equal,
    assert_not_all_close,
)
from tests.layers import hypotheses, kinds
from tests.layers.kinds import TARGET_MASK as MASK
from tests.layers.kinds import B, D, H, K, T, random
from tests.references import model as reference


def make(**kind):
    return kinds.make_block(layers.CausalBlock, **kind)


def stepped(block, inputs, max_length=None):
    state = block.start(len(inputs), max_length)
    return kinds.steps_of(inputs, state, block.step)


class TestCausalBlock:
    @pytest.fixture(autouse=True)
    def set_up(self):
        keras.utils.set_random_seed(1)

    # Blocks have only positions inside of attention, so few kinds differ.
    @pytest.mark.parametrize("kind", costs.grid(kinds.KINDS, keep=kinds.FEW))
    def test_equals_the_loops_of_the_reference(self, kind):
        block = make(**kind)
        inputs = random(B, T, D)
        output, scores = block(inputs, mask=MASK, return_attention_scores=True)
        weights = reference.weights_of(block)
        for b in range(B):
            expected, expected_scores = reference.causal_block(
                inputs[b], MASK[b], weights, kinds.for_reference(**kind)
            )
            assert_all_close(output[b], expected, rtol=1e-5, atol=1e-5)
            assert_all_close(scores[b], expected_scores, rtol=0, atol=1e-5)
        assert_all_equal(block(inputs, mask=MASK), output)

    @pytest.mark.parametrize("positions", [None, *kinds.ATTENDED])
    def test_is_a_decoder_block_without_cross_attention(self, positions):
        decoder_block = kinds.make_block(
            layers.DecoderBlock, positions=positions
        )
        for weight in decoder_block.cross_attention.weights:
            weight.assign(tf.zeros(weight.shape))
        block = make(positions=positions)
        for sublayer in ("self_attention", "feed_forward"):
            for name in (sublayer, f"{sublayer}_residual"):
                getattr(block, name).set_weights(
                    getattr(decoder_block, name).get_weights()
                )
        inputs, memory = random(B, T, D), random(B, 7, D, seed=1)
        assert_all_close(
            block(inputs, mask=MASK),
            decoder_block(inputs, memory, inputs_mask=MASK),
            rtol=0,
            atol=1e-6,
        )

    @pytest.mark.parametrize("name", [None, *kinds.ATTENDED])
    def test_no_gradient_comes_from_the_future_or_from_padding(self, name):
        block = make(positions=name)
        inputs = tf.constant(random(B, T, D))
        for t in range(T):
            with tf.GradientTape() as tape:
                tape.watch(inputs)
                output = block(inputs, mask=MASK)[:, t]
                loss = tf.reduce_sum(output**3)
            gradient = np.abs(tape.gradient(loss, inputs)).max(axis=-1)
            is_read = MASK & (np.arange(T) <= t)
            is_read[:, t] = True  # Through the residual connection.
            assert_all_equal(gradient > 0, is_read)

    def test_masks_of_three_shapes_mean_the_same(self):
        block = make()
        inputs = random(B, T, D)
        square = np.tile(MASK[:, None], (1, T, 1))
        for mask in (
            square,
            square[:, None],
            np.tile(square[:, None], (H, 1, 1)),
        ):
            assert_all_equal(block(inputs, mask=mask), block(inputs, mask=MASK))

    @pytest.mark.parametrize(
        "shape", [(B, T + 1), (B + 1, T), (B, T, T + 1), (B, H + 1, T, T)]
    )
    def test_a_mask_that_does_not_fit_is_refused(self, shape):
        with pytest.raises(
            ValueError, match=f"mask must have shape.*{shape[-1]}"
        ):
            make()(random(B, T, D), mask=np.ones(shape, bool))

    @pytest.mark.parametrize(
        "normalization", costs.grid(("pre", "post"), keep=("pre",))
    )
    @pytest.mark.parametrize(
        "positions",
        costs.grid((None, *kinds.ATTENDED), keep=("rotary", "relative")),
    )
    @pytest.mark.parametrize(
        "max_length", costs.grid((None, T, T + 6), keep=(None, T + 6))
    )
    def test_steps_equal_the_call(self, normalization, positions, max_length):
        block = make(
            normalization=normalization,
            positions=positions,
            num_key_value_heads=2,
            biases="blocks",
        )
        inputs = random(B, T, D)
        assert_all_close(
            stepped(block, inputs, max_length),
            block(inputs),
            rtol=1e-5,
            atol=1e-5,
        )

    @pytest.mark.parametrize("precision", ["mixed_bfloat16", "int8"])
    def test_steps_equal_the_call_in_low_precision(self, precision):
        if precision == "int8":
            block = make()
            block.quantize("int8")
        else:
            block = layers.CausalBlock(
                **kinds.block_arguments(), dtype=precision
            )
        inputs = random(B, T, D)
        actual, expected = stepped(block, inputs, T + 2), block(inputs)
        assert actual.dtype == expected.dtype
        assert_all_close(
            tf.cast(actual, "float32"),
            tf.cast(expected, "float32"),
            rtol=0,
            atol=1e-5 if precision == "int8" else 0.06,
        )

    @pytest.mark.parametrize(
        "widenings",
        costs.grid(hypotheses.WIDENINGS, keep=hypotheses.WIDENINGS[1:]),
    )
    @pytest.mark.parametrize("max_length", (None, T + 2))
    def test_hypotheses_read_their_own_past(self, widenings, max_length):
        block = make(positions="rotary", num_key_value_heads=2)
        take = block.stepper()

        class Keeper:
            def widen(self, state, width):
                before, target = state
                return past.widen(before, width), tuple(
                    past.widen_cached(cached, width) for cached in target
                )

            def select(self, state, parents):
                return past.select(state[0], parents), state[1]

        def take_step(inputs, position, state):
            before, target = state
            now = past.take_step(before, inputs, position)
            output, cache, scores = take(inputs, now, {"target": target})
            # Only the slots of the hypothesis itself have a weight.
            assert_all_close(
                tf.reduce_sum(scores, -1), np.ones(scores.shape[:3]), atol=1e-6
            )
            assert_all_equal(
                np.sum(scores > 0, axis=-1),
                np.full(scores.shape[:3], position + 1),
            )
            return output, (now.past, cache["target"])

        state = block.start(B, max_length)
        for outputs, history in hypotheses.follow(
            Keeper(),
            (state["past"], state["target"]),
            take_step,
            lambda position, width: random(B, width, D, seed=position),
            T,
            widenings,
        ):
            for w in range(outputs.shape[1]):
                assert_all_close(
                    outputs[:, w],
                    block(history[:, w])[:, -1],
                    rtol=0,
                    atol=1e-5,
                )

    def test_scores_of_steps_equal_those_of_the_call(self):
        block = make(positions="relative")
        inputs = random(B, T, D)
        _, expected = block(inputs, return_attention_scores=True)
        take, state = block.stepper(), block.start(B)
        before, cache = state["past"], state
        for t in range(T):
            x = inputs[:, t : t + 1]
            now = past.take_step(before, x, t)
            _, cache, scores = take(x, now, cache)
            before = now.past
            assert_all_close(
                scores[:, :, 0], expected[:, :, t, : t + 1], rtol=0, atol=1e-6
            )

    def test_a_state_has_the_batch_first_and_fewer_heads(self):
        block = make(num_key_value_heads=2, biases="blocks")
        state = block.start(B, 11)
        assert set(state) == {"past", "target"}
        for cache in state["target"]:
            assert_all_equal(cache, np.zeros((B, 2, 11, K)))
        for cache in block.start(B)["target"]:
            assert cache.shape == (B, 2, 0, K)

    @pytest.mark.grid
    @pytest.mark.seconds
    @pytest.mark.parametrize(
        "jit_compile", costs.grid([False, True], keep=[True])
    )
    def test_steps_in_a_graph_of_an_unknown_batch(self, jit_compile):
        block = make(positions="rotary")

        @tf.function(
            input_signature=[tf.TensorSpec([None, T, D])],
            jit_compile=jit_compile,
        )
        def run(inputs):
            state = block.start(tf.shape(inputs)[0], T)
            return kinds.steps_of(inputs, state, block.step)

        inputs = random(B, T, D)
        assert_all_close(run(inputs), block(inputs), rtol=0, atol=1e-5)

    def test_a_block_that_was_not_called_yet_can_step(self):
        block = layers.CausalBlock(**kinds.block_arguments())
        assert not block.built
        output, _ = block.step(random(B, 1, D), 0, block.start(B))
        assert np.all(np.isfinite(output))
        block = layers.CausalBlock(**kinds.block_arguments())
        block.stepper()
        assert block.built

    def test_inputs_that_do_not_fit_the_state_are_refused(self):
        block = make(normalization="post")
        with pytest.raises(ValueError, match="max_length.*at least 1"):
            block.start(B, 0)
        state = block.start(B, 2)
        for size in (2 * D, D // 2):
            with pytest.raises(ValueError, match=rf"\(B, T, {D}\)"):
                block.step(random(B, 1, size), 0, state)
        with pytest.raises(ValueError, match="Received: position=2"):
            block.step(random(B, 1, D), 2, state)
        with pytest.raises(ValueError, match="state has 3 rows"):
            block.step(random(B + 1, 1, D), 0, state)

    @pytest.mark.parametrize("kind", [kinds.KINDS[1], kinds.KINDS[-2]])
    def test_config_makes_the_same_layer(self, kind):
        block = make(dropout=0.2, **kind)
        inputs = random(B, T, D)
        kinds.clones_alike(block, lambda block: block(inputs))

    def test_a_language_model_of_blocks_saves_and_loads(self, tmp_path):
        ids = keras.Input((None,), dtype="int32")
        x = keras.layers.Embedding(17, D, mask_zero=True)(ids)
        for _ in range(2):
            x = make(positions="relative")(x)
        model = keras.Model(ids, keras.layers.Dense(17)(x))
        batch = np.where(MASK, np.arange(1, T + 1), 0)
        path = os.path.join(tmp_path, "model.keras")
        model.save(path)
        expected = model(batch)
        assert_all_equal(keras.models.load_model(path)(batch), expected)
        changed = np.where(np.arange(T) == T - 1, 3, batch)
        assert_all_equal(model(changed)[0, :-1], expected[0, :-1])
        assert_not_all_close(model(changed)[0, -1], expected[0, -1])
