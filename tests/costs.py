"""Marks that tell what tests cost, and a guard against unmarked processes."""

import importlib
import sys

import pytest

# Marks that follow from the fixtures that a test uses.
OF_FIXTURES = {"demo_run": ("process", "training")}
PROCESSES = {
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.system",
    "subprocess.Popen",
}


def add_marks(item):
    """Adds the marks that follow from what a test uses."""
    names = [
        name
        for fixture, names in OF_FIXTURES.items()
        if fixture in item.fixturenames
        for name in names
    ]
    if hasattr(item.module, "toy"):
        # The translator of `toy` is trained once in a process.
        names.append("training")
    for name in names:
        item.add_marker(getattr(pytest.mark, name))


def grid(values, keep):
    """Returns values of a parameter; others than `keep` get the mark `grid`."""
    return [
        value if value in keep else pytest.param(value, marks=pytest.mark.grid)
        for value in values
    ]


def grid_of_several(cases, keep):
    """Does the same as `grid` for several parameters: each case is a tuple."""
    return [
        case if case in keep else pytest.param(*case, marks=pytest.mark.grid)
        for case in cases
    ]


class Guard:
    """A plugin of pytest: only a test with the mark may start a process."""

    def __init__(self):
        # In NumPy 1, this import starts a process that detects the CPU.
        importlib.import_module("numpy.testing")
        self.item = None
        sys.addaudithook(self.audit)

    def audit(self, event, arguments):
        if event not in PROCESSES or self.item is None:
            return
        if self.item.get_closest_marker("process") is None:
            raise RuntimeError(
                f"{self.item.nodeid} starts a process ({event}). Mark it with "
                "`@pytest.mark.process`, so that `make check` leaves it out."
            )

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        self.item = item
        try:
            return (yield)
        finally:
            self.item = None
