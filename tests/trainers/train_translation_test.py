"""The trainer as a user runs it: the command, its output and its exit."""

import errno
import json
import os
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_transformer as kt
from tests.tools import in_process
from tests.trainers import light_training
from tests.trainers.trainer_command import (
    ROOT,
    finish,
    start,
    train_here,
    write_pairs,
)
from trainers import train_translation

pytestmark = [
    pytest.mark.process,
    pytest.mark.training,
    # With it, runs in this process and in another are equal to the bit.
    pytest.mark.usefixtures("optimized_graphs"),
]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Flags of a run of 8 steps on few pairs of the built-in corpus."""
    folder = tmp_path_factory.mktemp("small")
    return [
        *write_pairs(folder, train_size=997, dev_size=13),
        "--preset=demo",
        "--num_encoder_layers=1",
        "--num_decoder_layers=1",
        "--model_dim=32",
        "--tokens_per_batch=1024",
        # A small maximum: batches have few shapes.
        "--max_length=16",
        "--steps=8",
        "--evaluation_interval=4",
        "--average_checkpoints=2",
        "--seed=7",
    ]


@pytest.fixture(scope="module")
def marian(small):
    """Returns flags of `small`, a convention, and a vocabulary per side."""
    return [
        *small,
        "--convention=marian",
        "--target_vocabulary_size=401",
        "--tying=target",
        "--num_key_value_heads=2",
    ]


@pytest.fixture(scope="module")
def whole(marian, tmp_path_factory):
    """A run that nothing stopped."""
    directory = tmp_path_factory.mktemp("runs") / "whole"
    # Only the demo run draws.
    with pytest.MonkeyPatch.context() as patch:
        light_training.draw_nothing(patch)
        train_here(directory, *marian)
    return directory


def test_demo_reaches_what_it_promises(demo_run):
    metrics = json.loads((demo_run / "metrics.json").read_text())
    assert metrics["test"]["bleu"] >= 95
    assert metrics["test"]["exact_match"] >= 0.90
    assert metrics["referent_accuracy"] >= 0.95
    assert metrics["dev"]["bleu_signature"].startswith("nrefs:1|case:mixed")
    assert metrics["dev"]["token_accuracy"] > 0.99
    assert metrics["target_tokens_per_second"] > 0
    assert {"chrf", "loss", "exact_match"} <= set(metrics["test"])


def test_demo_leaves_a_run_directory(demo_run):
    for name in (
        "config.json",
        "tokenizer.model",
        "checkpoints/checkpoint",
        "model.keras",
        "saved_model/1/saved_model.pb",
        "logs",
        "metrics.json",
    ):
        assert (demo_run / name).exists(), name
    output = (demo_run / "stdout.txt").read_text()
    for words in (
        "val_bleu:",
        "Sample translations",
        "test: BLEU",
        "referent accuracy:",
        "-m tensorboard.main --logdir=",
        "-m tools.translate --model=",
        "--train_source=",
    ):
        assert words in output, words


@pytest.mark.grid
def test_a_convention_and_a_vocabulary_for_each_side(whole):
    config = json.loads((whole / "config.json").read_text())
    # Flags override the convention, and the convention the preset.
    assert config["architecture"]["target_vocabulary_size"] == 401
    assert config["architecture"]["activation"] == "silu"
    assert config["architecture"]["feed_forward_dim"] == 512
    assert config["settings"]["length_penalty_form"] == "average"
    # The trainer has compared its SavedModel with the model it trained.
    translator = kt.load_translator(whole)
    assert translator.model.start_id == 0
    assert translator.target_tokenizer.vocabulary_size == 401
    texts = ["The dog is small.", "", "The cat is tired."]
    served = tf.saved_model.load(str(whole / "saved_model/1"))
    answers = served.signatures["serving_default"](text=tf.constant(texts))
    served_texts = [text.decode() for text in answers["translation"].numpy()]
    assert served_texts == translator.translate(texts)
    # After so few steps translations may be empty, but scores are not.
    targets = ["Le chien est petit.", "", "Le chat dort."]
    answers = served.signatures["score"](
        text=tf.constant(texts), target=tf.constant(targets)
    )
    scores = [h.log_probs.sum() for h in translator.score(texts, targets)]
    assert min(scores[0], scores[2]) < -3 and scores[1] == 0
    assert answers["log_probability"].numpy() == pytest.approx(scores, 1e-4)
    explanation = kt.translation.explain(translator, texts[0])
    assert explanation.source_tokens[-1] == "<eos>"
    assert explanation.target_input_tokens[0] == "<pad>"


def test_demo_knows_what_it_refers_to(demo_translator):
    assert demo_translator.translate(
        [
            "The animal didn't cross the street because it was too tired.",
            "The animal didn't cross the street because it was too wide.",
        ]
    ) == [
        "L'animal n'a pas traversé la rue parce qu'il était trop fatigué.",
        "L'animal n'a pas traversé la rue parce qu'elle était trop large.",
    ]


@pytest.mark.grid
def test_killed_and_continued_is_as_never_stopped(
    whole, marian, tmp_path, caplog, monkeypatch
):
    killed = tmp_path / "killed"
    process = start(killed, *marian)
    deadline = time.monotonic() + 240
    while not (killed / "checkpoints" / "ckpt-4.index").exists():
        assert process.poll() is None, finish(process)
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    assert finish(process)[0] == -signal.SIGKILL
    assert not (killed / "metrics.json").exists()

    light_training.save_light(monkeypatch)
    light_training.draw_nothing(monkeypatch)
    with caplog.at_level("INFO", "trainers"):
        train_here(killed, *marian)
    assert "Continuing at step" in caplog.text
    expected = json.loads((whole / "metrics.json").read_text())
    resumed = json.loads((killed / "metrics.json").read_text())
    for timing in ("train_seconds", "target_tokens_per_second"):
        assert resumed.pop(timing) > 0
        expected.pop(timing)
    assert resumed == expected
    weights = [
        keras.models.load_model(
            folder / "model.keras", compile=False
        ).get_weights()
        for folder in (whole, killed)
    ]
    floats = [w for w in weights[0] if w.dtype.kind == "f"]
    assert len(floats) > 20 and all(np.isfinite(w).all() for w in floats)
    for first, second in zip(*weights, strict=True):
        if first.dtype.kind == "f":
            np.testing.assert_array_equal(first, second)


@pytest.mark.grid
def test_the_same_command_once_more(whole, marian, caplog):
    def state():
        return {path: path.stat().st_mtime_ns for path in whole.rglob("*")}

    before = state()
    with caplog.at_level("INFO", "trainers"):
        train_here(whole, *marian)
    assert "complete already" in caplog.text
    # Other settings are refused, and nothing is written.
    with pytest.raises(ValueError) as error:
        train_here(whole, *marian, "--seed=8", "--dropout=0.5")
    assert "settings.seed: 7 there, 8 now" in str(error.value)
    assert "architecture.dropout: 0.1 there, 0.5 now" in str(error.value)
    assert state() == before


@pytest.mark.grid
def test_loss_that_becomes_nan(small, tmp_path):
    output_dir = tmp_path / "nan"
    # `test_bad_flags` tests the exit of a real process.
    result = in_process.call(
        "trainers.train_translation",
        f"--output_dir={output_dir}",
        *small,
        "--learning_rate_factor=1e36",
    )
    assert result.returncode == 1
    output = result.stderr.decode()
    assert "error: The training loss became" in output
    assert "at step" in output
    assert "Traceback" not in output
    assert not (output_dir / "metrics.json").exists()


@pytest.mark.grid
def test_an_unknown_flag(tmp_path):
    code, output = finish(start(tmp_path / "run", "--beam_sise=3"))
    assert code != 0 and "Unknown command line flag 'beam_sise'" in output


# `program_test.py` tests how an error ends a program, `translate_test.py` how
# an error ends a process, `run_test.py` that a refused run writes nothing, and
# `settings_checks_test.py` this message.
@pytest.mark.grid
def test_bad_flags(tmp_path):
    code, output = finish(start(tmp_path / "run", "--train_source=nowhere.en"))
    assert code == 1
    assert output.splitlines()[-1].startswith("error: --train_source and")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "error, continues",
    [
        (KeyboardInterrupt(), True),
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (ConnectionError("Another worker has gone."), True),
        (tf.errors.ResourceExhaustedError(None, None, "full"), True),
        (FileNotFoundError("No such file: nowhere.en"), False),
        (PermissionError("secret.en"), False),
        (NotADirectoryError("file is not a directory"), False),
        (ValueError("--steps must be positive"), False),
    ],
)
def test_only_a_stopped_run_names_its_checkpoint(
    tmp_path, capsys, error, continues
):
    directory = kt.runs.RunDirectory(tmp_path)

    def stop():
        with (
            pytest.raises(type(error)),
            train_translation.naming_checkpoint(directory),
        ):
            raise error
        return capsys.readouterr().err

    # There is no checkpoint to continue from.
    assert stop() == ""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile("sgd", "mse", run_eagerly=True)
    # Checkpoints of an earlier stage of a recipe, then of the run itself.
    first_stage = kt.runs.RunDirectory(directory.stages / "1_first")
    for number, each in enumerate((first_stage, directory), start=1):
        model.fit(np.ones((5, 3)), np.ones((5, 2)), batch_size=1, verbose=0)
        kt.training.TrainingCheckpoints(each.checkpoints, model).save()
        expected = (
            "\nStopped. The same command continues from the checkpoint of step "
            f"{5 * number}.\n"
        )
        assert stop() == (expected if continues else "")


# `tests/trainers/multi_worker_test.py` trains on two devices too.
@pytest.mark.grid
def test_two_logical_devices(small, tmp_path):
    # A small program splits the CPU into devices before TensorFlow starts.
    program = """
import sys
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(
    cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from trainers import train_translation
train_translation.main.run()
"""
    flags = [
        "--strategy=mirrored",
        "--devices=CPU:0,CPU:1",
        "--steps=2",
        "--evaluation_interval=1",
        "--beam_size=1",
    ]
    directory = tmp_path / "mirrored"
    result = subprocess.run(
        [
            sys.executable,
            "-c",
            program,
            f"--output_dir={directory}",
            *small,
            *flags,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert "Strategy mirrored: 2 replica(s)" in result.stderr
    metrics = json.loads((directory / "metrics.json").read_text())
    assert metrics["steps"] == 2
    assert (directory / "saved_model/1/saved_model.pb").exists()
