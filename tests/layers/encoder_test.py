"""The encoder must compute figure 1, left, and ignore padding.

B batch   S source length   D model_dim   H heads   L layers
"""

import os

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transformer import layers
from keras_transformer.layers import encoder
from tests import costs
from tests.assertions import (
    assert_all_close,
    assert_all_equal,
    assert_not_all_close,
)
from tests.layers import kinds
from tests.layers.kinds import SOURCE_MASK as MASK
from tests.layers.kinds import B, D, F, H, L, S, random
from tests.references import model as reference


def make(**kind):
    return kinds.make_stack(encoder.Encoder, **kind)


def shared(**kind):
    return kinds.shared_stack(encoder.Encoder, **kind)


class TestEncoderBlock:
    @pytest.fixture(autouse=True)
    def set_up(self):
        keras.utils.set_random_seed(1)

    # Blocks have only positions inside of attention, so few kinds differ.
    @pytest.mark.parametrize("kind", costs.grid(kinds.KINDS, keep=kinds.FEW))
    def test_equals_the_loops_of_the_reference(self, kind):
        block = kinds.make_block(encoder.EncoderBlock, **kind)
        inputs = random(B, S, D)
        output, scores = block(inputs, mask=MASK, return_attention_scores=True)
        weights = reference.weights_of(block)
        for b in range(B):
            expected, expected_scores = reference.encoder_block(
                inputs[b], MASK[b], weights, kinds.for_reference(**kind)
            )
            assert_all_close(output[b], expected, rtol=1e-5, atol=1e-5)
            assert_all_close(scores[b], expected_scores, rtol=0, atol=1e-5)

    def test_asking_for_scores_changes_no_output(self):
        block = kinds.make_block(encoder.EncoderBlock)
        inputs = random(B, S, D)
        output, _ = block(inputs, mask=MASK, return_attention_scores=True)
        assert_all_equal(block(inputs, mask=MASK), output)

    @pytest.mark.parametrize("name", ["attention", "feed_forward"])
    def test_dropout_acts_on_every_sublayer(self, name):
        block = kinds.make_block(
            encoder.EncoderBlock, dropout=0.5, biases="none"
        )
        # The other sublayer returns zeros, so that dropout has no effect.
        for weight in block.trainable_weights:
            is_last = (
                "output_kernel" in weight.path or "contract" in weight.path
            )
            if is_last and f"/{name}/" not in weight.path:
                weight.assign(tf.zeros(weight.shape))
        inputs = random(B, S, D)
        assert_not_all_close(block(inputs, training=True), block(inputs))

    @pytest.mark.parametrize("kind", [kinds.KINDS[1], kinds.KINDS[-2]])
    def test_config_makes_the_same_layer(self, kind):
        block = kinds.make_block(encoder.EncoderBlock, dropout=0.2, **kind)
        inputs = random(B, S, D)
        kinds.clones_alike(block, lambda block: block(inputs))

    def test_templates_of_different_sizes_are_refused(self):
        with pytest.raises(
            ValueError, match="same model_dim.*attention 24, feed-forward 26"
        ):
            encoder.EncoderBlock(
                layers.MultiHeadAttention(24, 6), layers.FeedForward(26, F)
            )


