"""Engines train in turns, and their answers are compared."""

import json
import sys

import pytest

from tests.tools import in_process
from tools.benchmark_step import __main__ as benchmark
from tools.benchmark_step import jobs

SIZES = (
    "--layers=1",
    "--model_dim=6",
    "--feed_forward_dim=7",
    "--num_heads=3",
    "--vocabulary_size=23",
    "--batch_size=5",
    "--length=13",
)
# The seconds of two steps, in each of three rounds.
SECONDS = {
    jobs.OURS: [0.2, 0.6, 0.4],
    jobs.KERAS_HUB: [0.8, 0.3, 0.5],
    jobs.TORCH: [1.0, 1.0, 1.0],
}


def run(*flags):
    result = in_process.call("benchmark_step", *SIZES, *flags)
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def asked(monkeypatch):
    """Replaces the engines; returns the names of the engines asked."""
    names = []

    class Engine:
        def __init__(self, python, module, arguments):
            self.job = jobs.Job(**json.loads(arguments[0]))
            self.python = python
            self.name = self.job.engine
            self.is_missing = self.name not in SECONDS
            self.greeting = {"version": "7", "imported": 3_000_000}
            if self.is_missing:
                self.greeting = {"missing": "No module named 'a'"}
            self.round = 0

        def ask(self, question=""):
            names.append(self.name)
            if question == "memory":
                return {jobs.OURS: 7_000_000, jobs.TORCH: 23_000_000}[self.name]
            self.round += 1
            return [SECONDS[self.name][self.round - 1], 130]

        def close(self):
            pass

    monkeypatch.setattr(benchmark.process, "Engine", Engine)
    return names


def test_steps(asked):
    hub, torch, marian = run("--rounds=3", "--steps=2")
    assert asked == 3 * [jobs.OURS, jobs.KERAS_HUB, jobs.TORCH]
    ours = {"version": "7", "step_ms": 200, "step_ms_range": [100, 300]}
    for answer in (hub, torch, marian):
        assert answer[jobs.OURS] == ours
        assert answer["work"]["length"] == 13
    assert hub[jobs.KERAS_HUB]["step_ms_range"] == [150, 400]
    # 250 ms / 200 ms. The ratios of the rounds are 4, 1/2 and 5/4.
    assert (hub["ratio"], hub["median_of_ratios"]) == (1.25, 1.25)
    # 500 ms / 200 ms. The ratios of the rounds are 5, 5/3 and 5/2.
    assert (torch["ratio"], torch["median_of_ratios"]) == (2.5, 2.5)
    assert marian[jobs.MARIAN] == {"missing": "No module named 'a'"}
    assert "ratio" not in marian


def write_corpus(tmp_path):
    flags = []
    for side in ("source", "target"):
        path = tmp_path / f"{side}.txt"
        path.write_text("a b c\n\nd e f g\n" * 7, encoding="utf-8")
        flags.append(f"--{side}={path}")
    return flags


def test_epoch(asked, tmp_path, monkeypatch):
    seen = []
    write = benchmark.write_corpus

    def write_and_look(flags, size, directory):
        write(flags, size, directory)
        corpus = jobs.Corpus(directory)
        seen.extend(
            [corpus.source.read_text("utf-8"), corpus.vocabulary.exists()]
        )

    monkeypatch.setattr(benchmark, "write_corpus", write_and_look)
    [answer] = run(
        "--suite=epoch",
        "--rounds=3",
        "--vocabulary_size=269",
        *write_corpus(tmp_path),
    )
    # Pairs of empty lines are left out.
    assert seen == ["\n".join(7 * ["a b c", "d e f g"]), True]
    # 130 tokens in 0.2, 0.6 and 0.4 seconds.
    ours = answer[jobs.OURS]
    assert ours["target_tokens_per_second"] == 325
    assert ours["target_tokens_per_second_range"] == [217, 650]
    assert answer[jobs.KERAS_HUB]["target_tokens_per_second"] == 260
    assert (answer["ratio"], answer["median_of_ratios"]) == (1.25, 1.25)


def test_epoch_without_a_corpus():
    result = in_process.call("benchmark_step", "--suite=epoch", "--source=a")
    assert result.returncode == 1
    message = "--source=a, --target=None. Give both files."
    assert message in result.stderr.decode()


def test_memory(asked):
    [answer] = run("--suite=memory")
    assert asked == [jobs.OURS, jobs.TORCH]
    assert answer["work"] | benchmark.BASE == answer["work"]
    assert answer[jobs.OURS] == {
        "version": "7",
        "peak_mb": 7,
        "after_imports_mb": 3,
        "steps_mb": 4,
    }
    assert answer["ratio"] == 5


@pytest.mark.grid
@pytest.mark.process
def test_a_process_of_ours_is_timed(tmp_path):
    # This program replaces a Python without peers.
    python = tmp_path / "python"
    python.write_text(
        f"#!/bin/sh\nexec {sys.executable} -c "
        "'import json\n"
        'print("@" + json.dumps({"missing": "no peer"}))\'\n'
    )
    python.chmod(0o755)
    answers = run(
        "--rounds=2",
        "--steps=1",
        f"--keras_hub_python={python}",
        f"--torch_python={python}",
    )
    assert len(answers) == 3
    for answer in answers:
        low, high = answer[jobs.OURS]["step_ms_range"]
        assert 0 < low <= answer[jobs.OURS]["step_ms"] <= high
        assert "ratio" not in answer
