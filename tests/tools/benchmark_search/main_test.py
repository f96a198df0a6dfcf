"""The benchmark of the search, with sizes that are fast."""

import json
import sys

import pytest

from tests.tools import in_process

SIZES = (
    "--layers=1",
    "--model_dim=16",
    "--feed_forward_dim=32",
    "--num_heads=2",
    "--vocabulary_size=101",
    "--batch_size=3",
    "--source_length=5",
    "--rounds=2",
)


def run(*flags):
    # The program runs here, but starts processes that measure.
    result = in_process.call("benchmark_search", *SIZES, *flags)
    assert result.returncode == 0
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.grid
@pytest.mark.process
def test_lengths_and_what_they_cost():
    [answer] = run("--suite=lengths", "--lengths=5,13")
    short, long = answer["lengths"]
    assert (short["length"], long["length"]) == (5, 13)
    # 2 (key, value) x 4 bytes x 16 numbers x 3 rows x 4 hypotheses x length.
    assert short["cached_mb"] == round(2 * 4 * 16 * 3 * 4 * 5 / 1e6, 1)
    assert 50 < short["peak_mb"] < 5000
    assert short["ms_range"][0] <= short["ms"] <= short["ms_range"][1]
    # The long search has eight steps more.
    expected = (long["ms"] - short["ms"]) / 8
    assert abs(long["ms_a_step_since"] - expected) < 0.05


@pytest.mark.process
@pytest.mark.grid
def test_without_peers_ours_is_timed_alone(tmp_path):
    # This program replaces a Python without peers.
    python = tmp_path / "python"
    python.write_text(
        f"#!/bin/sh\nexec {sys.executable} -c "
        "'import json, sys\n"
        'print("@" + json.dumps({"missing": "no peer"}), flush=True)\n'
        "sys.stdin.read()'\n"
    )
    python.chmod(0o755)
    answers = run(
        "--suite=latency",
        "--target_length=3",
        "--model_dim=16",
        f"--peers_python={python}",
    )
    graph, compiled = answers
    for answer, engine in (
        (graph, "keras_transformer float32"),
        (compiled, "keras_transformer, XLA float32"),
    ):
        assert answer[engine]["ms"] > 0
        assert answer["ctranslate2 float32"] == {"missing": "no peer"}
        assert "ratio" not in answer
    # The suite sets the sizes: one sentence, a small model.
    assert graph["work"]["batch_size"] == 1
    assert graph["work"]["layers"] == 3


@pytest.mark.parametrize(
    "flag", ["--lengths=5,a", "--lengths=0", "--batch_size=0", "--layers=-1"]
)
def test_sizes_that_are_none(flag):
    result = in_process.call("benchmark_search", "--suite=lengths", flag)
    assert result.returncode == 1
    [line] = result.stderr.decode().splitlines()
    assert line.startswith("error: --")
    assert "must be a number, at least 1. Received: " in line
