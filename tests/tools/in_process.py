"""Runs a program in the process of the tests, as its command would.

The flags are parsed from the arguments. `main` reads standard input, writes
standard output and ends with a code. But TensorFlow is imported already, which
saves the first seconds of a command. Other tests start processes: they test how
commands start, stream and end.
"""

import importlib
import importlib.util
import io
import sys
import tempfile
from typing import NamedTuple
from unittest import mock

from absl import flags


class Result(NamedTuple):
    """A result like that of `subprocess.run`."""

    returncode: int
    stdout: bytes
    stderr: bytes


def program_of(module: str):
    """Returns the `Program` that `python -m MODULE` runs."""
    spec = importlib.util.find_spec(module)
    if spec.submodule_search_locations is not None:
        module += ".__main__"
    return importlib.import_module(module).main


def call(name: str, *arguments: str, text: bytes = b"") -> Result:
    """Runs `python -m NAME ARGUMENTS` with `text` as its input.

    A name without a dot is a program of `tools`.
    """
    module = name if "." in name else f"tools.{name}"
    program, values = program_of(module), flags.FlagValues()
    program.define_flags(values)
    left = values([name, *arguments])
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
                program(left, values)
            except SystemExit as end:
                code = end.code or 0
                if isinstance(code, str):
                    # Python itself prints such a code too, and ends with 1.
                    print(code, file=err)
                    code = 1
    for stream in (out, err):
        stream.flush()
    return Result(code, out.buffer.getvalue(), err.buffer.getvalue())
