"""The trainer's command in two processes, as a user of two hosts gives it."""

import json
import socket
import time

import keras
import numpy as np
import pytest

import keras_transformer as kt
from tests.summaries import events
from tests.trainers.trainer_command import (
    finish,
    start,
    train_here,
    write_pairs,
)

pytestmark = [pytest.mark.process, pytest.mark.training]

CLUSTER = "--strategy=multi_worker"
TRACED = "--trace_sentences=I am a student."


def start_workers(output_dir, *flags, each=((), ())):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    addresses = [f"127.0.0.1:{s.getsockname()[1]}" for s in sockets]
    for listener in sockets:
        listener.close()
    return [
        start(
            output_dir,
            CLUSTER,
            *flags,
            *each[index],
            tf_config=json.dumps(
                {
                    "cluster": {"worker": addresses},
                    "task": {"type": "worker", "index": index},
                }
            ),
        )
        for index in range(2)
    ]


def wait_for(path, processes):
    deadline = time.monotonic() + 400
    while not path.exists():
        assert all(process.poll() is None for process in processes), [
            finish(process) for process in processes
        ]
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="module")
def flags(tmp_path_factory):
    """Returns flags of a run of 8 steps that is not sensitive to rounding.

    The run has no dropout, since each replica draws its own masks. Its
    activation is smooth: at the corner of a ReLU a rounding error would change
    the gradient.
    """
    folder = tmp_path_factory.mktemp("pairs")
    return [
        *write_pairs(folder, train_size=499, dev_size=7),
        "--preset=demo",
        "--num_encoder_layers=1",
        "--num_decoder_layers=1",
        "--model_dim=32",
        "--feed_forward_dim=64",
        "--dropout=0",
        "--activation=gelu",
        "--tokens_per_batch=700",
        "--max_length=16",
        "--steps=8",
        "--evaluation_interval=4",
        "--beam_size=1",
        "--adam_epsilon=1e-3",
        "--precision=float32",
    ]


@pytest.fixture(scope="module")
def whole(flags, tmp_path_factory):
    """Returns the run of one process, the process of the tests."""
    directory = tmp_path_factory.mktemp("runs") / "whole"
    train_here(directory, *flags)
    return directory


def assert_same_model(directory, other):
    weights = [
        keras.models.load_model(
            path / "model.keras", compile=False
        ).get_weights()
        for path in (directory, other)
    ]
    floats = [w for w in weights[1] if w.dtype.kind == "f"]
    assert len(floats) > 20 and all(np.isfinite(w).all() for w in floats)
    for actual, expected in zip(*weights, strict=True):
        if expected.dtype.kind == "f":
            np.testing.assert_allclose(
                actual,
                expected,
                rtol=0,
                atol=1e-5 * max(np.abs(expected).max(), 1e-2),
            )


def lose(number, directory, flags):
    """Kills one of two workers; returns code, output and time of the other."""
    workers = start_workers(directory, *flags)
    wait_for(directory / "checkpoints" / "ckpt-4.index", workers)
    workers[number].kill()
    killed = time.monotonic()
    code, output = finish(workers[1 - number])
    seconds = time.monotonic() - killed
    finish(workers[number])
    return code, output, seconds


def assert_traced(directory, *steps):
    """Checks that only one worker has written traces, at these steps."""
    values = events.values(directory / "logs/traces")
    assert [step for step, _ in values] == list(steps)


def check_lost(directory, flags):
    """Checks that a worker reports that the other worker is lost."""
    code, output, seconds = lose(1, directory, flags)
    assert seconds < 120
    assert code == 1
    assert "error: Another worker of this run has gone" in output
    assert "/job:worker/" in output
    assert "Traceback" not in output
    assert not (directory / "metrics.json").exists()


@pytest.mark.grid
def test_a_worker_is_lost(flags, tmp_path):
    check_lost(tmp_path / "shared", [*flags, TRACED])
    assert_traced(tmp_path / "shared", 0, 4)


@pytest.mark.grid
def test_a_worker_is_lost_and_the_run_goes_on(whole, flags, tmp_path):
    directory = tmp_path / "shared"
    check_lost(directory, [*flags, TRACED])
    # Both workers continue the run. Micro-batches do not change its result.
    workers = start_workers(
        directory, *flags, TRACED, "--gradient_accumulation_steps=2"
    )
    for worker in workers:
        code, output = finish(worker)
        assert code == 0, output
        assert "Continuing at step 4" in output
    assert_traced(directory, 0, 4, 8)
    assert_same_model(directory, whole)
    expected, resumed = (
        json.loads((path / "metrics.json").read_text())
        for path in (whole, directory)
    )
    assert resumed["steps"] == expected["steps"] == 8
    np.testing.assert_allclose(
        resumed["dev"]["loss"], expected["dev"]["loss"], rtol=1e-5
    )


@pytest.mark.grid
def test_the_chief_is_lost(flags, tmp_path):
    code, output, seconds = lose(0, tmp_path / "shared", flags)
    assert seconds < 180
    assert code != 0
    assert "Another worker of this run has gone" in output


# The next test checks what the workers compare.
@pytest.mark.grid
def test_workers_with_other_settings(flags, tmp_path):
    directory = tmp_path / "shared"
    workers = start_workers(directory, *flags, each=([], ["--seed=7"]))
    for worker, seed in zip(workers, (0, 7), strict=True):
        code, output = finish(worker)
        assert code == 1
        assert f"do not agree in settings.seed, here {seed}. Start" in output
    assert not directory.exists()


def test_what_workers_compare_before_they_read_data(
    flags, tmp_path, monkeypatch
):
    """`tests/training/multi_worker_test.py` tests how disagreement ends."""

    class Compared(Exception):
        pass

    compared = []

    def compare(strategy, values):
        compared.append(values)
        if len(compared) % 2 == 0:
            raise Compared

    monkeypatch.setattr(kt.training, "check_agreement", compare)
    for precision in ("auto", "float32"):
        with pytest.raises(Compared):
            train_here(
                tmp_path / "run", *flags, f"--precision={precision}", "--seed=7"
            )
    automatic, settings, given, _ = compared
    chosen = kt.training.fast_precision().policy
    assert automatic == {
        "what --precision=auto chooses (give all the same precision)": chosen
    }
    assert given == {"settings.precision": "float32"}
    assert settings["settings.seed"] == 7
    assert settings["a run in --output_dir"] is False
    assert not (tmp_path / "run").exists()


@pytest.mark.grid
def test_workers_with_other_processors(flags, tmp_path):
    """Worker 0 chooses its precision; worker 1 is given another one."""
    chosen = kt.training.fast_precision().policy
    other = {"float32": "mixed_bfloat16", "mixed_bfloat16": "float32"}[chosen]
    directory = tmp_path / "shared"
    workers = start_workers(
        directory,
        *flags,
        each=(["--precision=auto"], [f"--precision={other}"]),
    )
    for worker, message in zip(
        workers,
        (
            "do not agree in what --precision=auto chooses (give all the same "
            f"precision), here '{chosen}'. Start",
            f"do not agree in settings.precision, here '{other}'. Start",
        ),
        strict=True,
    ):
        code, output = finish(worker)
        assert code == 1
        assert message in output
    assert not directory.exists()


def test_bad_tf_config(flags, tmp_path, monkeypatch):
    # `train_translation_test.py` tests how a program shows an error.
    monkeypatch.setenv("TF_CONFIG", '{"cluster": 3}')
    with pytest.raises(ValueError, match="^TF_CONFIG must list the"):
        train_here(tmp_path / "run", CLUSTER, *flags)
    assert not (tmp_path / "run").exists()
