"""A run can continue to another end; most settings must stay the same."""

import dataclasses

import pytest

from keras_transformer.runs import run_directory
from trainers import continuing, settings

SETTINGS = settings.TrainingSettings(
    steps=12,
    evaluation_interval=4,
    warmup_steps=3,
    average_checkpoints=2,
    tokenize="13a",
)


def run_of_12_steps(path, has_ended=False, **values):
    """Returns the `ExistingRun` of a run of 12 steps."""
    directory = run_directory.RunDirectory(path)
    directory.write_config(
        {"settings": {**dataclasses.asdict(SETTINGS), **values}}
    )
    if has_ended:
        directory.metrics.write_text("{}")
    return continuing.ExistingRun(directory)


def ending(steps, **values):
    return dataclasses.replace(SETTINGS, steps=steps, **values)


def test_no_run(tmp_path):
    run = continuing.ExistingRun(run_directory.RunDirectory(tmp_path))
    assert run.settings == {}
    assert run.is_new_or_changed(SETTINGS)
    assert not run.is_complete(SETTINGS)
    run.check(SETTINGS, 0)


def test_the_same_run(tmp_path):
    run = run_of_12_steps(tmp_path)
    assert not run.is_new_or_changed(SETTINGS)
    assert not run.is_complete(SETTINGS)
    run.check(SETTINGS, 8)
    run = run_of_12_steps(tmp_path, has_ended=True)
    assert run.is_complete(SETTINGS)
    # A complete run needs no checkpoint, so step 0 is accepted.
    run.check(SETTINGS, 0)


def test_a_run_whose_weights_are_used_keeps_its_end(tmp_path):
    message = "which has 12 steps. Received: a length of 13 steps"
    for has_ended in (False, True):
        run = run_of_12_steps(tmp_path, has_ended)
        run.check_end(ending(12))
        with pytest.raises(ValueError, match=message):
            run.check_end(ending(13))
    continuing.ExistingRun(
        run_directory.RunDirectory(tmp_path / "new")
    ).check_end(SETTINGS)


@pytest.mark.parametrize(
    ("values", "may_change"),
    [
        ({}, True),
        ({"schedule": "cosine"}, False),
        ({"cooldown_steps": 3}, False),
    ],
)
def test_a_rate_that_depends_on_the_end_fixes_it(tmp_path, values, may_change):
    run = run_of_12_steps(tmp_path, **values)
    if may_change:
        run.check_same({"settings": {"steps": 20}})
    else:
        with pytest.raises(ValueError, match="steps: 12 there, 20 now"):
            run.check_same({"settings": {"steps": 20}})


@pytest.mark.parametrize("has_ended", [False, True])
def test_a_longer_run(tmp_path, has_ended, caplog):
    run = run_of_12_steps(tmp_path, has_ended)
    longer = ending(20)
    assert run.is_new_or_changed(longer)
    assert not run.is_complete(longer)
    with caplog.at_level("INFO", "trainers"):
        run.check(longer, 12)
    assert (
        "after 20 steps instead of 12. These settings stay the same: "
        "evaluation_interval=4, warmup_steps=3, average_checkpoints=2."
        in caplog.text
    )


def test_a_shorter_run(tmp_path):
    run = run_of_12_steps(tmp_path)
    run.check(ending(8), 8)
    message = "of 9 steps so far. Received: an end after 8 .* Give --steps=9 or"
    with pytest.raises(ValueError, match=message):
        run.check(ending(8), 9)


def test_measured_otherwise(tmp_path):
    run = run_of_12_steps(tmp_path, has_ended=True)
    chinese = ending(12, target_language="zh", tokenize="zh")
    assert run.is_new_or_changed(chinese)
    assert not run.is_complete(chinese)
    run.check(chinese, 12)


@pytest.mark.parametrize("steps, tokenize", [(20, "13a"), (12, "zh")])
def test_the_checkpoints_are_gone(tmp_path, steps, tokenize):
    run = run_of_12_steps(tmp_path, has_ended=True)
    with pytest.raises(
        ValueError, match="12 steps, but its.* of step 0. The run"
    ):
        run.check(ending(steps, tokenize=tokenize), 0)


def test_no_whole_executions(tmp_path):
    run = run_of_12_steps(tmp_path)
    with pytest.raises(ValueError, match="12 steps.*=5. Give a divisor of 12"):
        run.check(ending(20, steps_per_execution=5), 12)


CONFIG = {
    "architecture": {"model_dim": 6},
    "settings": {"seed": 1, "strategy": "none", "devices": []},
    "data": {"sha256": "abc"},
}


@pytest.fixture
def begun(tmp_path):
    directory = run_directory.RunDirectory(tmp_path)
    directory.write_config(CONFIG)
    return continuing.ExistingRun(directory)


def test_differences_are_named(begun):
    begun.check_same(CONFIG)
    other = {
        **CONFIG,
        "architecture": {"model_dim": 10},
        "settings": {**CONFIG["settings"], "seed": 2},
    }
    with pytest.raises(
        ValueError,
        match="architecture.model_dim: 6 there, 10 now; "
        "settings.seed: 1 there, 2 now",
    ):
        begun.check_same(other)


def test_the_place_and_the_end_may_change(begun):
    settings = {
        "seed": 1,
        "strategy": "mirrored",
        "devices": ["GPU:0"],
        "steps": 20,
        "tokenize": "zh",
    }
    begun.check_same({**CONFIG, "settings": settings})


def test_only_what_is_named_is_compared(begun):
    begun.check_same({"settings": {"seed": 1}})
    with pytest.raises(ValueError, match="settings.seed: 1 there, 2"):
        begun.check_same({"settings": {"seed": 2}})
