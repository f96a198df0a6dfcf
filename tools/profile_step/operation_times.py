"""Reads a profile of TensorFlow with the package xprof.

    python -m tools.profile_step.operation_times DIRECTORY

The program prints a JSON list of the operations of the newest profile in a
directory. The training that was profiled runs in another Python interpreter,
because xprof and TensorFlow may need different versions of a package.
"""

import json
import pathlib
import re
import sys
from collections.abc import Iterable

# If an event is an operation of TensorFlow, its long name has this pattern,
# "name:type".
_OPERATION = re.compile(r"([^:]+):(\w+)")
# The event of a program that XLA compiled for a CPU has this name.
COMPILED = "CpuExecutable::ExecuteAsyncOnStream"


def read(directory: str) -> list[dict]:
    """Returns the events of the newest profile, in the trace format of Chrome.

    Args:
        directory: the directory that `tf.profiler.experimental` wrote.

    Raises:
        ValueError: the directory has no profile.
    """
    # Only the interpreter that reads profiles has this package.
    from xprof.convert import raw_to_tool_data

    path = max(
        pathlib.Path(directory).rglob("*.xplane.pb"),
        key=lambda each: each.stat().st_mtime,
    )
    trace, _ = raw_to_tool_data.xspace_to_tool_data(
        [str(path)], "trace_viewer", {}
    )
    return json.loads(trace)["traceEvents"]


def operations_of(events: Iterable[dict]) -> list[dict]:
    """Returns the operations among the events of a profile.

    Args:
        events: events in the trace format of Chrome. Their durations, "dur",
            are in microseconds.

    Returns:
        A dict for each execution of an operation. The keys are "type",
        "operation" for the name, and "ms" for the milliseconds. A program that
        XLA compiled is one operation, with `COMPILED` as its name and its type.
    """
    operations = []
    for event in events:
        if event.get("ph") != "X":
            # Only events with the "ph" (phase) "X" have a duration.
            continue
        long_name = event.get("args", {}).get("long_name", "")
        match = _OPERATION.fullmatch(long_name)
        if match is not None:
            name, kind = match.groups()
        elif event["name"] == COMPILED:
            name = kind = COMPILED
        else:
            continue
        operations.append(
            {"type": kind, "operation": name, "ms": event["dur"] / 1e3}
        )
    return operations


if __name__ == "__main__":
    print(json.dumps(operations_of(read(sys.argv[1]))))
