"""The answers of the process of an engine."""

import io
import itertools
import json
import subprocess
import sys
from unittest import mock

import pytest

from tools.engines import serving


def serve(monkeypatch, capsys, work, lines):
    monkeypatch.setattr("sys.stdin", io.StringIO(lines))
    serving.serve(work, {"version": "7"})
    answers = capsys.readouterr().out.splitlines()
    assert all(answer.startswith("@") for answer in answers)
    return [json.loads(answer[1:]) for answer in answers]


def test_works_once_for_each_line(monkeypatch, capsys):
    numbers = itertools.count(3)
    answers = serve(
        monkeypatch, capsys, lambda: next(numbers), "\n\nmemory\n\n"
    )
    greeting, first, second, memory, third = answers
    assert greeting == {"version": "7"}
    assert (first, second, third) == (3, 4, 5)
    # Python with NumPy needs more than 10 MB.
    assert memory > 1e7


def test_seconds():
    clock, calls = iter([11.0, 13.5]), []
    with mock.patch.object(serving.time, "perf_counter", lambda: next(clock)):
        assert serving.timed(lambda: calls.append(1))() == 2.5
    assert len(calls) == 1


def test_a_missing_package(capsys):
    serving.serve_missing(ImportError("No module named 'a'"))
    answer = json.loads(capsys.readouterr().out[1:])
    assert answer == {"missing": "No module named 'a'"}


@pytest.mark.process
def test_memory_is_not_that_of_the_process_before():
    held = b"x" * 400_000_000
    result = subprocess.run(
        [
            sys.executable,
            "-c",
            "from tools.engines import serving\nprint(serving.peak_memory())",
        ],
        stdout=subprocess.PIPE,
        check=True,
    )
    assert 5e6 < int(result.stdout) < len(held) / 2


@pytest.mark.process
def test_needs_the_standard_library_only():
    # -S hides the installed packages.
    subprocess.run(
        [sys.executable, "-S", "-c", "from tools.engines import serving"],
        check=True,
    )
