"""Runs the engines of a benchmark, each in a process of its own.

An engine does the work that the benchmark measures. The process of the
benchmark uses this module, and the process of an engine uses `serving`.
"""

import contextlib
import json
import pathlib
import subprocess
from collections.abc import Sequence
from typing import Any

_ROOT = pathlib.Path(__file__).parents[2]


class Engine:
    """The process of an engine, which a benchmark starts and asks to work.

    Args:
        python: the Python interpreter.
        module: the module to run as a program. It calls `serving.serve`.
        arguments: the arguments of the program.

    Attributes:
        greeting: dict of facts about the engine. If a package is not installed,
            the dict has only the key "missing", with the reason, and the
            process ends.

    Raises:
        OSError: there is no such interpreter, or the process ended early.
    """

    def __init__(self, python: str, module: str, arguments: Sequence[str]):
        self._command = [python, "-m", module, *arguments]
        self._process = subprocess.Popen(
            self._command,
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.greeting = self._read()

    @property
    def is_missing(self) -> bool:
        """Returns whether a package of the engine is not installed."""
        return "missing" in self.greeting

    def ask(self, question: str = "") -> Any:
        """Returns the answer of `serving.serve` to a question.

        Args:
            question: "memory" for the peak memory in bytes; any other text for
                the result of the engine's work.

        Raises:
            ChildProcessError: the process has ended.
        """
        # Writing fails if the process has ended. The failure is ignored here,
        # because `_read` then raises ChildProcessError.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(f"{question}\n")
            self._process.stdin.flush()
        return self._read()

    def close(self) -> None:
        """Ends the process: closes its input, and waits until it has ended."""
        # `stdin.close` writes what is still in the buffer. This fails if the
        # process has ended.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def _read(self):
        for line in self._process.stdout:
            if line.startswith("@"):
                return json.loads(line[1:])
        raise ChildProcessError(
            f"A process ended early. Its command: {' '.join(self._command)}"
        )
