"""The process of an engine trains for each question."""

import dataclasses
import io
import json

import pytest

from tests.tools.benchmark_step import jobs_test
from tools.benchmark_step import engine, ours


@pytest.fixture
def serve(monkeypatch, capsys):
    def serve(lines, **changes):
        monkeypatch.setattr("sys.stdin", io.StringIO(lines))
        job = dataclasses.replace(jobs_test.JOB, **changes)
        engine.main(json.dumps(dataclasses.asdict(job)))
        return [
            json.loads(line[1:])
            for line in capsys.readouterr().out.splitlines()
        ]

    return serve


def test_answers(serve, monkeypatch):
    asked = []

    def make_training(job):
        asked.append(job)
        return lambda: [2.5, 7], {"version": "3"}

    monkeypatch.setattr(ours, "make_training", make_training)
    greeting, first, memory, second = serve("\nmemory\n\n")
    assert asked == [jobs_test.JOB]
    assert greeting["version"] == "3"
    assert 1e7 < greeting["imported"] <= memory
    assert first == second == [2.5, 7]


def test_a_package_that_is_not_installed(serve, monkeypatch):
    def make_training(job):
        raise ImportError("No module named 'a'")

    monkeypatch.setattr(ours, "make_training", make_training)
    assert serve("") == [{"missing": "No module named 'a'"}]
