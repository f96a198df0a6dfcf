"""Answers the requests of a benchmark.

An engine does the work that the benchmark measures. Each engine runs in a
process of its own and uses this module. The benchmark runs in another process.
It starts the engines and sends requests with `tools.engines.process`. This
module needs only the standard library, so that an engine can run in a Python
interpreter without TensorFlow.
"""

import json
import pathlib
import re
import sys
import time
from collections.abc import Callable
from typing import Any


def timed(work: Callable[[], Any]) -> Callable[[], float]:
    """Returns a function that runs `work` and returns its time in seconds."""

    def run():
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    return run


def peak_memory() -> int:
    """Returns the peak memory of this program in bytes, on Linux.

    `getrusage` is not used, because a new process starts as a copy of its
    parent, and the peak of `getrusage` includes the memory of this copy.
    """
    status = pathlib.Path("/proc/self/status").read_text("ascii")
    [kilobytes] = re.findall(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return 1024 * int(kilobytes)


def serve(work: Callable[[], Any], greeting: dict) -> None:
    """Answers each line of standard input.

    Prints lines of JSON with an "@" in front: first the greeting, then an
    answer to each line. The answer is the result of `work`, or the peak memory
    in bytes if the line is "memory". Returns when standard input ends.

    Args:
        work: a function without arguments, such as a result of `timed`. JSON
            must be able to represent its result.
        greeting: a dict of facts about the engine, for the benchmark to print.
    """
    print(f"@{json.dumps(greeting)}", flush=True)
    for line in sys.stdin:
        answer = peak_memory() if line.strip() == "memory" else work()
        print(f"@{json.dumps(answer)}", flush=True)


def serve_missing(error: ImportError) -> None:
    """Prints the greeting of an engine that lacks a package."""
    print(f"@{json.dumps({'missing': str(error)})}", flush=True)
