"""Every preset must be the model it says, to the last parameter."""

import dataclasses
import inspect

import keras
import tensorflow as tf
from absl.testing import parameterized

from keras_transformer.models import config, transformer

# By hand, of D = model_dim, F = feed_forward_dim, V, N layers on each side:
# V D + N (4 D^2 + 4 D) + N (8 D^2 + 6 D) + 2 N (2 D F + F + D), and 4 D for
# the two last norms of pre-normalization.
PARAMETERS = {
    "demo": 1_115_136,
    "tiny": 2_343_424,
    "small": 7_569_408,
    # The paper says 65 and 213 million.
    "base": 63_045_632,
    "big": 214_171_648,
}


class ConfigTest(tf.test.TestCase, parameterized.TestCase):
    def tearDown(self):
        # Forgets variables that were described but never filled.
        keras.utils.clear_session()
        super().tearDown()

    def test_every_preset_is_in_the_table(self):
        self.assertEqual(set(PARAMETERS), set(config.PRESETS))

    @parameterized.parameters(*PARAMETERS.items())
    def test_number_of_parameters(self, name, expected):
        # In this scope variables have a shape and no memory.
        with keras.StatelessScope(initialize_variables=False):
            model = transformer.Transformer(
                **dataclasses.asdict(config.PRESETS[name])
            )
        self.assertEqual(model.count_params(), expected)

    def test_base_and_big_are_the_rows_of_table_3(self):
        base, big = config.PRESETS["base"], config.PRESETS["big"]
        for preset, expected in (
            (base, (6, 6, 512, 2048, 8, 0.1)),
            (big, (6, 6, 1024, 4096, 16, 0.3)),
        ):
            self.assertEqual(
                (
                    preset.num_encoder_layers,
                    preset.num_decoder_layers,
                    preset.model_dim,
                    preset.feed_forward_dim,
                    preset.num_heads,
                    preset.dropout,
                ),
                expected,
            )
            self.assertEqual(preset.vocabulary_size, 37000)
            self.assertEqual(preset.normalization, "post")
            self.assertEqual(preset.positions, "paper")

    def test_the_default_is_base(self):
        self.assertEqual(config.TransformerConfig(), config.PRESETS["base"])

    def test_fields_are_arguments_of_the_model_with_the_same_defaults(self):
        arguments = inspect.signature(transformer.Transformer).parameters
        for field in dataclasses.fields(config.TransformerConfig):
            self.assertIn(field.name, arguments)
            if field.name != "vocabulary_size":  # Of the model, required.
                self.assertEqual(
                    field.default, arguments[field.name].default, field.name
                )

    def test_a_config_cannot_be_changed_but_replaced(self):
        tiny = config.PRESETS["tiny"]
        with self.assertRaises(dataclasses.FrozenInstanceError):
            tiny.model_dim = 7
        replaced = dataclasses.replace(tiny, model_dim=44)
        self.assertEqual((replaced.model_dim, tiny.model_dim), (44, 128))


if __name__ == "__main__":
    tf.test.main()
