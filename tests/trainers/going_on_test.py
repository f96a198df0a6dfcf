"""A run with a new end becomes as if it had this end from the start."""

import json
import os
import shutil
from unittest import mock

import pytest

import keras_transformer as kt
from keras_transformer.runs import run_directory
from tests.trainers import light_training
from tests.trainers.trainer_command import write_pairs
from tools.kill_and_resume import run_differences
from trainers import run, settings

SIZES = {
    "num_encoder_layers": 1,
    "num_decoder_layers": 1,
    "model_dim": 16,
    "num_heads": 2,
    "feed_forward_dim": 32,
    "vocabulary_size": 331,
}


@pytest.fixture(scope="module")
def train(tmp_path_factory):
    """Returns a function that trains a small run."""
    folder = tmp_path_factory.mktemp("pairs")
    patch = pytest.MonkeyPatch()
    light_training.train_light(patch)
    train_tsv, dev_tsv = (
        [flag.split("=")[1]] for flag in write_pairs(folder, 197, 23)
    )

    def train(directory, keeps_end=False, **values):
        asked = {
            "train_tsv": train_tsv,
            "dev_tsv": dev_tsv,
            "preset": "demo",
            # A small maximum: batches have few shapes.
            "max_length": 32,
            "tokens_per_batch": 512,
            "evaluation_interval": 4,
            "average_checkpoints": 2,
            "warmup_steps": 3,
            "beam_size": 1,
            **values,
        }
        run.train(
            settings.TrainingSettings(**asked),
            SIZES,
            directory,
            keeps_end=keeps_end,
        )
        return run_directory.RunDirectory(directory)

    yield train
    patch.undo()


@pytest.fixture(scope="module")
def whole(train, tmp_path_factory):
    """Returns a run of 10 steps, with checkpoints at 8 and 10."""
    return train(tmp_path_factory.mktemp("runs") / "whole", steps=10)


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def assert_same(directory, other):
    assert run_differences.differences(directory.path, other.path) == []


# The next test continues a run too.
@pytest.mark.grid
def test_goes_on_from_an_evaluation_and_from_between_two(
    whole, train, tmp_path, caplog
):
    # Ends before the first evaluation (3), at it (4) and later (9, 10).
    train(tmp_path / "run", steps=3)
    directory = train(tmp_path / "run", steps=4)
    other = train(tmp_path / "other", steps=4)
    assert_same(directory, other)
    before = directory.model.read_bytes()
    assert read(directory.metrics)["steps"] == 4
    with caplog.at_level("INFO", "trainers"):
        train(tmp_path / "run", steps=9)
    assert "Continuing at step 4" in caplog.text
    assert "after 9 steps instead of 4. These settings stay" in caplog.text
    assert directory.model.read_bytes() != before
    assert read(directory.metrics)["steps"] == 9
    train(tmp_path / "run", steps=10)
    assert_same(directory, whole)

    # The same end, with another tokenization for BLEU.
    assert "tok:13a" in read(other.metrics)["dev"]["bleu_signature"]
    train(tmp_path / "other", steps=4, target_language="zh")
    assert "tok:zh" in read(other.metrics)["dev"]["bleu_signature"]
    assert read(other.config)["settings"]["target_language"] == "zh"


def test_killed_wherever_it_goes_on(whole, train, tmp_path):
    directory = train(tmp_path / "run", steps=8)
    before = directory.model.read_bytes()
    # Two epochs are the 10 steps of the run to which the test compares.

    class Killed(BaseException):
        pass

    def fails(*args, **kwargs):
        raise Killed

    for place, name, model_is_new in (
        # Killed before the settings are written, before the first step, and
        # after the new model is written.
        (run_directory, "write_json", False),
        (kt.Transformer, "fit", False),
        (kt.export, "save", True),
    ):
        with mock.patch.object(place, name, fails), pytest.raises(Killed):
            train(tmp_path / "run", epochs=2)
        assert (directory.model.read_bytes() != before) == model_is_new
        assert (directory.saved_model / "variables").exists()
        assert not directory.metrics.exists()
    # Killed while the new SavedModel replaces the old one.
    rename = os.rename

    def renames_once(old, new):
        if str(old).endswith(".saving-fresh"):
            raise Killed
        rename(old, new)

    with mock.patch.object(os, "rename", renames_once), pytest.raises(Killed):
        train(tmp_path / "run", epochs=2)
    assert not directory.metrics.exists()
    train(tmp_path / "run", epochs=2)
    assert_same(directory, whole)
    assert os.listdir(directory.saved_model.parent) == ["1"]


@pytest.mark.grid
def test_a_moving_average_does_not_become_the_weights(train, tmp_path):
    values = {"ema_momentum": 0.9, "average_checkpoints": 1}
    whole = train(tmp_path / "whole", steps=7, **values)
    train(tmp_path / "run", steps=3, **values)
    assert_same(train(tmp_path / "run", steps=7, **values), whole)


def test_a_run_keeps_its_end(whole, train, tmp_path):
    directory = shutil.copytree(whole.path, tmp_path / "run")
    # Two epochs are its 10 steps.
    assert_same(train(directory, keeps_end=True, epochs=2), whole)
    message = "which has 10 steps. Received: a length of 15 steps"
    with pytest.raises(ValueError, match=message):
        train(directory, keeps_end=True, epochs=3)


def test_refusals_touch_nothing(whole, train, tmp_path):
    directory = run_directory.RunDirectory(
        shutil.copytree(whole.path, tmp_path / "run")
    )
    # A run that was killed after an evaluation and before its checkpoint.
    directory.evaluations.write_text(
        '{"13": {"loss": 2.0, "bleu": 3.0, "chrf": 5.0}}', encoding="utf-8"
    )

    def state():
        return {
            path: path.stat().st_mtime_ns for path in directory.path.rglob("*")
        }

    before = state()
    for values, message in (
        ({"steps": 9}, "of 10 steps so far. Received: an end after 9"),
        ({"steps": 20, "seed": 7}, "settings.seed: 0 there, 7 now"),
        ({"steps": 20, "warmup_steps": 5}, "warmup_steps: 3 there, 5 now"),
    ):
        with pytest.raises(ValueError, match=message):
            train(directory.path, **values)
        assert state() == before
