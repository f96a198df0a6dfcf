"""Recorded durations of tests, used to order tests and to mark long ones.

Tests run in two processes. Each takes the next group when it has finished one.
If the longest groups come first, both processes end at about the same time.
Tests that take longer than `LONG` get the mark `seconds`.
"""

import collections
import json
import pathlib

FILE = pathlib.Path(__file__).with_suffix(".json")
# In seconds. The duration of a group is rounded to a multiple of `STEP`. So the
# file does not change with every run. A duration of 0 is not recorded.
STEP = 5
LONG = 0.4


def read():
    """The seconds of each group, and the names of tests that take long."""
    recorded = json.loads(FILE.read_text(encoding="utf-8"))
    return recorded["groups"], set(recorded["long"])


def longest_first(items, group_of):
    """Sorts tests in place by the recorded seconds of their groups."""
    seconds, _ = read()
    items.sort(key=lambda item: -seconds.get(group_of(item), 0))


class Recorder:
    """A plugin of pytest that writes the file when all tests have run."""

    def __init__(self):
        self.seconds = collections.Counter()
        self.long = set()

    def pytest_runtest_logreport(self, report):
        group = dict(report.user_properties)["group"]
        self.seconds[group] += report.duration
        # The time of fixtures does not count, since tests share them.
        if report.when == "call" and report.duration > LONG:
            # pytest-xdist adds the group to the name.
            self.long.add(report.nodeid.removesuffix(f"@{group}"))

    def pytest_sessionfinish(self):
        FILE.write_text(written(self.seconds, self.long), encoding="utf-8")


def written(seconds, long):
    """Returns the content of the file of durations."""
    rounded = {name: STEP * round(s / STEP) for name, s in seconds.items()}
    kept = {name: s for name, s in sorted(rounded.items()) if s}
    fields = {"groups": kept, "long": sorted(long)}
    return json.dumps(fields, indent=1, ensure_ascii=False) + "\n"
