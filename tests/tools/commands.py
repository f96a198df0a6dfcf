"""Runs a program of `tools` as a user does, in a process of its own."""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]


def command(name: str, *arguments: str) -> list[str]:
    """Returns the command line of a program, with this interpreter."""
    return [sys.executable, "-m", f"tools.{name}", *arguments]


def run(name: str, *arguments: str, **how) -> subprocess.CompletedProcess:
    """Runs `python -m tools.NAME ARGUMENTS`; `how` goes to `subprocess.run`."""
    return subprocess.run(
        command(name, *arguments),
        **{"cwd": ROOT, "capture_output": True, "timeout": 300, **how},
    )
