"""The parts in the table add up to the whole step."""

import sys

import pytest

from tests.tools import in_process
from tools.profile_step import __main__ as profile_step


def test_the_table_adds_up():
    sums = {
        "attention": {"products_ms": 31.0, "others_ms": 7.0},
        "dropout": {"products_ms": 0.0, "others_ms": 11.0},
    }
    assert profile_step.table_of(53.0, sums)[2:] == [
        "| attention | 31.0 | 7.0 | 71.7 % |",
        "| dropout | 0.0 | 11.0 | 20.8 % |",
        "| pauses between operations | 0.0 | 4.0 | 7.5 % |",
        "| the step | 31.0 | 22.0 | 100.0 % |",
    ]


def test_the_last_line_if_xla_compiles_the_step():
    # The step is then one operation of the profile, and has no products.
    assert profile_step.shares_of_ceiling(8e9, 1e9, 0, 500) == (
        "ceiling 8 GFLOP/s; the step reaches 25 %."
    )


@pytest.mark.process
def test_an_interpreter_without_xprof():
    result = in_process.call("profile_step", f"--xprof_python={sys.executable}")
    assert result.returncode == 1
    assert b"--xprof_python=" in result.stderr
    assert b"Install xprof" in result.stderr
    with pytest.raises(OSError, match="no-such"):
        profile_step.check_interpreter("./no-such-python")
