"""Flags of the user replace the settings of a stage."""

import pytest

from trainers.recipes import recipe


def test_a_stage_has_settings_of_training_and_of_the_architecture():
    stage = recipe.Stage("a", {"steps": 7, "dropout": 0.3, "optimizer": "lion"})
    assert stage.split(frozenset()) == (
        {"steps": 7, "optimizer": "lion"},
        {"dropout": 0.3},
    )
    assert stage.split(frozenset(["steps", "dropout"])) == (
        {"optimizer": "lion"},
        {},
    )


@pytest.mark.parametrize(
    "stages",
    [
        [recipe.Stage("a", {}), recipe.Stage("a", {})],
        [recipe.Stage("a", {}, initial="a")],
        [recipe.Stage("a", {}), recipe.Stage("b", {}, teachers=("a", "c"))],
        [recipe.Stage("a", {}, initial="b"), recipe.Stage("b", {})],
    ],
)
def test_a_stage_names_stages_before_it(stages):
    with pytest.raises(ValueError, match="name stages before them"):
        recipe.Recipe("", tuple(stages))
