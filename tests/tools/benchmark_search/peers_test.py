"""What the process of an engine answers."""

import io
import json
import subprocess
import sys

import numpy as np
import pytest

from tools.benchmark_search import peers


def serve(monkeypatch, capsys, search, lines):
    monkeypatch.setattr("sys.stdin", io.StringIO(lines))
    peers.serve(search, {"version": "7"})
    answers = capsys.readouterr().out.splitlines()
    assert all(answer.startswith("@") for answer in answers)
    return [json.loads(answer[1:]) for answer in answers]


def test_searches_once_for_each_line(monkeypatch, capsys):
    calls = []
    answers = serve(
        monkeypatch, capsys, lambda: calls.append(1), "\n\nmemory\n\n"
    )
    assert len(calls) == 3
    greeting, first, second, memory, third = answers
    assert greeting == {"version": "7"}
    assert all(0 <= seconds < 1 for seconds in (first, second, third))
    # Python with NumPy needs more than 10 MB.
    assert memory > 1e7


@pytest.mark.process
def test_memory_is_not_that_of_the_process_before():
    held = b"x" * 400_000_000
    result = subprocess.run(
        [
            sys.executable,
            "-c",
            "from tools.benchmark_search import peers\n"
            "print(peers.peak_memory())",
        ],
        stdout=subprocess.PIPE,
        check=True,
    )
    assert 1e7 < int(result.stdout) < len(held) / 2


def test_sources_are_of_the_vocabulary_and_the_same_each_time():
    job = {"vocabulary_size": 11, "batch_size": 5, "source_length": 7}
    sources = peers.draw_sources(job, first=3)
    assert sources.shape == (5, 7)
    assert sources.min() >= 3 and sources.max() == 10
    np.testing.assert_array_equal(sources, peers.draw_sources(job, first=3))


@pytest.mark.parametrize(
    "engine,module",
    (("ctranslate2", "ctranslate2"), ("marian", "transformers")),
)
def test_an_engine_that_is_installed_searches(engine, module):
    pytest.importorskip(module, reason=f"{module} is not installed")
    job = {
        "precision": "float32",
        "beam_size": 2,
        "threads": 1,
        "layers": 1,
        "model_dim": 8,
        "feed_forward_dim": 16,
        "num_heads": 2,
        "vocabulary_size": 23,
        "batch_size": 3,
        "source_length": 5,
        "target_length": 7,
    }
    search, version = getattr(peers, f"{engine}_search")(job)
    search()
    assert version
