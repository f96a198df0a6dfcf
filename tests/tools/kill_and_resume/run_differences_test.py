"""A difference of one bit is found; different timings are ignored."""

import json
import re
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from tools.kill_and_resume import run_differences


@pytest.fixture(scope="module")
def small_run(tmp_path_factory):
    """Writes the files that `differences` reads, for a model of one layer."""
    run = tmp_path_factory.mktemp("runs") / "run"
    run.mkdir()
    (run / "config.json").write_text('{"settings": {"seed": 7}}')
    (run / "tokenizer.model").write_bytes(b"pieces")
    write_metrics(run, bleu=17.25, train_seconds=3.5)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    model.save(run / "model.keras")
    write_checkpoints(run)
    return run


def write_metrics(run, bleu, train_seconds):
    metrics = {
        "train_seconds": train_seconds,
        "target_tokens_per_second": 11 / train_seconds,
        "dev": {"bleu": bleu},
    }
    (run / "metrics.json").write_text(json.dumps(metrics))


def write_checkpoints(run, weight=0.5, moment=0.25, seconds=3.5, step=4):
    moments, weights = [tf.Variable([moment, 5.0])], [tf.Variable([weight])]
    for name, value in (
        ("saved_model/1/variables/variables", weights),
        (f"checkpoints/ckpt-{step}", [moments, weights]),
    ):
        tf.train.Checkpoint(
            model=value,
            counters={"train_seconds": tf.Variable(seconds)},
        ).write(str(run / name))


def change_weights(run):
    model = keras.models.load_model(run / "model.keras")
    kernel = model.weights[0].numpy()
    kernel[1, 2] = np.nextafter(kernel[1, 2], np.float32(7))
    model.weights[0].assign(kernel)
    model.save(run / "model.keras")


@pytest.mark.parametrize(
    "change, expected",
    [
        (lambda run: None, None),
        (lambda run: write_metrics(run, 17.25, 11.0), None),
        (lambda run: write_checkpoints(run, seconds=7.0), None),
        (lambda run: write_metrics(run, 17.250000000000004, 3.5), "metrics"),
        (lambda run: (run / "config.json").write_text("{}"), "config.json"),
        (lambda run: (run / "tokenizer.model").write_bytes(b""), "tokenizer"),
        (change_weights, r"model.keras: 0 .*kernel"),
        (lambda run: write_checkpoints(run, weight=-0.5), "saved_model: model"),
        (lambda run: write_checkpoints(run, moment=0.2500001), "ckpt-4: model"),
        (lambda run: write_checkpoints(run, step=6), "checkpoints: .*ckpt-6"),
    ],
)
def test_what_differs_is_named(small_run, tmp_path, change, expected):
    other = tmp_path / "run"
    shutil.copytree(small_run, other)
    change(other)
    found = run_differences.differences(small_run, other)
    assert bool(found) == bool(expected), found
    if expected:
        assert re.search(expected, " ".join(found))
