"""Parts must be described and copied, never shared."""

import json

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from keras_transformer import layers
from keras_transformer.layers import templates
from tests.layers import kinds
from tests.layers.kinds import D, H, random

# One of each that a stack is given.
PARTS = {
    "attention": lambda: layers.MultiHeadAttention(
        D, H, 2, use_bias=True, positions=layers.RelativePositions(3)
    ),
    "feed_forward": lambda: layers.GatedFeedForward(D, 11, "gelu"),
    "layer_norm": lambda: keras.layers.LayerNormalization(epsilon=1e-5),
    "rms_norm": lambda: keras.layers.RMSNormalization(epsilon=0.1),
    "sinusoids": lambda: layers.SinusoidalPositions("fairseq"),
    "learned": lambda: layers.LearnedPositions(7),
}


class PartsTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(*PARTS)
    def test_a_copy_has_the_settings_and_weights_of_its_own(self, name):
        part = PARTS[name]()
        copy = templates.copy_of(part, name="copy")
        self.assertIs(type(copy), type(part))
        self.assertEqual(copy.name, "copy")
        self.assertEqual(
            {**copy.get_config(), "name": part.name}, part.get_config()
        )
        inputs = random(2, 5, D)
        part(inputs)
        copy(inputs)
        self.assertEqual(
            [w.shape for w in copy.weights], [w.shape for w in part.weights]
        )
        for new, old in zip(copy.weights, part.weights, strict=True):
            self.assertIsNot(new, old)
        copy.set_weights(part.get_weights())
        self.assertAllEqual(copy(inputs), part(inputs))

    @parameterized.parameters(*PARTS)
    def test_a_description_is_json_and_as_good_as_the_part(self, name):
        part = PARTS[name]()
        settings = templates.settings_of(part)
        self.assertEqual(json.loads(json.dumps(settings)), settings)
        self.assertEqual(templates.settings_of(settings), settings)
        self.assertEqual(
            templates.copy_of(settings).get_config(),
            templates.copy_of(part).get_config(),
        )
        # A layer that was used is a part like any other.
        inputs = random(2, 5, D)
        part(inputs)
        copy = templates.copy_of(part)
        copy(inputs)
        self.assertEqual(copy.get_config(), part.get_config())

    def test_changes_replace_settings_of_the_copy_alone(self):
        part = PARTS["attention"]()
        copy = templates.copy_of(part, positions=None, dtype="mixed_bfloat16")
        self.assertIsNone(copy.positions)
        self.assertEqual(copy.dtype_policy.name, "mixed_bfloat16")
        self.assertIsInstance(part.positions, layers.RelativePositions)
        self.assertEqual(part.dtype_policy.name, "float32")

    def test_copies_start_differently(self):
        part = PARTS["feed_forward"]()
        one, other = templates.copy_of(part), templates.copy_of(part)
        one.build()
        other.build()
        self.assertNotAllClose(one.gate.kernel, other.gate.kernel)

    def test_no_part_is_none(self):
        self.assertIsNone(templates.settings_of(None))

    @parameterized.parameters(
        "layer", 3, ({},), keras.layers.LayerNormalization
    )
    def test_what_is_no_layer_is_refused(self, part):
        with self.assertRaisesRegex(
            ValueError, r"must be a Keras layer. Received: .*Give an instance"
        ):
            templates.settings_of(part)

    def test_one_setting_of_a_part(self):
        part = PARTS["attention"]()
        for given in (part, templates.settings_of(part)):
            self.assertEqual(templates.setting(given, "model_dim"), D)
            self.assertEqual(templates.setting(given, "num_key_value_heads"), 2)
        with self.assertRaisesRegex(
            ValueError, "with a 'model_dim' is expected here. Received: Dense"
        ):
            templates.setting(keras.layers.Dense(3), "model_dim")

    def test_shared_model_dim(self):
        attention = layers.MultiHeadAttention(24, 6)
        self.assertEqual(
            templates.shared_model_dim(attention, layers.FeedForward(24, 11)),
            24,
        )
        with self.assertRaisesRegex(
            ValueError, "same model_dim.*attention 24, feed-forward 26"
        ):
            templates.shared_model_dim(attention, layers.FeedForward(26, 11))

    def test_an_attention_says_what_it_is_between_sequences(self):
        part = PARTS["attention"]()
        for given in (part, templates.settings_of(part)):
            between = templates.between_sequences(given)
            config = templates.settings_of(between)["config"]
            self.assertEqual(config, {**part.get_config(), "positions": None})
        # What says nothing is used as it is, whatever its arguments are.
        part = layers.Encoder(
            2,
            part,
            PARTS["feed_forward"](),
            positions=layers.SinusoidalPositions(),
        )
        for given in (part, templates.settings_of(part)):
            self.assertIs(templates.between_sequences(given), given)

    def test_a_class_that_keras_cannot_find_is_refused(self):
        class Unknown(layers.FeedForward):
            pass

        with self.assertRaisesRegex(
            ValueError, "Unknown cannot be.*register_keras_serializable"
        ):
            templates.copy_of(Unknown(D, 11))

    def test_a_layer_of_ones_own_is_a_part(self):
        # Anything with a model_dim that maps (B, T, D) to (B, T, D).
        @keras.saving.register_keras_serializable("parts_test")
        class Doubling(keras.layers.Layer):
            def __init__(self, model_dim, **kwargs):
                super().__init__(**kwargs)
                self.model_dim = model_dim

            def build(self, inputs_shape=None):
                self.built = True

            def call(self, inputs):
                return 2 * inputs

            def get_config(self):
                return {**super().get_config(), "model_dim": self.model_dim}

        block = layers.EncoderBlock(
            layers.MultiHeadAttention(D, H), Doubling(D), dropout=0.0
        )
        block.build()
        # An attention that says nothing leaves x + 2 norm(x).
        for weight in block.attention.weights:
            weight.assign(tf.zeros(weight.shape))
        inputs = random(2, 5, D)
        normed = keras.layers.LayerNormalization(epsilon=1e-6)(inputs)
        self.assertAllClose(
            block(inputs), inputs + 2 * normed, rtol=0, atol=1e-6
        )
        kinds.clones_alike(self, block, lambda block: block(inputs))
        self.assertGreater(np.abs(block(inputs) - inputs).max(), 1)


if __name__ == "__main__":
    tf.test.main()
