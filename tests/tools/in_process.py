"""Runs a program of `tools` in this process, as its command would in its own.

What is shown is the same: flags are parsed from the arguments, `main` reads
standard input, writes standard output, and ends with a code. Only TensorFlow is
imported already, which takes a command its first seconds. That the commands
start, stream and end as processes is tested with some that do.
"""

import functools
import importlib.util
import io
import sys
import tempfile
from typing import NamedTuple
from unittest import mock

import absl
from absl import flags

# So that they are not imported with the flags of one program.
from tools.benchmark_search import peers  # noqa: F401
from tools.kill_and_resume import run_differences  # noqa: F401
from tools.model_flags import loading, settings  # noqa: F401


class Result(NamedTuple):
    """As of `subprocess.run`."""

    returncode: int
    stdout: bytes
    stderr: bytes


class _OwnFlags:
    """In the place of `absl.flags`: several programs have flags of one name."""

    def __init__(self):
        self.FLAGS = flags.FlagValues()

    def __getattr__(self, name):
        function = getattr(flags, name)
        return functools.partial(function, flag_values=self.FLAGS)


def load(name: str, *arguments: str):
    """Imports `tools.NAME` with flags of its own, and parses arguments."""
    own = _OwnFlags()
    with mock.patch.object(absl, "flags", own):
        spec = importlib.util.find_spec(f"tools.{name}")
        if spec.submodule_search_locations:
            spec = importlib.util.find_spec(f"tools.{name}.__main__")
        program = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(program)
    if hasattr(program, "define_flags"):
        program.define_flags()
    own.FLAGS([name, *arguments])
    return program


def call(name: str, *arguments: str, text: bytes = b"") -> Result:
    """Runs `python -m tools.NAME ARGUMENTS` with `text` as its input."""
    program = load(name, *arguments)
    code = 0
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
    with tempfile.TemporaryFile("w+b") as stdin:
        stdin.write(text)
        stdin.seek(0)
        with (
            mock.patch.object(sys, "stdin", stdin),
            mock.patch.object(sys, "stdout", out),
            mock.patch.object(sys, "stderr", err),
        ):
            try:
                program.main([name])
            except SystemExit as end:
                code = end.code or 0
                if isinstance(code, str):
                    # As Python itself does.
                    print(code, file=err)
                    code = 1
    for stream in (out, err):
        stream.flush()
    return Result(code, out.buffer.getvalue(), err.buffer.getvalue())
