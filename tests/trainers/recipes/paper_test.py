"""The recipes of the paper have its numbers."""

import keras_transformer as kt
from trainers.recipes import paper


def test_numbers_of_sections_5_and_6():
    for recipe, preset, steps, averaged in (
        (paper.BASE, "base", 100_000, 5),
        (paper.BIG, "big", 300_000, 20),
    ):
        [stage] = recipe.stages
        assert stage.settings["preset"] == preset
        assert stage.settings["steps"] == steps
        assert stage.settings["average_checkpoints"] == averaged
        assert stage.settings["tokens_per_batch"] == 25_000
        size = kt.PRESETS[preset].vocabulary_size
        assert stage.settings["vocabulary_size"] == size == 37_000
