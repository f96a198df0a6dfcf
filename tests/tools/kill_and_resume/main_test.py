"""A run that is killed and continued ends as if it had not been killed."""

import pathlib
import re

import pytest

from tests.tools import in_process
from tools.kill_and_resume import __main__ as kill_and_resume

# What the trainer logs when it begins to train.
STARTED = "5 parameters. 14 steps of 64 target tokens each, padding included.\n"


# As slow as five runs of the trainer. The trainer's own tests kill one run,
# which reads text instead of shards.
@pytest.mark.process
@pytest.mark.training
@pytest.mark.grid
def test_three_kills(tmp_path, capsys):
    plan = kill_and_resume.Plan(kills=3, steps=4, shards=True)
    assert kill_and_resume.check(tmp_path, plan)
    lines = capsys.readouterr().out.splitlines()
    kills = [line for line in lines if line.startswith("kill ")]
    assert len(kills) == 3
    # The kill may come a moment after the evaluation.
    assert re.search("step 2, (evaluating|training)", kills[0]), kills
    assert re.search("step [24], .*(ing checkpoint 4|evaluating)", kills[1])
    assert re.search("step 4, .*(model.keras|SavedModel)", kills[2]), kills
    assert "run 1 is as the undisturbed one" in lines
    assert lines[-1].startswith("3 kills, ") and "no bit differs" in lines[-1]
    # The last process continued where the process before was killed.
    assert "Continuing at step 4." in (tmp_path / "killed-1.log").read_text()
    # No file of an interrupted write is left.
    left = {path.name for path in (tmp_path / "killed-1").iterdir()}
    assert left == {path.name for path in (tmp_path / "undisturbed").iterdir()}
    names = [
        sorted(path.name for path in (tmp_path / run / "checkpoints").iterdir())
        for run in ("killed-1", "undisturbed")
    ]
    assert names[0] == names[1]


@pytest.mark.parametrize(
    "files, log, expected",
    [
        ([], "", "step 0, starting Python"),
        ([], "Strategy auto", "step 0, reading data, building the model"),
        ([], f"Strategy\n{STARTED}", "step 0, training or validating"),
        (["ckpt-2.index"], STARTED, "step 2, evaluating"),
        (
            ["ckpt-2.index", "ckpt-10.index"],
            f"{STARTED}Step 8 of 14 done. loss: 1\nStep 10 of 14 done.\n",
            "step 10, training or validating",
        ),
        (
            ["ckpt-2.index"],
            f"Continuing at step 2.\n{STARTED}",
            "step 2, training or validating",
        ),
        (
            ["ckpt-2.index", ".ckpt-4.writing"],
            STARTED,
            "step 2, writing checkpoint 4",
        ),
        ([".ckpt-4.written"], STARTED, "step 0, moving checkpoint 4"),
        (
            ["../unfinished.keras"],
            f"{STARTED}Averaged the last 2",
            "step 0, writing model.keras",
        ),
        (["../saved_model/.saving-a"], "Averaged the last", "exporting"),
        (
            ["../saved_model/.saving-fresh"],
            "Averaged the last",
            "checking the SavedModel",
        ),
    ],
)
def test_what_a_run_was_at(tmp_path, files, log, expected):
    for name in files:
        path = tmp_path / "checkpoints" / name
        (tmp_path / "checkpoints").mkdir(exist_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        pathlib.Path(path).touch()
    assert kill_and_resume.phase(tmp_path, log).endswith(expected)


def test_a_difference_is_an_error(monkeypatch, tmp_path):
    # The first test makes the runs.
    monkeypatch.setattr(kill_and_resume, "check", lambda *_: False)
    result = in_process.call("kill_and_resume", f"--output_dir={tmp_path}")
    assert result.returncode == 1
    [line] = result.stderr.decode().splitlines()
    assert line == f"error: runs differ; they are in {tmp_path}."
