"""The table shows which versions load which; the grid runs processes."""

import json
import sys

import pytest
import tensorflow as tf

from tests.tools import in_process
from tools import version_table


def test_a_row_for_each_writer_and_a_column_for_each_reader(tmp_path):
    def run(command, text=""):
        python, kind, *_ = command
        if kind == "-m":
            return (
                {"error": "no disk"}
                if python == "c"
                else {"tensorflow": f"2.{python}", "translations": ["x"]}
            )
        writer = json.loads(text)["directory"][-1]
        return {
            ("0", "a"): {"translations": ["x"]},
            ("0", "b"): {"translations": ["y"]},
            ("0", "c"): {"error": "old"},
        }.get((writer, python), {"translations": ["x"]})

    assert version_table.table(["a", "b", "c"], tmp_path, run) == [
        "| written by | read by 2.a | read by 2.b | read by ? |",
        "|---|---|---|---|",
        "| 2.a | yes | loads, but translates differently | no: old |",
        "| 2.b | yes | yes | yes |",
        "| ? | not written: no disk | not written: no disk | not written: no "
        "disk |",
    ]


def test_an_interpreter_that_is_not_there():
    result = in_process.call("version_table", "--pythons=/nowhere/python")
    assert result.returncode == 1
    assert "/nowhere/python is not a program" in result.stderr.decode()


@pytest.mark.process
@pytest.mark.grid
def test_this_version_loads_its_own(tmp_path):
    lines = version_table.table([sys.executable], tmp_path)
    assert lines[2] == f"| {tf.__version__} | yes |"


@pytest.mark.process
def test_a_process_that_fails():
    answer = version_table.run_process(
        [sys.executable, "-c", "raise SystemExit('no such thing')"]
    )
    assert answer == {"error": "no such thing"}
