"""A run averages its best checkpoints, and ends when none is better."""

import json

import pytest

from tests.trainers import light_training
from tests.trainers.trainer_command import train_here, write_pairs
from trainers import evaluations

pytestmark = pytest.mark.training


@pytest.fixture(scope="module", autouse=True)
def light():
    with pytest.MonkeyPatch.context() as patch:
        light_training.finish_light(patch)
        light_training.trace_no_steps(patch)
        yield


@pytest.fixture(scope="module")
def flags(tmp_path_factory):
    folder = tmp_path_factory.mktemp("selection")
    return [
        *write_pairs(folder, train_size=997, dev_size=13),
        "--preset=demo",
        "--num_encoder_layers=1",
        "--num_decoder_layers=1",
        "--model_dim=32",
        "--tokens_per_batch=1024",
        "--max_length=16",
        "--steps=20",
        "--evaluation_interval=2",
        "--average_checkpoints=2",
        "--warmup_steps=1",
        "--select_by=loss",
        "--patience=2",
    ]


@pytest.fixture
def losses(monkeypatch):
    """The losses that a run records, by step. A fifth step has no loss."""
    losses = {1: 3.0, 2: 1.0, 3: 2.0, 4: 2.0}
    record = evaluations.Evaluations.record
    monkeypatch.setattr(
        evaluations.Evaluations,
        "record",
        lambda self, step, scores: record(
            self, step, {**scores, "loss": losses[step]}
        ),
    )
    return losses


def test_a_run_ends_early_with_its_best_checkpoints(
    flags, losses, tmp_path, caplog
):
    flags = [*flags, "--evaluation_interval=1"]
    with caplog.at_level("INFO", "trainers"):
        train_here(tmp_path, *flags)
    scores = json.loads((tmp_path / "evaluations.json").read_text())
    # Two evaluations have followed the best one.
    assert {int(s): each["loss"] for s, each in scores.items()} == losses
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["steps"] == 4
    assert metrics["selection"] == {
        "by": "loss",
        # Of two equal losses, the later one is better. Step 2 is kept,
        # although the two newest checkpoints are later.
        "averaged_steps": [2, 4],
        "ended_early": True,
    }
    assert "Averaged the best by loss, 2 checkpoints, of the steps 2, 4;" in (
        caplog.text
    )
    # The same command trains no more, even without `metrics.json`.
    (tmp_path / "metrics.json").unlink()
    train_here(tmp_path, *flags)
    again = json.loads((tmp_path / "metrics.json").read_text())
    assert again["selection"] == metrics["selection"]
    assert again["dev"] == metrics["dev"]
    # New scores need no more steps, though the run ended before step 20.
    train_here(tmp_path, *flags, "--tokenize=char")
    otherwise = json.loads((tmp_path / "metrics.json").read_text())
    assert otherwise["steps"] == 4
    assert otherwise["selection"] == metrics["selection"]
    assert "tok:char" in otherwise["dev"]["bleu_signature"]


@pytest.mark.grid
def test_the_scores_of_an_end_in_an_interval_are_forgotten(flags, tmp_path):
    # If it were kept, the best score could be of a removed checkpoint.
    flags = [
        *(f for f in flags if "patience" not in f and "steps=" not in f),
        "--warmup_steps=1",
        "--average_checkpoints=1",
    ]
    train_here(tmp_path, *flags, "--steps=3")
    path = tmp_path / "evaluations.json"
    scores = json.loads(path.read_text())
    assert list(scores) == ["2", "3"]
    scores["3"]["loss"] = 0.0
    path.write_text(json.dumps(scores))
    train_here(tmp_path, *flags, "--steps=5")
    scores = json.loads(path.read_text())
    assert list(scores) == ["2", "4", "5"]
    best = min(scores, key=lambda step: scores[step]["loss"])
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["selection"]["averaged_steps"] == [int(best)]
