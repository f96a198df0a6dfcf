"""The average of chosen checkpoints of a run becomes a new run."""

import json
import shutil

import numpy as np
import pytest

import keras_transformer as kt
from tests.assertions import assert_all_close
from tests.tools import in_process

SCORES = {3: 5.0, 5: 9.0, 7: 1.0, 11: 8.0}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Returns a run of four checkpoints; each has its step as all weights."""
    directory = kt.runs.RunDirectory(tmp_path_factory.mktemp("runs") / "run")
    vocabulary = kt.learn_vocabulary(["a b", "c d"], may_be_smaller=True)
    size = kt.Tokenizer(vocabulary).vocabulary_size
    config = kt.TransformerConfig(size, 1, 1, 4, 2, 8)
    directory.write_config(
        {"architecture": vars(config), "settings": {"beam_size": 3}}
    )
    kt.Tokenizer(vocabulary).save(directory.tokenizer)
    model = kt.build_transformer(config)
    model.compile("adam", kt.training.SmoothedCrossEntropy())
    checkpoints = kt.training.TrainingCheckpoints(
        directory.checkpoints, model, counters=("batches",)
    )
    for step in SCORES:
        for weight in model.trainable_weights:
            weight.assign(np.full(weight.shape, step, "float32"))
        model.optimizer.iterations.assign(step)
        checkpoints.save()
    kt.runs.write_json(
        directory.evaluations,
        {str(step): {"bleu": bleu} for step, bleu in SCORES.items()},
    )
    return directory


def test_the_best_are_among_those_that_are_kept(run, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(run.path, copy)
    for path in (copy / "checkpoints").glob("ckpt-5.*"):
        path.unlink()
    result = in_process.call(
        "average_checkpoints",
        f"--model={copy}",
        f"--output_dir={tmp_path}/new",
        "--count=1",
        "--select_by=bleu",
    )
    assert json.loads(result.stdout) == {"averaged_steps": [11]}, result.stderr


@pytest.mark.parametrize(
    ("flags", "steps"),
    [
        (["--count=3"], [5, 7, 11]),
        (["--count=2", "--select_by=bleu"], [5, 11]),
        (["--steps=3,7"], [3, 7]),
    ],
)
def test_averages_what_was_asked_for(run, tmp_path, flags, steps):
    before = sorted(path.name for path in run.checkpoints.iterdir())
    result = in_process.call(
        "average_checkpoints",
        f"--model={run.path}",
        f"--output_dir={tmp_path}/new",
        *flags,
    )
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == {"averaged_steps": steps}
    translator = kt.load_translator(tmp_path / "new")
    for weight in translator.model.trainable_weights:
        assert_all_close(weight, np.full(weight.shape, np.mean(steps)))
    assert kt.runs.run_search(tmp_path / "new").beam_size == 3
    assert before == sorted(path.name for path in run.checkpoints.iterdir())


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ["--steps=a"],
            "--steps are numbers of steps, such as 500,1000. Received: a",
        ),
        (["--steps=4"], "none of these checkpoints"),
    ],
)
def test_refuses_steps_that_are_not_there(run, tmp_path, flags, message):
    result = in_process.call(
        "average_checkpoints",
        f"--model={run.path}",
        f"--output_dir={tmp_path}/new",
        *flags,
    )
    assert (result.returncode, message in result.stderr.decode()) == (1, True)
    assert not (tmp_path / "new").exists()


def test_refuses_directories(run, tmp_path):
    for model, output, message in (
        (tmp_path, tmp_path / "new", "is not the directory of a run"),
        (run.path, run.path, "holds a run"),
    ):
        result = in_process.call(
            "average_checkpoints", f"--model={model}", f"--output_dir={output}"
        )
        assert result.returncode == 1
        assert message in result.stderr.decode()
