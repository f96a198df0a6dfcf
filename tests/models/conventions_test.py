"""Every convention must set the same fields, and no two alike."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from keras_transformer import models, search, training
from keras_transformer.models import conventions

NAMES = ("paper", "tensor2tensor", "fairseq", "opennmt", "marian")
V, D, H, F = 37, 26, 2, 11


def build(name, **changes):
    keras.utils.set_random_seed(0)
    config = models.TransformerConfig(V, 1, 1, D, H, F)
    config = models.convention(name).apply(config)
    return models.build_transformer(dataclasses.replace(config, **changes))


class ConventionsTest(tf.test.TestCase, parameterized.TestCase):
    def test_all_five_and_no_two_alike(self):
        self.assertEqual(tuple(conventions.CONVENTIONS), NAMES)
        actual = [
            repr(dataclasses.asdict(c))
            for c in conventions.CONVENTIONS.values()
        ]
        self.assertLen(set(actual), 5)

    @parameterized.parameters(*NAMES)
    def test_each_sets_everything_that_varies(self, name):
        fields = {
            field.name for field in dataclasses.fields(models.TransformerConfig)
        }
        # Sizes, and fields that a user chooses within a system.
        own = {
            "vocabulary_size",
            "target_vocabulary_size",
            "num_encoder_layers",
            "num_decoder_layers",
            "model_dim",
            "num_heads",
            "feed_forward_dim",
            "dropout",
            "tying",
            "pad_id",
        }
        convention = models.convention(name)
        self.assertEqual(set(convention.architecture), fields - own)
        self.assertIn(convention.smoothing_over, training.SMOOTHING_OVER)
        self.assertIn(convention.length_penalty_form, search.LENGTH_PENALTIES)

    @parameterized.parameters(*NAMES)
    def test_sizes_stay(self, name):
        big = models.PRESETS["big"]
        applied = models.convention(name).apply(big)
        self.assertEqual(applied.model_dim, 1024)
        self.assertEqual(applied.dropout, 0.3)

    def test_the_paper_is_the_default(self):
        self.assertEqual(
            models.convention("paper").apply(models.TransformerConfig()),
            models.TransformerConfig(),
        )

    @parameterized.parameters(
        ("paper", 1),
        ("tensor2tensor", 0),
        ("fairseq", 2),
        ("opennmt", 1),
        ("marian", 0),
    )
    def test_what_the_decoder_starts_with(self, name, start_id):
        model = build(name)
        self.assertEqual((model.start_id, model.pad_id), (start_id, 0))
        # A decoder that starts with the padding id reads a zero vector.
        vector = model.target_embedding(np.array([[start_id]]))
        self.assertEqual(np.any(vector), start_id != 0)

    @parameterized.parameters(
        ("paper", 0, 1e-6, 0),
        ("tensor2tensor", 2, 1e-6, 0),
        ("fairseq", 0, 1e-5, 3 * 4 * D),
        ("opennmt", 2, 1e-5, 3 * 4 * D + V),
        ("marian", 0, 1e-5, 3 * 4 * D + V),
    )
    def test_norms_and_biases(self, name, final_norms, epsilon, biases):
        # Besides the biases of the two feed-forward networks.
        model = build(name)
        expected = V * D + 3 * 4 * D**2 + 2 * (2 * D * F + F + D)
        expected += (5 + final_norms) * 2 * D + biases
        self.assertEqual(model.count_params(), expected)
        norm = model.decoder.blocks[0].feed_forward_residual.norm
        self.assertEqual(norm.epsilon, epsilon)

    @parameterized.parameters(
        ("paper", D**-0.5, 1.0),
        ("tensor2tensor", D**-0.5, 1.0),
        ("fairseq", D**-0.5, 0.5**0.5),
        ("opennmt", (2 / (997 + D)) ** 0.5, 1.0),
        ("marian", D**-0.5, 1.0),
    )
    def test_how_weights_start(self, name, deviation, gain):
        model = build(name, vocabulary_size=997)
        embeddings = model.source_embedding.embeddings.numpy()
        # With 25,922 numbers, 2 % are more than four standard errors.
        self.assertAllClose(embeddings.std(), deviation, rtol=0.02)
        weights = {w.path.split("/")[-1]: w.numpy() for w in model.weights}
        limit = (6 / (2 * D)) ** 0.5
        for kernel, factor in (("query", gain), ("output", 1.0)):
            largest = np.abs(weights[f"{kernel}_kernel"]).max()
            self.assertBetween(largest, 0.95 * factor * limit, factor * limit)

    def test_unknown_name_is_refused(self):
        with self.assertRaisesRegex(
            ValueError, "Unknown convention.*'bert'.*paper, tensor2tensor"
        ):
            models.convention("bert")


if __name__ == "__main__":
    tf.test.main()
