"""The side of a benchmark: it starts engines and asks them."""

import contextlib
import json
import pathlib
import subprocess
from collections.abc import Sequence
from typing import Any

_ROOT = pathlib.Path(__file__).parents[2]


class Engine:
    """Another process, which works whenever this process asks.

    Args:
        python: the Python interpreter.
        module: the program, which calls `serving.serve`.
        arguments: the arguments of the program.

    Attributes:
        greeting: dict of facts about the engine. It has the key "missing" if a
            package is not installed; then the engine answers nothing.

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
        """Returns the answer of `serving.serve` to a question."""
        # If the process has ended, `_read` raises an error.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(f"{question}\n")
            self._process.stdin.flush()
        return self._read()

    def close(self) -> None:
        """Ends the process."""
        # A process that has ended does not read what is still to be written.
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
