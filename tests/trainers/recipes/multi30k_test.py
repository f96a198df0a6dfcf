"""The recipes of Multi30k: two stages, and the same shares of them."""

import pytest

from trainers.recipes import multi30k

SIZES = {"preset", "feed_forward_dim", "num_heads", "vocabulary_size"}


@pytest.mark.parametrize("recipe", (multi30k.RECIPE, multi30k.ONE_HOUR))
def test_the_second_stage_goes_on_with_the_model_of_the_first(recipe):
    both, one = recipe.stages
    assert set(both.settings) >= SIZES
    assert not SIZES & set(one.settings)
    assert len(both.settings["direction_tags"]) == 2
    assert "direction_tags" not in one.settings


def test_an_hour_is_a_third_of_three():
    for short, long in zip(
        multi30k.ONE_HOUR.stages, multi30k.RECIPE.stages, strict=True
    ):
        for name in ("steps", "cooldown_steps"):
            if name in short.settings:
                assert 3 * short.settings[name] == long.settings[name]
