"""The recipes of Multi30k: both directions first, then one, then a student."""

import pytest

from trainers.recipes import multi30k

SIZES = {"preset", "feed_forward_dim", "num_heads", "vocabulary_size"}


@pytest.mark.parametrize("recipe", (multi30k.RECIPE, multi30k.ONE_HOUR))
def test_later_stages_go_on_with_the_model_of_the_first(recipe):
    both, *others = recipe.stages
    assert set(both.settings) >= SIZES
    assert len(both.settings["direction_tags"]) == 2
    for stage in others:
        assert not SIZES & set(stage.settings)
        assert "direction_tags" not in stage.settings


def test_the_long_recipe_begins_as_the_short_one():
    first, one = multi30k.ONE_HOUR.stages
    assert multi30k.RECIPE.stages[0] == first
    assert multi30k.RECIPE.stages[1].settings == one.settings


def test_hypotheses_are_compared():
    for recipe in (multi30k.RECIPE, multi30k.ONE_HOUR):
        for stage in recipe.stages:
            assert stage.settings["minimum_risk"] == 5


def test_two_different_teachers():
    _, first, second, student = multi30k.RECIPE.stages
    assert student.teachers == (first.name, second.name)
    assert first.settings["dropout"] == second.settings["dropout"]
    assert first.seed != second.seed
    assert second.initial == "both"
