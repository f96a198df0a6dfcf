"""A stack must copy its templates for each block, and add positions.

B batch   T length   D model_dim   L layers
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transformer import layers
from keras_transformer.layers import decoder, encoder
from tests.assertions import (
    assert_all_close,
    assert_all_equal,
    assert_not_all_close,
)
from tests.layers import kinds
from tests.layers.kinds import TARGET_MASK as MASK
from tests.layers.kinds import B, D, F, H, L, T, random
from tests.references import layers as reference_layers

STACKS = (layers.Encoder, layers.Decoder)


class TestStack:
    @pytest.fixture(autouse=True)
    def set_up(self):
        keras.utils.set_random_seed(1)

    @pytest.mark.parametrize("stack_class", STACKS)
    def test_templates_are_copied_for_each_block(self, stack_class):
        arguments = kinds.block_arguments(positions="relative", norm="rms")
        positions = layers.LearnedPositions(7)
        stack = stack_class(L, **arguments, positions=positions)
        stack.build()
        inside = kinds.layers_inside(stack)
        for template in (
            arguments["attention"],
            arguments["feed_forward"],
            arguments["norm"],
            positions,
        ):
            assert id(template) not in [id(layer) for layer in inside]
            # A template is neither used nor built.
            assert not template.built
        first, second = (
            [weight for weight in block.trainable_weights]
            for block in stack.blocks
        )
        assert [w.shape for w in first] == [w.shape for w in second]
        for one, other in zip(first, second, strict=True):
            if len(one.shape) > 1:
                assert_not_all_close(one, other)
        # The same templates may make another stack.
        another = stack_class(1, **arguments, positions=positions)
        another.build()
        assert len(another.blocks) == 1

    @pytest.mark.parametrize("stack_class", STACKS)
    def test_every_weight_has_a_path_of_its_own(self, stack_class):
        stack = kinds.make_stack(stack_class, positions="learned", name="stack")
        paths = [weight.path for weight in stack.weights]
        assert len(set(paths)) == len(paths)
        assert "stack/positions/encodings" in paths
        assert "stack/block_2/feed_forward/expand/kernel" in paths
        assert "stack/final_norm/gamma" in paths

    @pytest.mark.parametrize("stack_class", STACKS)
    @pytest.mark.parametrize("positions", kinds.POSITIONS)
    @pytest.mark.parametrize("start", (0, 3))
    def test_embeddings_enter_with_positions(
        self, stack_class, positions, start
    ):
        stack = kinds.shared_stack(stack_class, positions=positions)
        inputs = random(B, T, D)
        weights = {}
        if positions == "learned":
            weights["positions/encodings"] = stack.positions.encodings.numpy()
        for mask in (None, MASK, MASK[:, ::-1]):
            entered = stack.enter(inputs, start=start, mask=mask)
            for b in range(B):
                is_real = np.ones(T, bool) if mask is None else mask[b]
                assert_all_close(
                    entered[b],
                    reference_layers.add_positions(
                        inputs[b],
                        is_real,
                        weights,
                        {"positions": positions},
                        start,
                    ),
                    rtol=0,
                    # Angles up to 9 have an error of 5e-7.
                    atol=2e-6,
                )

    def test_padding_is_what_no_query_attends_to(self):
        stack = kinds.make_stack(layers.Encoder)
        inputs = random(B, T, D)
        expected = stack.enter(inputs, mask=MASK)
        # A key is padding only if no query may attend to it.
        square = np.tile(MASK[:, None], (1, T, 1)) & np.tri(T, dtype=bool)
        assert_all_equal(stack.enter(inputs, mask=square), expected)

    @pytest.mark.parametrize("stack_class", STACKS)
    def test_dropout_acts_on_the_sum_of_embedding_and_position(
        self, stack_class
    ):
        stack = kinds.make_stack(stack_class, dropout=0.3)
        inputs = np.ones((97, T, D), "float32")
        whole = stack.enter(inputs).numpy()
        entered = stack.enter(inputs, training=True).numpy()
        is_kept = entered != 0
        assert_all_close(entered, is_kept * whole / 0.7, rtol=1e-6, atol=0)
        # Of 11,640 numbers, five standard deviations of the share are 0.022.
        assert_all_close(
            np.mean(is_kept[np.abs(whole) > 1e-3]), 0.7, rtol=0, atol=0.022
        )

    @pytest.mark.parametrize("stack_class", STACKS)
    def test_ends_with_a_norm_after_pre_norm_blocks_alone(self, stack_class):
        pre = kinds.make_stack(stack_class, normalization="pre", norm="rms")
        post = kinds.make_stack(stack_class, normalization="post", norm="rms")
        assert isinstance(pre.final_norm, keras.layers.RMSNormalization)
        inputs = random(B, T, D)
        assert_all_equal(post.final_norm(inputs), inputs)
        assert len(post.final_norm.weights) == 0

    # `conformance_test.py` checks the gradients of each row of its table, and
    # `transformer_test.py` those of whole models.
    @pytest.mark.grid
    @pytest.mark.parametrize("stack_class", STACKS)
    def test_gradients_reach_every_weight(self, stack_class):
        for kind in kinds.KINDS[1:3] + kinds.KINDS[-6:]:
            stack = kinds.make_stack(stack_class, **kind)
            inputs = [random(B, T, D)]
            if stack_class is layers.Decoder:
                inputs.append(random(B, T + 2, D, seed=1))
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(stack(*inputs) ** 3)
            weights = stack.trainable_weights
            for weight, gradient in zip(
                weights, tape.gradient(loss, weights), strict=True
            ):
                assert gradient is not None, weight.path
                if "key_bias" in weight.path:
                    # A key bias shifts all logits of a query equally.
                    continue
                gradient = tf.convert_to_tensor(gradient)
                assert np.abs(gradient).max() > 1e-6, weight.path

    @pytest.mark.parametrize("stack_class", STACKS)
    @pytest.mark.parametrize("number", (0, -2))
    def test_no_layers_at_all_are_refused(self, stack_class, number):
        with pytest.raises(
            ValueError,
            match=f"`num_layers` must be .*at least 1. Received: {number}",
        ):
            stack_class(number, **kinds.block_arguments())

    @pytest.mark.parametrize("stack_class", STACKS)
    def test_templates_that_do_not_fit_are_refused(self, stack_class):
        attention = layers.MultiHeadAttention(D, H)
        with pytest.raises(
            ValueError, match="same model_dim.*attention 24, feed-forward 26"
        ):
            stack_class(L, attention, layers.FeedForward(26, F))
        with pytest.raises(ValueError, match="must be a Keras layer"):
            stack_class(L, attention, layers.FeedForward(D, F), norm="rms")
        with pytest.raises(ValueError, match="must be a Keras layer"):
            stack_class(
                L, attention, layers.FeedForward(D, F), positions="paper"
            )
        for attention in (keras.layers.Dense(D), None):
            with pytest.raises(ValueError, match="'model_dim' is expected"):
                stack_class(L, attention, layers.FeedForward(D, F))

    @pytest.mark.parametrize("stack_class", [encoder.Encoder, decoder.Decoder])
    def test_templates_for_another_argument_are_refused(self, stack_class):
        attention = layers.MultiHeadAttention(D, H)
        network = layers.FeedForward(D, F)
        with pytest.raises(
            ValueError,
            match="attention of a block.*MultiHead.*Received: FeedForward",
        ):
            stack_class(L, network, attention)
        for positions in (layers.RotaryPositions(), layers.RelativePositions()):
            with pytest.raises(
                ValueError,
                match="positions of a stack.*go into its attention.*Received: "
                f"{type(positions).__name__}",
            ):
                stack_class(L, attention, network, positions=positions)

    @pytest.mark.parametrize("stack_class", [encoder.Encoder, decoder.Decoder])
    def test_inputs_of_another_size_are_refused(self, stack_class):
        layer = kinds.make_stack(stack_class)
        memory = () if stack_class is encoder.Encoder else (random(2, 5, D),)
        with pytest.raises(
            ValueError, match=rf"have shape \(B, T, {D}\).*\(2, 5, {2 * D}\)"
        ):
            layer(random(2, 5, 2 * D), *memory)

    @pytest.mark.parametrize("stack_class", [encoder.Encoder, decoder.Decoder])
    def test_a_config_can_be_changed_without_the_layer(self, stack_class):
        layer = kinds.make_stack(stack_class)
        layer.get_config()["attention"]["config"]["num_heads"] = 1
        assert layer.get_config()["attention"]["config"]["num_heads"] == H
