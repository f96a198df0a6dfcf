"""A recipe runs and continues its stages; flags replace its settings."""

import dataclasses
import json
import os
import shutil

import numpy as np
import pytest

import keras_transformer as kt
from keras_transformer.training import checkpoint_files
from tests import costs
from tests.trainers import light_training
from tests.trainers.trainer_command import train_here, write_pairs
from trainers import (
    building,
    defaults,
    optimization,
    recipes,
    settings,
    settings_checks,
    staged_run,
)

needs_muon = pytest.mark.skipif(
    not kt.training.optimizers._KERAS_HAS_MUON,
    reason="Muon needs Keras 3.13, which needs Python 3.11.",
)
NAMES = [
    pytest.param(name, marks=needs_muon) if "multi30k" in name else name
    for name in recipes.RECIPES
]
TEXT = settings.TrainingSettings(
    train_tsv=["train"], dev_tsv=["dev"], recipe="multi30k"
)


def stages_of(name, given=frozenset(), **values):
    return [
        staged_run.settings_of(
            stage, dataclasses.replace(TEXT, **values), {}, given
        )
        for stage in staged_run.recipe_of(name).stages
    ]


@pytest.mark.parametrize("name", NAMES)
def test_every_stage_of_every_recipe_is_a_run(name):
    architecture = None
    for training, overrides in stages_of(name):
        if training.consistency != "teacher":
            # The check needs teachers that exist; a test below trains them.
            settings_checks.check(training)
        completed = defaults.with_defaults(training, 300)
        if training.preset is not None:
            architecture = defaults.architecture_of(training, overrides)
        optimization.make_optimizer(completed, architecture)
        # A stage has at least as many checkpoints as it averages.
        evaluations = completed.steps // completed.evaluation_interval
        assert completed.average_checkpoints <= evaluations
        assert completed.warmup_steps < completed.steps


@needs_muon
def test_flags_replace_those_of_the_recipe():
    [first, second] = stages_of(
        "multi30k_one_hour",
        frozenset(["optimizer", "epochs"]),
        optimizer="adam",
        epochs=3,
    )
    assert first[0].steps is second[0].steps is None
    assert first[0].epochs == second[0].epochs == 3
    assert first[0].optimizer == second[0].optimizer == "adam"
    assert second[0].replaces_recipe == ["optimizer", "steps"]
    assert stages_of("multi30k_one_hour")[0][0].replaces_recipe == []


@needs_muon
def test_a_later_stage_has_the_architecture_of_the_first():
    first, *_, last = stages_of(
        "multi30k", frozenset(["preset"]), preset="tiny"
    )
    assert first[0].preset == "tiny"
    assert last[0].preset is None


@pytest.mark.parametrize(
    "given",
    [{"vocabulary": "a.model"}, {"train_shards": ["shards"], "train_tsv": []}],
)
def test_a_vocabulary_that_exists_has_its_size(given):
    [(training, overrides), *_] = stages_of(
        "low_resource", frozenset(given), **given
    )
    assert "vocabulary_size" not in overrides
    assert overrides["dropout"] == 0.3
    assert training.replaces_recipe == ["vocabulary_size"]


def test_an_unknown_recipe_is_refused():
    with pytest.raises(ValueError, match="'wmt'. Expected one of iwslt14"):
        staged_run.recipe_of("wmt")


@pytest.fixture(scope="module", autouse=True)
def light():
    with pytest.MonkeyPatch.context() as patch:
        light_training.finish_light(patch)
        light_training.trace_no_steps(patch)
        yield


