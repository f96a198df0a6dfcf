"""Items pass unchanged, and the log gets few lines."""

import itertools
from unittest import mock

from tests.assertions import logged
from trainers import progress


def test_a_line_now_and_then():
    # The clock is read every thousand items, and advances a second each time.
    clock = itertools.count()
    with mock.patch.object(progress.time, "monotonic", lambda: next(clock)):
        with logged("trainers", "INFO") as logs:
            items = list(progress.track(range(7001), seconds=5))
    assert items == list(range(7001))
    [line] = logs
    assert "pairs, " in line and " a minute." in line


def test_nothing_is_read_ahead():
    iterator = progress.track(itertools.count())
    assert [next(iterator) for _ in range(3)] == [0, 1, 2]


def test_a_bar_in_a_terminal(capsys):
    with mock.patch.object(progress.sys.stderr, "isatty", lambda: True):
        assert list(progress.track(iter("abc"))) == ["a", "b", "c"]
    assert "3.00 pairs" in capsys.readouterr().err
