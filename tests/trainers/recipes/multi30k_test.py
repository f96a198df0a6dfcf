"""The recipes of Multi30k: both directions first, then one, then a student."""

import pytest

from trainers.recipes import multi30k

SIZES = {"preset", "feed_forward_dim", "num_heads", "vocabulary_size"}


@pytest.mark.parametrize("recipe", (multi30k.RECIPE, multi30k.ONE_HOUR))
def test_stages_without_new_weights_go_on_with_a_model(recipe):
    assert recipe.stages[0].initial is None
    for stage in recipe.stages:
        if stage.initial is None:
            assert set(stage.settings) >= SIZES
            assert len(stage.settings["direction_tags"]) == 2
        else:
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


def test_two_teachers_that_differ_in_their_seeds_only():
    both, first, again, second, student = multi30k.RECIPE.stages
    assert student.initial == first.name
    assert student.teachers == (first.name, second.name)
    assert (first.initial, second.initial) == (both.name, again.name)
    assert first.settings == second.settings
    assert both.settings == again.settings
    assert both.seed == first.seed != again.seed == second.seed