class TestEncoder:
    @pytest.fixture(autouse=True)
    def set_up(self):
        keras.utils.set_random_seed(1)

    # Added positions differ only in their table, which `positions_test` tests.
    @pytest.mark.parametrize(
        "kind", costs.grid(kinds.KINDS, keep=(kinds.KINDS[0], *kinds.FEW))
    )
    def test_equals_the_loops_of_the_reference(self, kind):
        layer = shared(**kind)
        inputs = random(B, S, D)
        memory, scores = layer(inputs, mask=MASK, return_attention_scores=True)
        assert scores.shape == (B, L, H, S, S)
        weights = reference.weights_of(layer)
        for b in range(B):
            expected, expected_scores = reference.encoder(
                inputs[b], MASK[b], weights, kinds.for_reference(**kind)
            )
            assert_all_close(memory[b], expected, rtol=1e-5, atol=1e-5)
            assert_all_close(scores[b], expected_scores, rtol=0, atol=1e-5)
        assert_all_equal(layer(inputs, mask=MASK), memory)

    @pytest.mark.parametrize("normalization", ["pre", "post"])
    def test_number_of_parameters(self, normalization):
        block = 4 * D**2 + (D * F + F + F * D + D) + 2 * 2 * D
        last = 2 * D if normalization == "pre" else 0
        layer = make(normalization=normalization)
        assert (
            sum(np.prod(w.shape) for w in layer.trainable_weights)
            == L * block + last
        )

    @pytest.mark.parametrize(
        "positions", costs.grid(kinds.POSITIONS, keep=kinds.FEW_POSITIONS)
    )
    def test_padding_on_either_side_changes_nothing(self, positions):
        inputs = random(B, S, D)
        for normalization in ("pre", "post"):
            layer = shared(positions=positions, normalization=normalization)
            expected = layer(inputs, mask=MASK).numpy()[MASK]
            for before, after in ((0, 4), (3, 0), (2, 5)):
                # The vectors at padding must not matter.
                padded = random(B, before + S + after, D, seed=9)
                padded[:, before : before + S] = inputs
                mask = np.pad(MASK, [(0, 0), (before, after)])
                memory = layer(padded, mask=mask).numpy()[mask]
                # The numbers are up to 4 and are rounded to float32.
                assert_all_close(memory, expected, rtol=0, atol=2e-6)

    @pytest.mark.parametrize(
        "positions", costs.grid(kinds.POSITIONS, keep=kinds.FEW_POSITIONS)
    )
    def test_padding_has_no_gradient(self, positions):
        # Rows with padding after, before, and between the tokens.
        mask = np.array(
            [
                [1, 1, 1, 1, 0, 0, 0],
                [0, 0, 0, 1, 1, 1, 1],
                [1, 0, 1, 1, 0, 1, 1],
            ]
        ).astype(bool)
        layer = shared(positions=positions)
        inputs = tf.constant(random(B, S, D))
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            memory = layer(inputs, mask=mask)
            loss = tf.reduce_sum(tf.boolean_mask(memory, mask) ** 3)
        gradient = tape.gradient(loss, inputs).numpy()
        assert_all_equal(gradient[~mask], np.zeros((np.sum(~mask), D)))
        assert np.abs(gradient[mask]).max(-1).min() > 0

    @pytest.mark.parametrize("positions", [p for p in kinds.POSITIONS if p])
    def test_the_order_matters_with_any_positions(self, positions):
        layer = shared(positions=positions)
        inputs = random(B, S, D)
        backwards = layer(inputs[:, ::-1])[:, ::-1]
        assert np.abs(layer(inputs) - backwards).max() > 0.01

    def test_the_order_does_not_matter_without_positions(self):
        layer = shared(positions=None)
        inputs = random(B, S, D)
        assert_all_close(
            layer(inputs[:, ::-1])[:, ::-1], layer(inputs), rtol=0, atol=2e-6
        )

    @pytest.mark.parametrize(
        "positions", costs.grid(kinds.POSITIONS, keep=kinds.FEW_POSITIONS)
    )
    def test_masks_of_three_shapes_mean_the_same(self, positions):
        layer = shared(positions=positions)
        inputs = random(B, S, D)
        expected = layer(inputs, mask=MASK)
        square = np.tile(MASK[:, None], (1, S, 1))
        heads = square[:, None]
        for mask in (square, heads, np.tile(heads, (1, H, 1, 1))):
            assert_all_equal(layer(inputs, mask=mask), expected)

    def test_an_empty_row_is_finite_in_values_and_gradients(self):
        layer = shared()
        inputs = tf.constant(random(B, S, D))
        with tf.GradientTape() as tape:
            memory, scores = layer(
                inputs,
                mask=np.array([[True], [False], [True]]) & MASK,
                return_attention_scores=True,
            )
            loss = tf.reduce_sum(memory**2)
        assert np.all(np.isfinite(memory))
        assert_all_equal(scores[1], np.zeros((L, H, S, S)))
        for gradient in tape.gradient(loss, layer.trainable_weights):
            assert np.all(np.isfinite(gradient))

    def test_order_of_the_batch_is_kept(self):
        layer = shared()
        inputs = random(B, S, D)
        order = [2, 0, 1]
        assert_all_close(
            layer(inputs[order], mask=MASK[order]),
            layer(inputs, mask=MASK).numpy()[order],
            rtol=0,
            atol=1e-6,
        )

    @pytest.mark.parametrize("norm", ["layer", "rms"])
    def test_mask_of_an_embedding_arrives_by_itself(self, norm):
        layer = shared(norm=norm)
        ids = np.where(MASK, np.arange(1, S + 1), 0)
        embed = keras.layers.Embedding(17, D, mask_zero=True)
        vectors = embed(ids)
        without_mask = tf.constant(vectors.numpy())
        assert_all_equal(layer(vectors), layer(without_mask, mask=MASK))
        assert_not_all_close(layer(vectors), layer(without_mask))
        # The mask is passed on to the next layer.
        pooled = keras.layers.GlobalAveragePooling1D()(layer(vectors))
        assert_all_close(
            pooled[1],
            np.mean(layer(without_mask, mask=MASK)[1, :4], 0),
            rtol=0,
            atol=1e-6,
        )

    @pytest.mark.parametrize(
        "positions",
        costs.grid(["learned", "rotary", "relative"], keep=["relative"]),
    )
    def test_functional_model_saves_and_loads(self, positions, tmp_path):
        ids = keras.Input((None,), dtype="int32")
        vectors = keras.layers.Embedding(17, D, mask_zero=True)(ids)
        model = keras.Model(ids, make(positions=positions)(vectors))
        batch = np.where(MASK, np.arange(1, S + 1), 0)
        expected = model(batch)
        assert expected.shape == (B, S, D)
        assert model.output_shape == (None, None, D)
        path = os.path.join(tmp_path, "encoder.keras")
        model.save(path)
        assert_all_equal(keras.models.load_model(path)(batch), expected)

    # The column `unknown_sizes` of `conformance_test.py` has a Transformer.
    @pytest.mark.grid
    @pytest.mark.parametrize("positions", kinds.POSITIONS)
    def test_unknown_batch_and_length(self, positions):
        layer = shared(positions=positions, num_key_value_heads=2)
        graph = tf.function(
            lambda inputs, mask: layer(inputs, mask=mask),
            input_signature=[
                tf.TensorSpec([None, None, D]),
                tf.TensorSpec([None, None], tf.bool),
            ],
        )
        inputs = random(B, S, D)
        assert_all_close(
            graph(inputs, MASK), layer(inputs, mask=MASK), rtol=0, atol=1e-5
        )

    def test_dropout_acts_in_training_alone(self):
        layer = make(dropout=0.5)
        inputs = random(B, S, D)
        expected = make(dropout=0.0)
        for new, old in zip(
            expected.trainable_weights, layer.trainable_weights, strict=True
        ):
            new.assign(old)
        assert_all_equal(layer(inputs), expected(inputs, training=True))
        assert_all_equal(layer(inputs, training=False), layer(inputs))
        first = layer(inputs, training=True)
        assert_not_all_close(first, layer(inputs))
        assert_not_all_close(first, layer(inputs, training=True))

    @pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
    def test_the_policy_of_the_stack_rules_its_copies(self, policy):
        for kind in (
            {"positions": "learned", "biases": "blocks"},
            {"positions": "relative", "activation": "swiglu", "norm": "rms"},
        ):
            layer = make(dtype=policy, **kind)
            memory, scores = layer(
                random(B, S, D), mask=MASK, return_attention_scores=True
            )
            assert memory.dtype == policy.removeprefix("mixed_")
            assert np.all(np.isfinite(tf.cast(memory, "float32")))
            assert scores.dtype == "float32"
            assert_all_close(
                tf.reduce_sum(scores, -1),
                np.ones((B, L, H, S)),
                rtol=0,
                atol=1e-6,
            )
            for weight in layer.trainable_weights:
                assert weight.dtype == "float32", weight.path
            inside = kinds.layers_inside(layer)
            # A block is five layers: itself, attention, network, two residuals.
            assert len(inside) > 1 + 2 * 5
            for inner in inside:
                assert inner.dtype_policy.name == policy, inner.path

    @pytest.mark.parametrize("kind", costs.grid(kinds.FEW, keep=kinds.FEW[-3:]))
    def test_config_makes_the_same_layer(self, kind):
        layer = make(name="reader", **kind)
        inputs = random(B, S, D)
        clone = kinds.clones_alike(
            layer, lambda layer: layer(inputs, mask=MASK)
        )
        assert clone.name == "reader"

    def test_settings_that_do_not_fit_are_refused(self):
        arguments = kinds.block_arguments()
        with pytest.raises(ValueError, match="Unknown `normalization`"):
            encoder.Encoder(L, **{**arguments, "normalization": "none"})
        with pytest.raises(ValueError, match="`dropout`.*Received: 1.0"):
            encoder.Encoder(L, **arguments, dropout=1.0)
        with pytest.raises(ValueError, match="at least 1. Received: 0"):
            encoder.Encoder(0, **arguments)

    @pytest.mark.parametrize("positions", (None, "rotary", "paper"))
    @pytest.mark.parametrize(
        "shape", ((B, S + 1), (B + 1, S), (B, S, S + 1), (B, H + 1, S, S))
    )
    def test_a_mask_that_does_not_fit_is_refused(self, positions, shape):
        layer = shared(positions=positions)
        with pytest.raises(
            ValueError, match=f"mask must have shape.*{shape[-1]}"
        ):
            layer(random(B, S, D), mask=np.ones(shape, bool))
