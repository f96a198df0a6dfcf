"""A run from shards that was stopped ends as if it had never stopped."""

import functools
import json
from unittest import mock

import pytest

import keras_transformer as kt
from tests.trainers import light_training
from tests.trainers.going_on_test import SIZES
from tests.trainers.trainer_command import write_pairs
from tools.kill_and_resume import run_differences
from trainers import large_text, run, settings


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Returns the folder of the runs."""
    return tmp_path_factory.mktemp("shards")


@pytest.fixture(scope="module")
def train(folder):
    """Returns a function that trains a small run on shards of small windows."""
    monkeypatch = pytest.MonkeyPatch()
    light_training.train_light(monkeypatch)
    monkeypatch.setattr(large_text, "MAX_PAIRS", 50)
    defaults = list(kt.data.ShardedPairs.__init__.__defaults__)
    defaults[-1] = 23  # The number of pairs in a window.
    monkeypatch.setattr(
        kt.data.ShardedPairs.__init__, "__defaults__", tuple(defaults)
    )
    train_tsv, dev_tsv = (
        [flag.split("=")[1]] for flag in write_pairs(folder, 97, 5)
    )

    def train(name, sizes=SIZES, **values):
        asked = {
            "train_tsv": train_tsv,
            "dev_tsv": dev_tsv,
            "preset": "demo",
            "max_length": 64,
            "tokens_per_batch": 512,
            "evaluation_interval": 4,
            "average_checkpoints": 2,
            "warmup_steps": 3,
            "beam_size": 1,
            **values,
        }
        run.train(settings.TrainingSettings(**asked), sizes, folder / name)
        return folder / name

    yield train
    monkeypatch.undo()


@pytest.fixture(scope="module")
def whole(train):
    """A run that nothing stopped."""
    return train("whole", steps=13)


def check_continues(whole, train):
    train(steps=4)
    with mock.patch.object(large_text, "iterate") as iterate:
        stopped = train(steps=13)
    iterate.assert_not_called()
    assert run_differences.differences(whole, stopped) == []


# `going_on_test.py` tests that a run continues, `batching_test.py` that batches
# of windows do, `measuring_test.py` that a checkpoint has the window, and
# `training_pairs_test.py` that the text is not read again.
@pytest.mark.grid
def test_a_run_from_shards_continues(whole, train):
    assert (whole / "shards" / "index.json").exists()
    check_continues(whole, functools.partial(train, "stopped"))


# `segmentation_test.py` tests that sampled batches continue.
@pytest.mark.grid
def test_a_run_from_shards_that_samples_continues(train):
    train = functools.partial(train, segmentation_sampling=0.1, packed=False)
    check_continues(
        train("sampled", steps=13), functools.partial(train, "sampled_stopped")
    )


def test_prepared_shards(folder, train):
    class Stopped(Exception):
        pass

    # The shards are written before the training begins.
    with (
        mock.patch.object(kt.Transformer, "fit", side_effect=Stopped),
        pytest.raises(Stopped),
    ):
        train("first", steps=1)
    first = folder / "first"
    assert (first / "shards" / "index.json").exists()
    sizes = {k: v for k, v in SIZES.items() if k != "vocabulary_size"}
    second = train(
        "second",
        sizes,
        train_tsv=[],
        train_shards=[str(first / "shards")] * 2,
        train_weights=["1", "0.5"],
        steps=1,
    )
    config = json.loads((second / "config.json").read_text())
    assert config["architecture"]["vocabulary_size"] == 331
    index = kt.data.ShardDirectory(first / "shards").index
    assert config["data"]["train_pairs"] == index.num_pairs * 3 // 2
