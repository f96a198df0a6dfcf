"""Stages give way to what the user asks for."""

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
