"""Flags and their checks."""

import dataclasses
import unittest

from absl import flags

from keras_transformer.models import TransformerConfig
from trainers import settings


class SettingsTest(unittest.TestCase):
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
