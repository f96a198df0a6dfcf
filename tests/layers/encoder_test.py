"""The encoder must compute figure 1, left, and ignore padding.

B batch   S source length   D model_dim   H heads   L layers
"""

import os

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from keras_transformer import layers
from keras_transformer.layers import encoder
from tests.layers import kinds
from tests.layers.kinds import SOURCE_MASK as MASK
from tests.layers.kinds import B, D, F, H, L, S, random
from tests.references import model as reference


def make(**kind):
    return kinds.make_stack(encoder.Encoder, **kind)


class EncoderBlockTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        keras.utils.set_random_seed(1)

    @parameterized.parameters(*kinds.KINDS)
    def test_equals_the_loops_of_the_reference(self, **kind):
        block = kinds.make_block(encoder.EncoderBlock, **kind)
        inputs = random(B, S, D)
        output, scores = block(inputs, mask=MASK, return_attention_scores=True)
        weights = reference.weights_of(block)
        for b in range(B):
            expected, expected_scores = reference.encoder_block(
                inputs[b], MASK[b], weights, kinds.for_reference(**kind)
            )
            self.assertAllClose(output[b], expected, rtol=1e-5, atol=1e-5)
            self.assertAllClose(scores[b], expected_scores, rtol=0, atol=1e-5)

    def test_asking_for_scores_changes_no_output(self):
        block = kinds.make_block(encoder.EncoderBlock)
        inputs = random(B, S, D)
        output, _ = block(inputs, mask=MASK, return_attention_scores=True)
        self.assertAllEqual(block(inputs, mask=MASK), output)

    @parameterized.parameters("attention", "feed_forward")
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
        self.assertNotAllClose(block(inputs, training=True), block(inputs))

    @parameterized.parameters(kinds.KINDS[1], kinds.KINDS[-2])
    def test_config_makes_the_same_layer(self, **kind):
        block = kinds.make_block(encoder.EncoderBlock, dropout=0.2, **kind)
        inputs = random(B, S, D)
        kinds.clones_alike(self, block, lambda block: block(inputs))

    def test_templates_of_different_sizes_are_refused(self):
        with self.assertRaisesRegex(
            ValueError, "same model_dim.*attention 24, feed-forward 26"
        ):
            encoder.EncoderBlock(
                layers.MultiHeadAttention(24, 6), layers.FeedForward(26, F)
            )


class EncoderTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        keras.utils.set_random_seed(1)

    @parameterized.parameters(*kinds.KINDS)
    def test_equals_the_loops_of_the_reference(self, **kind):
        layer = make(**kind)
        inputs = random(B, S, D)
        memory, scores = layer(inputs, mask=MASK, return_attention_scores=True)
        self.assertEqual(scores.shape, (B, L, H, S, S))
        weights = reference.weights_of(layer)
        for b in range(B):
            expected, expected_scores = reference.encoder(
                inputs[b], MASK[b], weights, kinds.for_reference(**kind)
            )
            self.assertAllClose(memory[b], expected, rtol=1e-5, atol=1e-5)
            self.assertAllClose(scores[b], expected_scores, rtol=0, atol=1e-5)
        self.assertAllEqual(layer(inputs, mask=MASK), memory)

    @parameterized.parameters("pre", "post")
    def test_number_of_parameters(self, normalization):
        block = 4 * D**2 + (D * F + F + F * D + D) + 2 * 2 * D
        last = 2 * D if normalization == "pre" else 0
        layer = make(normalization=normalization)
        self.assertEqual(
            sum(np.prod(w.shape) for w in layer.trainable_weights),
            L * block + last,
        )

    @parameterized.parameters(*kinds.POSITIONS)
    def test_padding_on_either_side_changes_nothing(self, positions):
        inputs = random(B, S, D)
        for normalization in ("pre", "post"):
            layer = make(positions=positions, normalization=normalization)
            expected = layer(inputs, mask=MASK).numpy()[MASK]
            for before, after in ((0, 4), (3, 0), (2, 5)):
                # The vectors at padding must not matter.
                padded = random(B, before + S + after, D, seed=9)
                padded[:, before : before + S] = inputs
                mask = np.pad(MASK, [(0, 0), (before, after)])
                memory = layer(padded, mask=mask).numpy()[mask]
                # The numbers are up to 4 and are rounded to float32.
                self.assertAllClose(memory, expected, rtol=0, atol=2e-6)

    @parameterized.parameters(*kinds.POSITIONS)
    def test_padding_has_no_gradient(self, positions):
        # Rows with padding after, before, and between the tokens.
        mask = np.array(
            [
                [1, 1, 1, 1, 0, 0, 0],
                [0, 0, 0, 1, 1, 1, 1],
                [1, 0, 1, 1, 0, 1, 1],
            ]
        ).astype(bool)
        layer = make(positions=positions)
        inputs = tf.constant(random(B, S, D))
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            memory = layer(inputs, mask=mask)
            loss = tf.reduce_sum(tf.boolean_mask(memory, mask) ** 3)
        gradient = tape.gradient(loss, inputs).numpy()
        self.assertAllEqual(gradient[~mask], np.zeros((np.sum(~mask), D)))
        self.assertGreater(np.abs(gradient[mask]).max(-1).min(), 0)

    @parameterized.parameters(*(p for p in kinds.POSITIONS if p))
    def test_the_order_matters_with_any_positions(self, positions):
        layer = make(positions=positions)
        inputs = random(B, S, D)
        backwards = layer(inputs[:, ::-1])[:, ::-1]
        self.assertGreater(np.abs(layer(inputs) - backwards).max(), 0.01)

    def test_the_order_does_not_matter_without_positions(self):
        layer = make(positions=None)
        inputs = random(B, S, D)
        self.assertAllClose(
            layer(inputs[:, ::-1])[:, ::-1], layer(inputs), rtol=0, atol=2e-6
        )

    @parameterized.parameters(*kinds.POSITIONS)
    def test_masks_of_three_shapes_mean_the_same(self, positions):
        layer = make(positions=positions)
        inputs = random(B, S, D)
        expected = layer(inputs, mask=MASK)
        square = np.tile(MASK[:, None], (1, S, 1))
        heads = square[:, None]
        for mask in (square, heads, np.tile(heads, (1, H, 1, 1))):
            self.assertAllEqual(layer(inputs, mask=mask), expected)

    def test_an_empty_row_is_finite_in_values_and_gradients(self):
        layer = make()
        inputs = tf.constant(random(B, S, D))
        with tf.GradientTape() as tape:
            memory, scores = layer(
                inputs,
                mask=np.array([[True], [False], [True]]) & MASK,
                return_attention_scores=True,
            )
            loss = tf.reduce_sum(memory**2)
        self.assertTrue(np.all(np.isfinite(memory)))
        self.assertAllEqual(scores[1], np.zeros((L, H, S, S)))
        for gradient in tape.gradient(loss, layer.trainable_weights):
            self.assertTrue(np.all(np.isfinite(gradient)))

    def test_order_of_the_batch_is_kept(self):
        layer = make()
        inputs = random(B, S, D)
        order = [2, 0, 1]
        self.assertAllClose(
            layer(inputs[order], mask=MASK[order]),
            layer(inputs, mask=MASK).numpy()[order],
            rtol=0,
            atol=1e-6,
        )

    @parameterized.parameters("layer", "rms")
    def test_mask_of_an_embedding_arrives_by_itself(self, norm):
        layer = make(norm=norm)
        ids = np.where(MASK, np.arange(1, S + 1), 0)
        embed = keras.layers.Embedding(17, D, mask_zero=True)
        vectors = embed(ids)
        without_mask = tf.constant(vectors.numpy())
        self.assertAllEqual(layer(vectors), layer(without_mask, mask=MASK))
        self.assertNotAllClose(layer(vectors), layer(without_mask))
        # The mask is passed on to the next layer.
        pooled = keras.layers.GlobalAveragePooling1D()(layer(vectors))
        self.assertAllClose(
            pooled[1],
            np.mean(layer(without_mask, mask=MASK)[1, :4], 0),
            rtol=0,
            atol=1e-6,
        )

    @parameterized.parameters("learned", "rotary", "relative")
    def test_functional_model_saves_and_loads(self, positions):
        ids = keras.Input((None,), dtype="int32")
        vectors = keras.layers.Embedding(17, D, mask_zero=True)(ids)
        model = keras.Model(ids, make(positions=positions)(vectors))
        batch = np.where(MASK, np.arange(1, S + 1), 0)
        expected = model(batch)
        self.assertEqual(expected.shape, (B, S, D))
        self.assertEqual(model.output_shape, (None, None, D))
        path = os.path.join(self.create_tempdir(), "encoder.keras")
        model.save(path)
        self.assertAllEqual(keras.models.load_model(path)(batch), expected)

    @parameterized.parameters(*kinds.POSITIONS)
    def test_unknown_batch_and_length(self, positions):
        layer = make(positions=positions, num_key_value_heads=2)
        graph = tf.function(
            lambda inputs, mask: layer(inputs, mask=mask),
            input_signature=[
                tf.TensorSpec([None, None, D]),
                tf.TensorSpec([None, None], tf.bool),
            ],
        )
        inputs = random(B, S, D)
        self.assertAllClose(
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
        self.assertAllEqual(layer(inputs), expected(inputs, training=True))
        self.assertAllEqual(layer(inputs, training=False), layer(inputs))
        first = layer(inputs, training=True)
        self.assertNotAllClose(first, layer(inputs))
        self.assertNotAllClose(first, layer(inputs, training=True))

    @parameterized.parameters("mixed_float16", "mixed_bfloat16")
    def test_the_policy_of_the_stack_rules_its_copies(self, policy):
        for kind in (
            {"positions": "learned"},
            {"positions": "relative", "activation": "swiglu", "norm": "rms"},
            {"positions": "rotary", "biases": "blocks"},
        ):
            layer = make(dtype=policy, **kind)
            memory, scores = layer(
                random(B, S, D), mask=MASK, return_attention_scores=True
            )
            self.assertEqual(memory.dtype, policy.removeprefix("mixed_"))
            self.assertTrue(np.all(np.isfinite(tf.cast(memory, "float32"))))
            self.assertEqual(scores.dtype, "float32")
            self.assertAllClose(
                tf.reduce_sum(scores, -1),
                np.ones((B, L, H, S)),
                rtol=0,
                atol=1e-6,
            )
            for weight in layer.trainable_weights:
                self.assertEqual(weight.dtype, "float32", weight.path)
            inside = kinds.layers_inside(layer)
            # Two blocks, each of an attention, a network and two residuals.
            self.assertGreater(len(inside), 1 + 2 * 5)
            for inner in inside:
                self.assertEqual(inner.dtype_policy.name, policy, inner.path)

    @parameterized.parameters(*kinds.KINDS[-7:])
    def test_config_makes_the_same_layer(self, **kind):
        layer = make(name="reader", **kind)
        inputs = random(B, S, D)
        clone = kinds.clones_alike(
            self, layer, lambda layer: layer(inputs, mask=MASK)
        )
        self.assertEqual(clone.name, "reader")

    def test_settings_that_do_not_fit_are_refused(self):
        arguments = kinds.block_arguments()
        with self.assertRaisesRegex(ValueError, "Unknown `normalization`"):
            encoder.Encoder(L, **{**arguments, "normalization": "none"})
        with self.assertRaisesRegex(ValueError, "`dropout`.*Received: 1.0"):
            encoder.Encoder(L, **arguments, dropout=1.0)
        with self.assertRaisesRegex(ValueError, "at least 1. Received: 0"):
            encoder.Encoder(0, **arguments)

    @parameterized.product(
        positions=(None, "rotary", "paper"),
        shape=((B, S + 1), (B + 1, S), (B, S, S + 1), (B, H + 1, S, S)),
    )
    def test_a_mask_that_does_not_fit_is_refused(self, positions, shape):
        layer = make(positions=positions)
        with self.assertRaisesRegex(
            ValueError, f"mask must have shape.*{shape[-1]}"
        ):
            layer(random(B, S, D), mask=np.ones(shape, bool))


if __name__ == "__main__":
    tf.test.main()
