"""The program as a user calls it."""

import dataclasses
import re

import pytest

from tests.tools import commands, in_process
from tests.tools.tpu_preflight import programs, run_test


def preflight(*flags):
    return commands.run("tpu_preflight", *flags, text=True, timeout=3000)


def rows_of(stdout, name):
    return [
        line.split() for line in stdout.splitlines() if line.startswith(name)
    ]


@pytest.mark.process
@pytest.mark.grid
@programs.needs_compiler
def test_a_run(tmp_path):
    result = preflight(
        f"--model={run_test.write_run(tmp_path)}",
        "--topology=v5e:2x2",
        "--lengths=13,32",
    )
    assert result.returncode == 0, result.stderr
    assert "mixed_bfloat16, batches of 211 target tokens" in result.stdout
    [training] = rows_of(result.stdout, "training")
    [decoding] = rows_of(result.stdout, "decoding")
    assert training[1:5] == ["4", "x", "13", "yes"]
    assert decoding[1:5] == ["16", "x", "32", "yes"]
    assert "2 of 2 steps compile and fit" in result.stdout
    assert "A run compiles 1 program for training and 1 " in result.stdout


@pytest.mark.process
@pytest.mark.grid
@programs.needs_compiler
def test_a_batch_too_large_for_the_chip(tmp_path):
    # Each of four chips has the logits of a million tokens.
    architecture = {
        **dataclasses.asdict(programs.CONFIG),
        "vocabulary_size": 1999,
    }
    result = preflight(
        f"--model={run_test.write_run(tmp_path, architecture)}",
        f"--tokens_per_batch={2**22}",
        "--steps=training",
        "--lengths=13",
    )
    assert result.returncode == 1
    [training] = rows_of(result.stdout, "training")
    assert training[4] == "NO"
    assert "Ran out of memory on HBM" in result.stdout
    assert "0 of 1 steps compile and fit" in result.stdout


@pytest.mark.process
@pytest.mark.grid
@programs.needs_compiler
@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("topology", ["v4:2x2x1", "v5e:2x2", "v6e:2x2"])
def test_the_preset_tiny(topology, precision):
    result = preflight(
        "--preset=tiny",
        f"--topology={topology}",
        f"--precision={precision}",
        "--max_length=32",
        "--lengths=32",
    )
    assert result.returncode == 0, result.stderr
    assert "2 of 2 steps compile and fit" in result.stdout


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--preset=tiny", "--topology=v9:2x2"], "Unknown topology. .*'v9:2x"),
        (["--model=runs/absent"], "No such run: there is no runs/absent"),
        (
            ["--preset=tiny", "--compiler_python=absent"],
            r"No such interpreter: absent .*pip install '.\[tpu-preflight\]'",
        ),
    ],
)
@pytest.mark.process
def test_one_message(flags, message):
    result = in_process.call("tpu_preflight", *flags)
    assert result.returncode == 1
    assert re.search(f"^error: {message}", result.stderr.decode(), re.MULTILINE)


@pytest.mark.grid
@pytest.mark.process
def test_errors_are_one_line():
    result = preflight("--preset=tiny", "--topology=v9:2x2")
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.splitlines()[-1].startswith("error: Unknown topology")
