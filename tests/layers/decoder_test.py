"""The decoder must be figure 1, right, and the same step by step.

B batch   T target length   S source length   D model_dim   H heads
F feed_forward_dim   L layers
"""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from keras_transformer.layers import decoder
from tests import reference

B, T, S, H, D, F, L = 3, 5, 7, 13, 26, 11, 2
# Lengths 5, 3 and 1 of the target, 4, 7 and 2 of the memory.
MASK = np.arange(T) < np.array([[5], [3], [1]])
MEMORY_MASK = np.arange(S) < np.array([[4], [7], [2]])


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
        decoder.Decoder(L, D, H, F, dropout, normalization, **kwargs)
    )


class DecoderBlockTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        keras.utils.set_random_seed(1)

    @parameterized.parameters("pre", "post")
    def test_equals_the_loops_of_the_reference(self, normalization):
        block = with_random_norms(
            decoder.DecoderBlock(D, H, F, normalization=normalization)
        )
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
                H,
                normalization,
            )
            self.assertAllClose(output[b], expected[0], rtol=1e-5, atol=1e-5)
            self.assertAllClose(scores[b], expected[1], rtol=0, atol=1e-5)
            self.assertAllClose(cross_scores[b], expected[2], rtol=0, atol=1e-5)

    @parameterized.parameters(
        "self_attention", "cross_attention", "feed_forward"
    )
    def test_dropout_acts_on_every_sublayer(self, name):
        block = decoder.DecoderBlock(D, H, F, dropout=0.5)
        block.build()
        # The other two end in zeros, of which there is nothing to drop.
        for weight in block.trainable_weights:
            is_last = (
                "output_kernel" in weight.path or "contract" in weight.path
            )
            if is_last and f"/{name}/" not in weight.path:
                weight.assign(tf.zeros(weight.shape))
        inputs, memory = random(B, T, D), random(B, S, D, seed=1)
        self.assertNotAllClose(
            block(inputs, memory, training=True), block(inputs, memory)
        )

    @parameterized.parameters("pre", "post")
    def test_steps_equal_the_call(self, normalization):
        block = with_random_norms(
            decoder.DecoderBlock(D, H, F, normalization=normalization)
        )
        inputs, memory = random(B, T, D), random(B, S, D, seed=1)
        expected = block(inputs, memory, memory_mask=MEMORY_MASK)
        state = block.start(memory, T)
        for t in range(T):
            output, state = block.step(
                inputs[:, t : t + 1], t, state, MEMORY_MASK
            )
            self.assertAllClose(
                output[:, 0], expected[:, t], rtol=1e-5, atol=1e-5
            )

    def test_config_makes_the_same_layer(self):
        block = decoder.DecoderBlock(D, H, F, 0.2, "post", name="one")
        clone = decoder.DecoderBlock.from_config(block.get_config())
        self.assertEqual(clone.get_config(), block.get_config())
        inputs, memory = random(B, T, D), random(B, S, D, seed=1)
        block.build()
        clone.build()
        clone.set_weights(block.get_weights())
        self.assertAllEqual(clone(inputs, memory), block(inputs, memory))


class DecoderTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        keras.utils.set_random_seed(1)
        self.inputs = random(B, T, D)
        self.memory = random(B, S, D, seed=1)

    def call(self, layer, **kwargs):
        return layer(
            self.inputs,
            self.memory,
            inputs_mask=MASK,
            memory_mask=MEMORY_MASK,
            **kwargs,
        )

    @parameterized.parameters("pre", "post")
    def test_is_its_blocks_in_order_and_the_last_norm_of_pre(
        self, normalization
    ):
        layer = make(normalization)
        output, scores, cross_scores = self.call(
            layer, return_attention_scores=True
        )
        self.assertEqual(scores.shape, (B, L, H, T, T))
        self.assertEqual(cross_scores.shape, (B, L, H, T, S))
        weights = reference.weights_of(layer)
        for b in range(B):
            x = self.inputs[b]
            for i in range(L):
                x, expected, expected_cross = reference.decoder_block(
                    x,
                    self.memory[b],
                    MASK[b],
                    MEMORY_MASK[b],
                    reference.below(weights, f"block_{i + 1}"),
                    H,
                    normalization,
                )
                self.assertAllClose(scores[b, i], expected, rtol=0, atol=1e-5)
                self.assertAllClose(
                    cross_scores[b, i], expected_cross, rtol=0, atol=1e-5
                )
            if normalization == "pre":
                x = reference.layer_norm(
                    x, reference.below(weights, "final_norm")
                )
            self.assertAllClose(output[b], x, rtol=1e-5, atol=1e-5)
        self.assertAllEqual(self.call(layer), output)

    @parameterized.parameters("pre", "post")
    def test_number_of_parameters(self, normalization):
        block = 8 * D**2 + (D * F + F + F * D + D) + 3 * 2 * D
        last = 2 * D if normalization == "pre" else 0
        self.assertEqual(
            sum(
                np.prod(w.shape) for w in make(normalization).trainable_weights
            ),
            L * block + last,
        )

    @parameterized.parameters("pre", "post")
    def test_no_gradient_from_the_future(self, normalization):
        layer = make(normalization)
        inputs = tf.constant(self.inputs)
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(inputs)
            # A power, since the sum of a normalised row is constant.
            outputs = tf.unstack(layer(inputs, self.memory) ** 3, axis=1)
        for t, output in enumerate(outputs):
            gradient = tape.gradient(output, inputs).numpy()
            self.assertAllEqual(
                gradient[:, t + 1 :], np.zeros((B, T - t - 1, D))
            )
            largest = np.abs(gradient[:, : t + 1]).max(axis=-1)
            self.assertGreater(largest.min(), 0)

    def test_no_gradient_from_padding(self):
        layer = make()
        inputs, memory = tf.constant(self.inputs), tf.constant(self.memory)
        with tf.GradientTape() as tape:
            tape.watch([inputs, memory])
            outputs = layer(
                inputs, memory, inputs_mask=MASK, memory_mask=MEMORY_MASK
            )
            loss = tf.reduce_sum(tf.boolean_mask(outputs, MASK) ** 3)
        gradients = tape.gradient(loss, [inputs, memory])
        for gradient, mask in zip(gradients, (MASK, MEMORY_MASK), strict=True):
            gradient = gradient.numpy()
            self.assertAllEqual(gradient[~mask], np.zeros((np.sum(~mask), D)))
            self.assertGreater(np.abs(gradient[mask]).max(-1).min(), 0)

    @parameterized.parameters("pre", "post")
    def test_steps_equal_the_call(self, normalization):
        layer = make(normalization)
        expected = layer(self.inputs, self.memory, memory_mask=MEMORY_MASK)
        # Room for more steps than are taken must not matter.
        for room in (T, T + 6):
            state = layer.start(self.memory, room)
            for t in range(T):
                output, state = layer.step(
                    self.inputs[:, t : t + 1], t, state, MEMORY_MASK
                )
                self.assertEqual(output.shape, (B, 1, D))
                self.assertAllClose(
                    output[:, 0], expected[:, t], rtol=1e-5, atol=1e-5
                )

    def test_steps_equal_the_call_in_a_graph_of_unknown_sizes(self):
        layer = make()

        @tf.function(
            input_signature=[
                tf.TensorSpec([None, None, D]),
                tf.TensorSpec([None, None, D]),
                tf.TensorSpec([None, None], tf.bool),
            ]
        )
        def decode(inputs, memory, memory_mask):
            length = tf.shape(inputs)[1]
            state = layer.start(memory, length)
            outputs = tf.TensorArray(tf.float32, length)
            for t in tf.range(length):
                output, state = layer.step(
                    inputs[:, t][:, None], t, state, memory_mask
                )
                outputs = outputs.write(t, output[:, 0])
            return tf.transpose(outputs.stack(), [1, 0, 2])

        self.assertAllClose(
            decode(self.inputs, self.memory, MEMORY_MASK),
            layer(self.inputs, self.memory, memory_mask=MEMORY_MASK),
            rtol=1e-5,
            atol=1e-5,
        )

    def test_a_state_is_a_value_with_the_batch_first(self):
        layer = make()
        states = [layer.start(self.memory, T)]
        for t in range(2):
            _, state = layer.step(
                self.inputs[:, t : t + 1], t, states[-1], MEMORY_MASK
            )
            states.append(state)
        for state in states:
            tf.nest.assert_same_structure(state, states[0])
            for tensor, first in zip(
                tf.nest.flatten(state), tf.nest.flatten(states[0]), strict=True
            ):
                self.assertEqual(tensor.shape[0], B)
                self.assertEqual(tensor.shape, first.shape)
                self.assertEqual(tensor.dtype, first.dtype)
        # Two steps on, the first state is as it was.
        self.assertAllEqual(states[0][0]["key"], np.zeros((B, T, H, D // H)))
        self.assertGreater(np.abs(states[2][0]["key"]).max(), 0)
        # The same step from the same state is the same step.
        again, _ = layer.step(self.inputs[:, 1:2], 1, states[1], MEMORY_MASK)
        once, _ = layer.step(self.inputs[:, 1:2], 1, states[1], MEMORY_MASK)
        self.assertAllEqual(again, once)
        # Rows of the state are the rows' own: another order, same numbers.
        order = [2, 0, 1]
        shuffled, _ = layer.step(
            self.inputs[order, 2:3],
            2,
            tf.nest.map_structure(lambda x: tf.gather(x, order), states[2]),
            MEMORY_MASK[order],
        )
        straight, _ = layer.step(self.inputs[:, 2:3], 2, states[2], MEMORY_MASK)
        self.assertAllClose(
            shuffled, straight.numpy()[order], rtol=0, atol=1e-6
        )

    def test_masks_of_embeddings_arrive_by_themselves(self):
        layer = make()
        embed = keras.layers.Embedding(17, D, mask_zero=True)
        # Real after padding, since behind a row's end causality hides all.
        mask = MASK[:, ::-1]
        inputs = embed(np.where(mask, np.arange(1, T + 1), 0))
        memory = embed(np.where(MEMORY_MASK, np.arange(1, S + 1), 0))
        bare = tf.constant(inputs.numpy()), tf.constant(memory.numpy())
        expected = layer(*bare, inputs_mask=mask, memory_mask=MEMORY_MASK)
        self.assertAllEqual(layer(inputs, memory), expected)
        self.assertNotAllClose(layer(*bare, inputs_mask=mask), expected)
        self.assertNotAllClose(layer(*bare, memory_mask=MEMORY_MASK), expected)

    def test_functional_model(self):
        inputs = keras.Input((None, D))
        memory = keras.Input((None, D))
        layer = decoder.Decoder(L, D, H, F)
        model = keras.Model([inputs, memory], layer(inputs, memory))
        self.assertEqual(model.output_shape, (None, None, D))
        self.assertAllClose(
            model([self.inputs, self.memory]),
            layer(self.inputs, self.memory),
            rtol=0,
            atol=1e-6,
        )

    def test_dropout_acts_in_training_alone(self):
        layer = make(dropout=0.5)
        self.assertAllEqual(self.call(layer), self.call(layer, training=False))
        first = self.call(layer, training=True)
        self.assertNotAllClose(first, self.call(layer))
        self.assertNotAllClose(first, self.call(layer, training=True))

    @parameterized.parameters(
        # Roundings of 2^-11 and 2^-8 in some dozen operations.
        ("mixed_float16", 0.01),
        ("mixed_bfloat16", 0.08),
    )
    def test_mixed_precision(self, policy, tolerance):
        layer = make(dtype=policy)
        output, scores, cross_scores = self.call(
            layer, return_attention_scores=True
        )
        self.assertEqual(output.dtype, policy.removeprefix("mixed_"))
        self.assertTrue(np.all(np.isfinite(tf.cast(output, "float32"))))
        for some in (scores, cross_scores):
            self.assertEqual(some.dtype, "float32")
            self.assertAllClose(
                tf.reduce_sum(some, -1),
                np.ones((B, L, H, T)),
                rtol=0,
                atol=1e-6,
            )
        block = layer.blocks[1]
        for part in (
            block,
            block.self_attention,
            block.self_attention_residual,
            block.cross_attention,
            block.cross_attention_residual,
            block.feed_forward,
            block.feed_forward_residual,
            layer.final_norm,
        ):
            self.assertEqual(part.dtype_policy.name, policy, part.name)
        exact = make()
        exact.set_weights(
            [w for w in layer.get_weights() if w.dtype == "float32"]
            + exact.get_weights()[len(layer.trainable_weights) :]
        )
        self.assertAllClose(
            tf.cast(output, "float32"),
            self.call(exact),
            rtol=tolerance,
            atol=tolerance,
        )
        # A step does not pass through `__call__`, where Keras would cast.
        compute = layer.compute_dtype
        state = layer.start(tf.cast(self.memory, compute), T)
        step, new_state = layer.step(
            tf.cast(self.inputs[:, :1], compute), 0, state, MEMORY_MASK
        )
        self.assertEqual(step.dtype, compute)
        for tensor in tf.nest.flatten((state, new_state)):
            self.assertEqual(tensor.dtype, compute)
        self.assertAllClose(
            tf.cast(step[:, 0], "float32"),
            tf.cast(output[:, 0], "float32"),
            rtol=tolerance,
            atol=tolerance,
        )

    @parameterized.parameters("pre", "post")
    def test_config_makes_the_same_layer(self, normalization):
        layer = make(normalization, name="writer")
        clone = decoder.Decoder.from_config(layer.get_config())
        self.assertEqual(clone.get_config(), layer.get_config())
        clone.build()
        clone.set_weights(layer.get_weights())
        self.assertAllEqual(self.call(clone), self.call(layer))

    def test_settings_that_do_not_fit_are_refused(self):
        with self.assertRaisesRegex(ValueError, "model_dim=26, num_heads=7"):
            decoder.Decoder(L, 26, 7, F)
        with self.assertRaisesRegex(ValueError, "Unknown `normalization`"):
            decoder.Decoder(L, D, H, F, normalization="none")
        with self.assertRaisesRegex(ValueError, "`dropout`.*Received: 1.0"):
            decoder.Decoder(L, D, H, F, dropout=1.0)


if __name__ == "__main__":
    tf.test.main()
