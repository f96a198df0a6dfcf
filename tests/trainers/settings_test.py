"""Every setting of a run, and of its architecture, is a flag."""

import dataclasses

import pytest
from absl import flags

from keras_transformer.models import TransformerConfig
from trainers import settings, settings_flags


class TestSettings:
    @pytest.fixture(autouse=True)
    def set_up(self):
        self.values = flags.FlagValues()
        for kind in (settings.TrainingSettings, settings.Overrides):
            settings_flags.define(kind, self.values)

    def test_every_field_is_a_flag(self):
        names = {
            field.name
            for kind in (settings.TrainingSettings, TransformerConfig)
            for field in dataclasses.fields(kind)
        }
        # The trainer computes this field from the flags of a recipe.
        assert names - set(self.values) == {"replaces_recipe"}

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
        assert training == settings.TrainingSettings(
            train_source=["a", "b"], train_target=["c", "d"], seed=5
        )
        overrides = settings_flags.read(settings.Overrides, self.values)
        assert settings_flags.specified(overrides) == {
            "model_dim": 6,
            "dropout": 0.3,
        }

    def test_unknown_flags_fail(self):
        with pytest.raises(flags.UnrecognizedFlagError):
            self.values(["program", "--beam_sise=3"])
