"""Recorded durations of tests, used to order tests and to mark long ones.

Tests run in two processes. Each takes the next group when it has finished one.
If the longest groups come first, both processes end at about the same time.
Tests that take longer than `LONG` get the mark `seconds`. The time of a test
varies from run to run, so a test keeps the mark until it takes half as long.
"""

import collections
import json
import pathlib

FILE = pathlib.Path(__file__).with_suffix(".json")
# In seconds. The duration of a group is rounded to a multiple of `STEP`. So the
# file does not change with every run. A duration of 0 is not recorded.
STEP = 5
LONG = 0.3


def read():
    """Returns the content of the file.

    A dict of three entries:
    - `groups`: the seconds of each group, without tests of the grid;
    - `grids`: the seconds of the tests of the grid in each group;
    - `long`: a list with the names of tests that take long.
    """
    return json.loads(FILE.read_text(encoding="utf-8"))


def kind(is_of_grid):
    """Returns the entry of the file for a test of the grid, or another test."""
    return "grids" if is_of_grid else "groups"


def longest_first(items, group_of):
    """Sorts tests in place by the recorded seconds of their groups."""
    recorded, seconds = read(), collections.Counter()
    for group, entry in {
        (group_of(item), kind(item.get_closest_marker("grid")))
        for item in items
    }:
        seconds[group] += recorded[entry].get(group, 0)
    items.sort(key=lambda item: -seconds[group_of(item)])


class Recorder:
    """A plugin of pytest that writes the file when all tests have run.

    If no test of the grid runs, its durations stay as they are. The same holds
    for the durations of the other tests if only the grid runs.
    """

    def __init__(self):
        self.seconds = {"groups": collections.Counter()}
        self.seconds["grids"] = collections.Counter()
        self.were_long = set(read()["long"])
        self.long = set()

    def pytest_runtest_logreport(self, report):
        group = dict(report.user_properties)["group"]
        entry = kind("grid" in report.keywords)
        self.seconds[entry][group] += report.duration
        # pytest-xdist adds the group to the name.
        name = report.nodeid.removesuffix(f"@{group}")
        limit = LONG / 2 if name in self.were_long else LONG
        # The time of fixtures does not count, since tests share them.
        is_long = report.when == "call" and report.duration > limit
        if is_long and entry == "groups":
            self.long.add(name)

    def pytest_sessionfinish(self):
        content = updated(read(), self.seconds, self.long)
        FILE.write_text(content, encoding="utf-8")


def updated(recorded, seconds, long):
    """Returns the new content of the file of durations."""
    if seconds["groups"]:
        recorded["long"] = sorted(long)
    for entry, counter in seconds.items():
        if counter:
            rounded = {
                name: STEP * round(s / STEP) for name, s in counter.items()
            }
            recorded[entry] = {
                name: s for name, s in sorted(rounded.items()) if s
            }
    return json.dumps(recorded, indent=1, ensure_ascii=False) + "\n"
