"""How long each group of tests takes: recorded once, then used to order them.

Tests run in two processes, which take the next group when they are done with
one. Where the longest groups come first, both end at the same time.
"""

import collections
import json
import pathlib

FILE = pathlib.Path(__file__).with_suffix(".json")
# Seconds. Shorter groups are not recorded, and the others are rounded, so that
# the file changes with the tests and not with every run.
STEP = 5


def longest_first(items, group_of):
    """Sorts tests in place by the recorded seconds of their groups."""
    seconds = json.loads(FILE.read_text(encoding="utf-8"))
    items.sort(key=lambda item: -seconds.get(group_of(item), 0))


class Recorder:
    """A plugin of pytest that writes the file when all tests have run."""

    def __init__(self):
        self.seconds = collections.Counter()

    def pytest_runtest_logreport(self, report):
        group = dict(report.user_properties)["group"]
        self.seconds[group] += report.duration

    def pytest_sessionfinish(self):
        FILE.write_text(written(self.seconds), encoding="utf-8")


def written(seconds):
    """The content of the file."""
    rounded = {name: STEP * round(s / STEP) for name, s in seconds.items()}
    kept = {name: s for name, s in sorted(rounded.items()) if s}
    return json.dumps(kept, indent=1) + "\n"
