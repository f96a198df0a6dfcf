"""The side of an engine: it works whenever the benchmark asks.

This file needs only the standard library, so that an engine can run in a Python
without TensorFlow.
"""

import json
import pathlib
import re
import sys
import time
from collections.abc import Callable
from typing import Any


def timed(work: Callable[[], Any]) -> Callable[[], float]:
    """Returns a function that runs `work` and returns the seconds it took."""

    def run():
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    return run


def peak_memory() -> int:
    """Returns the peak memory of this program in bytes.

    `getrusage` is not used: it also counts the memory of the parent process,
    before this program was loaded.
    """
    status = pathlib.Path("/proc/self/status").read_text("ascii")
    [kilobytes] = re.findall(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return 1024 * int(kilobytes)


def serve(work: Callable[[], Any], greeting: dict) -> None:
    """Works once for each line of standard input.

    Prints lines of JSON with an "@" in front: first the greeting, then an
    answer to each line. The answer is the result of `work`, or the peak memory
    in bytes if the line is "memory".

    Args:
        work: a function without arguments, such as that of `timed`.
        greeting: what the benchmark prints about the engine.
    """
    print(f"@{json.dumps(greeting)}", flush=True)
    for line in sys.stdin:
        answer = peak_memory() if line.strip() == "memory" else work()
        print(f"@{json.dumps(answer)}", flush=True)


def serve_missing(error: ImportError) -> None:
    """Says that a package of the engine is not installed, and ends."""
    print(f"@{json.dumps({'missing': str(error)})}", flush=True)
