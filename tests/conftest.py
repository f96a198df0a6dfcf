"""Setup and fixtures for all tests, with one real run of the trainer.

Processes that run tests import TensorFlow and Keras. The main process of
pytest-xdist does not import them, so it starts fast.
"""

import gc
import logging
import os
import pathlib
import subprocess
import sys
from unittest import mock

import pytest
from absl import flags

from tests import costs, durations

# Each of several processes uses one core. TensorFlow reads this at import.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")

# absl's test cases read flags, which pytest does not parse.
flags.FLAGS.mark_as_parsed()
ROOT = pathlib.Path(__file__).parent.parent
LONG_TESTS = set(durations.read()["long"])


def pytest_addoption(parser):
    parser.addoption(
        "--record-durations",
        action="store_true",
        help=f"write what tests take to {durations.FILE.name}",
    )
    parser.addoption(
        "--optimized-graphs",
        action="store_true",
        help="optimize graphs before they run, as TensorFlow does by itself",
    )


def pytest_configure(config):
    config.pluginmanager.register(costs.Guard())
    if not config.getoption("numprocesses", None):
        # TensorFlow's startup messages would be printed above every report.
        with mock.patch.dict(os.environ, TF_CPP_MIN_LOG_LEVEL="3"):
            from tests import devices, graphs

            devices.split()
            graphs.optimize(config.getoption("optimized_graphs"))
    # Workers of pytest-xdist send their reports to the main process.
    is_first = "PYTEST_XDIST_WORKER" not in os.environ
    if is_first and config.getoption("record_durations"):
        config.pluginmanager.register(durations.Recorder())


def group_of(item):
    """Returns the name of a test's group, which stays in one process.

    Tests of a group share objects that take long to make. A group has the tests
    of a file, all tests that read the demo's run, or all files that use
    `tests/translation/toy.py`, whose translator a process trains once, or
    `tests/translation/loops.py`, whose translator traces its graphs once.
    """
    if "demo_run" in item.fixturenames:
        return "demo"
    for name in ("toy", "loops"):
        if hasattr(item.module, name):
            return name
    return item.path.relative_to(ROOT / "tests").as_posix()


def pytest_itemcollected(item):
    group = group_of(item)
    item.add_marker(pytest.mark.xdist_group(group))
    item.user_properties.append(("group", group))
    costs.add_marks(item)
    # A long test of the project's rules, in the folder `tests` itself, does not
    # get this mark.
    if item.nodeid in LONG_TESTS and item.path.parent != ROOT / "tests":
        item.add_marker(pytest.mark.seconds)


# Last, when pytest has left out the tests that the option `-m` does not want.
@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    durations.longest_first(items, group_of)


@pytest.fixture(scope="module", autouse=True)
def objects_of_other_tests():
    """Hides objects of earlier files from Python's garbage collector.

    Hundreds of graphs are millions of objects. To visit them takes seconds, and
    Keras collects garbage at each layer that it quantizes, and in
    `clear_session`. Between files, Python's collector runs seldom: it took a
    twentieth of the time of the tests.
    """
    gc.set_threshold(100_000, 50, 1000)
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def seed_of_tensorflow():
    """Makes `tf.random.set_seed` do nothing; yields the original function.

    The original clears TensorFlow's cache of kernels. Operations and graphs
    would prepare their kernels again, a third of the time of many tests.
    """
    import tensorflow as tf

    original = tf.random.set_seed
    with mock.patch("tensorflow.random.set_seed"):
        yield original


@pytest.fixture(autouse=True)
def seeds(seed_of_tensorflow):
    """Makes a test draw the same numbers, whichever tests ran before it."""
    import keras

    keras.utils.set_random_seed(1)


@pytest.fixture(autouse=True)
def loggers():
    """Restores the loggers, since a program may change them."""
    names = ("trainers", "keras_transformer")
    logs = [logging.getLogger(name) for name in names]
    before = [(each.handlers, each.level, each.propagate) for each in logs]
    yield
    for log, (handlers, level, propagate) in zip(logs, before, strict=True):
        log.handlers, log.propagate = handlers, propagate
        log.setLevel(level)


@pytest.fixture(scope="module")
def optimized_graphs(request):
    """Makes TensorFlow optimize the graphs of a module of tests."""
    from tests import graphs

    graphs.optimize(True)
    yield
    graphs.optimize(request.config.getoption("optimized_graphs"))


@pytest.fixture(scope="session")
def two_replicas():
    """The strategy of two replicas that all tests of a process share."""
    from tests import devices

    return devices.two_replicas()


# As many steps as the demo has, on batches half as large. The last weights are
# then as good as the demo's. A mean of the last two checkpoints would be worse.
SMALLER_BATCHES = (
    "--tokens_per_batch=2048",
    "--steps=312",
    "--evaluation_interval=104",
    "--warmup_steps=104",
    "--average_checkpoints=1",
)


@pytest.fixture(scope="session")
def demo_run(request, tmp_path_factory):
    """The run directory of `make demo`, made by the same command.

    If tests of the grid read the run, its batches are as large as those of
    `make demo`. Otherwise they have half as many tokens.
    """
    directory = tmp_path_factory.mktemp("runs") / "demo"
    is_whole = any(
        "demo_run" in item.fixturenames and item.get_closest_marker("grid")
        for item in request.session.items
    )
    result = subprocess.run(
        [
            sys.executable,
            "-m",
            "trainers.train_translation",
            f"--output_dir={directory}",
            *(() if is_whole else SMALLER_BATCHES),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=3600,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    (directory / "stdout.txt").write_text(result.stdout, encoding="utf-8")
    return directory


@pytest.fixture(scope="session")
def demo_translator(demo_run):
    """The demo's translator, shared so that its graphs are traced once."""
    import keras_transformer as kt

    return kt.load_translator(demo_run)
