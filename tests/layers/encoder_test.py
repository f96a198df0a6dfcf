"""The encoder must be figure 1, left, and never look at padding.

B batch   S source length   D model_dim   H heads   F feed_forward_dim
L layers
"""

import os

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from keras_transformer.layers import encoder
from tests import reference

B, S, H, D, F, L = 3, 7, 13, 26, 11, 2
# Lengths 7, 4 and 1.
MASK = np.arange(S) < np.array([[7], [4], [1]])


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def with_random_norms(layer):
    """Draws what starts as 1 or 0, so that a mix-up cannot hide."""
    layer.build()
    for i, weight in enumerate(layer.weights):
        if len(weight.shape) == 1 and "seed" not in weight.path:
            weight.assign(random(*weight.shape, seed=100 + i))
    return layer


def make(normalization="pre", dropout=0.1, **kwargs):
    return with_random_norms(
        encoder.Encoder(L, D, H, F, dropout, normalization, **kwargs)
    )


class EncoderBlockTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        keras.utils.set_random_seed(1)

    @parameterized.parameters("pre", "post")
    def test_equals_the_loops_of_the_reference(self, normalization):
        block = with_random_norms(
            encoder.EncoderBlock(D, H, F, normalization=normalization)
        )
        inputs = random(B, S, D)
        output, scores = block(inputs, mask=MASK, return_attention_scores=True)
        weights = reference.weights_of(block)
        for b in range(B):
            expected, expected_scores = reference.encoder_block(
                inputs[b], MASK[b], weights, H, normalization
            )
            self.assertAllClose(output[b], expected, rtol=1e-5, atol=1e-5)
            self.assertAllClose(scores[b], expected_scores, rtol=0, atol=1e-5)

    def test_asking_for_scores_changes_no_output(self):
        block = encoder.EncoderBlock(D, H, F)
        inputs = random(B, S, D)
        output, _ = block(inputs, mask=MASK, return_attention_scores=True)
        self.assertAllEqual(block(inputs, mask=MASK), output)

    @parameterized.parameters("attention", "feed_forward")
    def test_dropout_acts_on_every_sublayer(self, name):
        block = encoder.EncoderBlock(D, H, F, dropout=0.5)
        block.build()
        # The other one ends in zeros, of which there is nothing to drop.
        for weight in block.trainable_weights:
            is_last = (
                "output_kernel" in weight.path or "contract" in weight.path
            )
            if is_last and f"/{name}/" not in weight.path:
                weight.assign(tf.zeros(weight.shape))
        inputs = random(B, S, D)
        self.assertNotAllClose(block(inputs, training=True), block(inputs))

    @parameterized.parameters("pre", "post")
    def test_config_makes_the_same_layer(self, normalization):
        block = encoder.EncoderBlock(D, H, F, 0.2, normalization, name="one")
        clone = encoder.EncoderBlock.from_config(block.get_config())
        self.assertEqual(clone.get_config(), block.get_config())
        inputs = random(B, S, D)
        block.build()
        clone.build()
        clone.set_weights(block.get_weights())
        self.assertAllEqual(clone(inputs), block(inputs))


class EncoderTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        keras.utils.set_random_seed(1)

    @parameterized.parameters("pre", "post")
    def test_is_its_blocks_in_order_and_the_last_norm_of_pre(
        self, normalization
    ):
        layer = make(normalization)
        inputs = random(B, S, D)
        memory, scores = layer(inputs, mask=MASK, return_attention_scores=True)
        weights = reference.weights_of(layer)
        self.assertEqual(scores.shape, (B, L, H, S, S))
        for b in range(B):
            x = inputs[b]
            for i in range(L):
                x, expected_scores = reference.encoder_block(
                    x,
                    MASK[b],
                    reference.below(weights, f"block_{i + 1}"),
                    H,
                    normalization,
                )
                self.assertAllClose(
                    scores[b, i], expected_scores, rtol=0, atol=1e-5
                )
            if normalization == "pre":
                x = reference.layer_norm(
                    x, reference.below(weights, "final_norm")
                )
            self.assertAllClose(memory[b], x, rtol=1e-5, atol=1e-5)

    @parameterized.parameters("pre", "post")
    def test_number_of_parameters(self, normalization):
        block = 4 * D**2 + (D * F + F + F * D + D) + 2 * 2 * D
        last = 2 * D if normalization == "pre" else 0
        self.assertEqual(
            sum(
                np.prod(w.shape) for w in make(normalization).trainable_weights
            ),
            L * block + last,
        )

    @parameterized.parameters("pre", "post")
    def test_more_padding_changes_nothing(self, normalization):
        layer = make(normalization)
        inputs = random(B, S + 4, D)
        expected = layer(inputs[:, :S], mask=MASK).numpy()
        longer = np.pad(MASK, [(0, 0), (0, 4)])
        memory = layer(inputs, mask=longer).numpy()[:, :S]
        self.assertAllClose(memory[MASK], expected[MASK], rtol=0, atol=1e-6)

    def test_padding_has_no_gradient(self):
        layer = make()
        inputs = tf.constant(random(B, S, D))
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            memory = layer(inputs, mask=MASK)
            loss = tf.reduce_sum(tf.boolean_mask(memory, MASK) ** 3)
        gradient = tape.gradient(loss, inputs).numpy()
        self.assertAllEqual(gradient[~MASK], np.zeros((S * B - MASK.sum(), D)))
        self.assertGreater(np.abs(gradient[MASK]).min(), 0)

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

    def test_mask_of_an_embedding_arrives_by_itself(self):
        layer = make()
        ids = np.where(MASK, np.arange(1, S + 1), 0)
        embed = keras.layers.Embedding(17, D, mask_zero=True)
        vectors = embed(ids)
        without_mask = tf.constant(vectors.numpy())
        self.assertAllEqual(layer(vectors), layer(without_mask, mask=MASK))
        self.assertNotAllClose(layer(vectors), layer(without_mask))
        # And goes on to the layer behind.
        pooled = keras.layers.GlobalAveragePooling1D()(layer(vectors))
        self.assertAllClose(
            pooled[1],
            np.mean(layer(without_mask, mask=MASK)[1, :4], 0),
            rtol=0,
            atol=1e-6,
        )

    def test_functional_model_saves_and_loads(self):
        ids = keras.Input((None,), dtype="int32")
        vectors = keras.layers.Embedding(17, D, mask_zero=True)(ids)
        model = keras.Model(ids, encoder.Encoder(L, D, H, F)(vectors))
        batch = np.where(MASK, np.arange(1, S + 1), 0)
        expected = model(batch)
        self.assertEqual(expected.shape, (B, S, D))
        self.assertEqual(model.output_shape, (None, None, D))
        path = os.path.join(self.create_tempdir(), "encoder.keras")
        model.save(path)
        self.assertAllEqual(keras.models.load_model(path)(batch), expected)

    def test_unknown_batch_and_length(self):
        layer = make()
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
        expected.set_weights(
            [w for w in layer.get_weights() if w.dtype == "float32"]
        )
        self.assertAllEqual(layer(inputs), expected(inputs, training=True))
        self.assertAllEqual(layer(inputs, training=False), layer(inputs))
        first = layer(inputs, training=True)
        self.assertNotAllClose(first, layer(inputs))
        self.assertNotAllClose(first, layer(inputs, training=True))

    @parameterized.parameters("mixed_float16", "mixed_bfloat16")
    def test_mixed_precision(self, policy):
        layer = make(dtype=policy)
        memory, scores = layer(
            random(B, S, D), mask=MASK, return_attention_scores=True
        )
        self.assertEqual(memory.dtype, policy.removeprefix("mixed_"))
        self.assertTrue(np.all(np.isfinite(tf.cast(memory, "float32"))))
        self.assertEqual(scores.dtype, "float32")
        self.assertAllClose(
            tf.reduce_sum(scores, -1), np.ones((B, L, H, S)), rtol=0, atol=1e-6
        )
        for weight in layer.trainable_weights:
            self.assertEqual(weight.dtype, "float32", weight.path)
        block = layer.blocks[1]
        for part in (
            block,
            block.attention,
            block.attention_residual,
            block.feed_forward,
            block.feed_forward_residual,
            layer.final_norm,
        ):
            self.assertEqual(part.dtype_policy.name, policy, part.name)

    @parameterized.parameters("pre", "post")
    def test_config_makes_the_same_layer(self, normalization):
        layer = make(normalization, name="reader")
        clone = encoder.Encoder.from_config(layer.get_config())
        self.assertEqual(clone.get_config(), layer.get_config())
        clone.build()
        clone.set_weights(layer.get_weights())
        inputs = random(B, S, D)
        self.assertAllEqual(clone(inputs), layer(inputs))

    def test_settings_that_do_not_fit_are_refused(self):
        with self.assertRaisesRegex(ValueError, "model_dim=26, num_heads=7"):
            encoder.Encoder(L, 26, 7, F)
        with self.assertRaisesRegex(ValueError, "Unknown `normalization`"):
            encoder.Encoder(L, D, H, F, normalization="none")
        with self.assertRaisesRegex(ValueError, "`dropout`.*Received: 1.0"):
            encoder.Encoder(L, D, H, F, dropout=1.0)


if __name__ == "__main__":
    tf.test.main()
