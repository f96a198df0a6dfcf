"""Flags and their checks."""

import dataclasses
import unittest

from absl import flags
from absl.testing import parameterized

from keras_transformer.models import TransformerConfig
from trainers import settings


class SettingsTest(parameterized.TestCase):
    @parameterized.parameters(
        ({"train_source": ["a"]}, "go together.*train_source=.'a'."),
        ({"dev_target": ["b"]}, "--dev_source and --dev_target go together"),
        (
            {"train_tsv": ["t"], "train_source": ["a"], "train_target": ["b"]},
            "Give the training data once",
        ),
        ({"dev_tsv": ["t"]}, "Development data without training data"),
        (
            {
                "train_tsv": ["t"],
                "dev_tsv": ["t"],
                "dev_source": ["a"],
                "dev_target": ["b"],
            },
            "Give the development data once",
        ),
        ({"preset": "huge"}, "Unknown preset. Received: 'huge'.*tiny"),
        ({"epochs": 3, "steps": 5}, "epochs=3, steps=5. Give one"),
        ({"precision": "float8"}, "Received: 'float8'.*mixed_bfloat16"),
        ({"tokens_per_batch": 0}, "--tokens_per_batch must be positive"),
        ({"steps": -2}, "--steps must be positive. Received: -2"),
        (
            {"convention": "bert"},
            "Unknown convention.*'bert'.*fairseq, opennmt",
        ),
        ({"smoothing_over": "most"}, "--smoothing_over.*'most'.*all, others"),
        (
            {"length_penalty_form": "mean"},
            "--length_penalty_form.*'mean'.*gnmt, average",
        ),
        ({"length_penalty": -1.0}, "--length_penalty must not be.*-1.0"),
    )
    def test_contradictions(self, values, message):
        with self.assertRaisesRegex(ValueError, message):
            settings.check(settings.TrainingSettings(**values))

    def test_defaults_are_consistent(self):
        settings.check(settings.TrainingSettings())
        self.assertTrue(settings.TrainingSettings().is_built_in)

    def test_every_field_is_a_flag(self):
        values = flags.FlagValues()
        settings.define_flags(values)
        names = {
            field.name
            for kind in (settings.TrainingSettings, TransformerConfig)
            for field in dataclasses.fields(kind)
        }
        self.assertLessEqual(names, set(values))
        values(
            [
                "program",
                "--train_source=a,b",
                "--train_target=c,d",
                "--model_dim=6",
                "--dropout=0.3",
                "--seed=5",
            ]
        )
        found, overrides = settings.from_flags(values)
        self.assertEqual(found.train_source, ["a", "b"])
        self.assertEqual(found.train_target, ["c", "d"])
        self.assertEqual(found.dev_source, [])
        self.assertEqual(found.seed, 5)
        self.assertEqual(overrides, {"model_dim": 6, "dropout": 0.3})

    def test_unknown_flags_fail(self):
        values = flags.FlagValues()
        settings.define_flags(values)
        with self.assertRaises(flags.UnrecognizedFlagError):
            values(["program", "--beam_sise=3"])


if __name__ == "__main__":
    unittest.main()