@pytest.fixture(scope="module")
def flags(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recipe")
    return [
        *write_pairs(folder, train_size=997, dev_size=13),
        "--recipe=multi30k",
        "--preset=demo",
        # Keras for Python 3.10 has no Muon.
        "--optimizer=adam",
        "--attention_dropout=0.0",
        "--num_encoder_layers=1",
        "--num_decoder_layers=1",
        "--model_dim=32",
        "--vocabulary_size=701",
        "--tokens_per_batch=1024",
        "--max_length=16",
        "--steps=2",
        "--warmup_steps=1",
        "--cooldown_steps=1",
        "--evaluation_interval=1",
        "--average_checkpoints=2",
    ]


@pytest.fixture(scope="module")
def whole(flags, tmp_path_factory):
    """A recipe of five stages that nothing stopped."""
    run = tmp_path_factory.mktemp("runs") / "whole"
    train_here(run, *flags)
    return run


def weights_of(run):
    model = kt.load_translator(run).model
    return [np.array(weight) for weight in model.trainable_weights]


@pytest.mark.training
def test_five_stages_are_an_ordinary_run(whole):
    first, second, third, fourth = (
        whole / "stages" / name
        for name in (
            "1_both",
            "2_first_teacher",
            "3_both_again",
            "4_second_teacher",
        )
    )
    settings = {}
    for run in (first, second, third, fourth, whole):
        assert json.loads((run / "metrics.json").read_text())["steps"] == 2
        settings[run] = json.loads((run / "config.json").read_text())[
            "settings"
        ]
    assert settings[whole]["recipe"] == "multi30k"
    assert settings[second]["initial_model"] == str(first)
    assert settings[third]["initial_model"] is None
    assert settings[third]["vocabulary"] == str(first)
    assert settings[fourth]["initial_model"] == str(third)
    assert settings[whole]["initial_model"] == str(second)
    assert settings[whole]["teacher"] == [str(second), str(fourth)]
    assert [settings[run]["seed"] for run in settings] == [0, 0, 2, 2, 2]
    assert settings[second]["teacher"] == []
    assert settings[whole]["direction_tags"] == []
    assert settings[whole]["replaces_recipe"] == [
        "attention_dropout",
        "average_checkpoints",
        "cooldown_steps",
        "evaluation_interval",
        "max_length",
        "optimizer",
        "steps",
        "tokens_per_batch",
        "warmup_steps",
    ]
    translators = [kt.load_translator(run) for run in settings]
    assert len({each.tokenizer.model for each in translators}) == 1
    assert translators[0].tokenizer.vocabulary_size == 701
    # Only the seeds of these stages differ, so their weights must differ.
    for one, other in ((first, third), (second, fourth)):
        assert any(
            (one != other).any()
            for one, other in zip(
                weights_of(one), weights_of(other), strict=True
            )
        )


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("low_resource", {"ema_momentum": 0.9}, "either a moving average or"),
        ("multi30k_one_hour", {"steps": 500}, "cooldown_steps=700, steps=500"),
        ("multi30k", {"cut_off": 0.1}, "no effect with --recipe=multi30k"),
        ("low_resource", {"teacher": ["a"]}, "no effect with --recipe=low"),
        (
            "low_resource",
            {"consistency": "r_drop", "cut_off": 0.1},
            "no effect with --consistency=r_drop",
        ),
    ],
)
@needs_muon
def test_flags_of_later_stages_are_checked_first(
    name, values, message, tmp_path
):
    asked = dataclasses.replace(TEXT, recipe=name, **values)
    with pytest.raises(ValueError, match=message):
        staged_run.train(asked, {}, frozenset(values), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@needs_muon
def test_flags_of_a_loss_change_the_stages_that_have_it():
    values = {"consistency_weight": 7.0, "consistency_ramp": 3}
    recipe = staged_run.recipe_of("multi30k")
    given = frozenset(values)
    asked = dataclasses.replace(TEXT, **values)
    # The first stages are checked here, and need to be without these flags.
    staged_run.check(recipe.stages, asked, {}, given)
    *others, student = stages_of("multi30k", given, **values)
    for training, _ in others:
        assert training.consistency_weight is None
        assert training.consistency_ramp == 0
    assert student[0].consistency_weight == 7
    assert student[0].consistency_ramp == 3


@needs_muon
@pytest.mark.parametrize("name", ["train_tsv", "dev_tsv"])
def test_several_stages_need_text_that_can_be_read_again(name, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    asked = dataclasses.replace(TEXT, **{name: [str(pipe)]})
    with pytest.raises(ValueError, match="pipe, which can be read once"):
        staged_run.train(asked, {}, frozenset(), tmp_path / "run")


def test_flags_replace_teachers():
    paths = {"first_teacher": "a", "second_teacher": "b"}
    student = staged_run.recipe_of("multi30k").stages[-1]
    for values, expected in (
        ({}, ["a", "b"]),
        ({"teacher": ["c"]}, ["c"]),
        ({"consistency": "simcut"}, []),
    ):
        [*_, (training, _)] = stages_of("multi30k", frozenset(values), **values)
        training = staged_run.with_runs(student, training, paths)
        assert training.teacher == expected
        assert training.initial_model == "a"


@pytest.mark.training
@pytest.mark.parametrize(
    "stopped", costs.grid(["between", "inside"], keep=["inside"])
)
def test_a_stopped_recipe_ends_as_if_it_had_not_been(
    whole, flags, tmp_path, stopped, caplog
):
    run = tmp_path / "run"
    if stopped == "between":
        # All stages but the last are complete; the last has not begun.
        shutil.copytree(whole / "stages", run / "stages")
    else:
        # A kill after the first checkpoint of the last stage, the student,
        # leaves the same files as a whole run without those that came later.
        shutil.copytree(whole, run)
        directory = kt.runs.RunDirectory(run)
        directory.metrics.unlink()
        directory.model.unlink()
        shutil.rmtree(directory.saved_model.parent)
        files = checkpoint_files.CheckpointFiles(directory.checkpoints, 2)
        files.remove(2)
        assert files.good() == [1]
    with caplog.at_level("INFO", "trainers"):
        train_here(run, *flags)
    # The complete stages are at step 2.
    is_inside = stopped == "inside"
    assert ("Continuing at step 1." in caplog.text) == is_inside
    for one, other in zip(weights_of(whole), weights_of(run), strict=True):
        assert (one == other).all()


@pytest.mark.parametrize(
    ("begun", "expected"),
    [([], [False, False]), (["run"], [True, False])],
)
def test_an_end_is_kept_once_a_later_stage_has_begun(
    begun, expected, tmp_path, monkeypatch
):
    kept = []
    monkeypatch.setattr(
        staged_run.run, "train", lambda *_, keeps_end: kept.append(keeps_end)
    )
    for name in begun:
        directory = kt.runs.RunDirectory(tmp_path / name)
        directory.path.mkdir()
        directory.config.write_text("{}")
    asked = dataclasses.replace(TEXT, recipe="low_resource")
    staged_run.train(asked, {}, frozenset(), tmp_path / "run")
    assert kept == expected


# `test_a_stopped_recipe_ends_as_if_it_had_not_been` continues a recipe.
# `going_on_test.py` continues a run whose length is in epochs, and tests that
# a run keeps its end.
@pytest.mark.grid
@pytest.mark.training
def test_a_recipe_whose_length_is_in_epochs_continues(tmp_path):
    flags = [
        *write_pairs(tmp_path, train_size=97, dev_size=13),
        "--recipe=low_resource",
        "--preset=demo",
        *("--num_encoder_layers=1", "--num_decoder_layers=1"),
        *("--model_dim=32", "--vocabulary_size=401", "--max_length=64"),
        *("--epochs=1", "--warmup_steps=1", "--evaluation_interval=1"),
        "--average_checkpoints=1",
    ]
    run = tmp_path / "run"
    train_here(run, *flags)
    before = (run / "model.keras").read_bytes()
    # A run without metrics is one that was stopped.
    (run / "metrics.json").unlink()
    train_here(run, *flags)
    assert (run / "metrics.json").exists()
    assert (run / "model.keras").read_bytes() == before
    longer = ["--epochs=2" if f == "--epochs=1" else f for f in flags]
    message = "1_both, which has 2 steps. Received: a length of 4 steps. Use"
    with pytest.raises(ValueError, match=message):
        train_here(run, *longer)


@pytest.mark.grid
@pytest.mark.training
def test_scores_are_computed_again_and_the_end_stays(whole, flags):
    models = [*whole.rglob("model.keras")]
    before = [model.read_bytes() for model in models]
    assert len(before) == 5
    # A stage checks the hash of its initial model, which must not change.
    train_here(whole, *flags, "--tokenize=char")
    for run in (whole, whole / "stages/1_both"):
        metrics = json.loads((run / "metrics.json").read_text())
        assert "tok:char" in metrics["dev"]["bleu_signature"]
    assert [model.read_bytes() for model in models] == before
    longer = ["--steps=3" if f == "--steps=2" else f for f in flags]
    # With a cool-down, the number of steps is a setting that stays.
    message = "1_both holds a run with other settings.*steps: 2 there, 3 now"
    with pytest.raises(ValueError, match=message):
        train_here(whole, *longer, "--tokenize=char")


@needs_muon
def test_the_model_is_compiled_with_the_settings_of_a_stage():
    loss = {"consistency": "simcut", "consistency_weight": 3.0, "cut_off": 0.05}
    [*_, (training, _)] = stages_of("multi30k", frozenset(loss), **loss)
    completed = defaults.with_defaults(training, 300)
    config = kt.TransformerConfig(11, 1, 1, 4, 2, 8)
    model = kt.build_transformer(config)
    building.compile_model(model, completed, config)
    assert model.consistency == kt.training.SimCut(3.0, cut_off=0.05, seed=2)
