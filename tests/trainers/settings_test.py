"""Every setting of a run, and of its architecture, is a flag."""

import dataclasses
import unittest

from absl import flags

from keras_transformer.models import TransformerConfig
from trainers import settings, settings_flags


class SettingsTest(unittest.TestCase):
    def setUp(self):
        self.values = flags.FlagValues()
        for kind in (settings.TrainingSettings, settings.Overrides):
            settings_flags.define(kind, self.values)

    def test_every_field_is_a_flag(self):
        names = {
            field.name
            for kind in (settings.TrainingSettings, TransformerConfig)
            for field in dataclasses.fields(kind)
        }
        self.assertLessEqual(names, set(self.values))

    def test_flags_become_settings(self):
        self.values(
            [
                "program",
                "--train_source=a,b",
                "--train_target=c,d",
                "--model_dim=6",
                "--dropout=0.3",
                "--seed=5",
            ]
        )
        training = settings_flags.read(settings.TrainingSettings, self.values)
        self.assertEqual(
            training,
            settings.TrainingSettings(
                train_source=["a", "b"], train_target=["c", "d"], seed=5
            ),
        )
        overrides = settings_flags.read(settings.Overrides, self.values)
        self.assertEqual(
            settings_flags.specified(overrides),
            {"model_dim": 6, "dropout": 0.3},
        )

    def test_unknown_flags_fail(self):
        with self.assertRaises(flags.UnrecognizedFlagError):
            self.values(["program", "--beam_sise=3"])


if __name__ == "__main__":
    unittest.main()
