"""What tests share: their processes, and one real run of the trainer.

Processes that run tests import TensorFlow and Keras. The one that only tells
them what to run does not, so that it starts at once.
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

# A core for each of several processes; TensorFlow reads it when imported.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")

# absl's test cases read flags, which pytest does not parse.
flags.FLAGS.mark_as_parsed()
ROOT = pathlib.Path(__file__).parent.parent
_, LONG_TESTS = durations.read()


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
        # What TensorFlow says when it starts would be above every report.
        with mock.patch.dict(os.environ, TF_CPP_MIN_LOG_LEVEL="3"):
            from tests import devices, graphs

            devices.split()
            graphs.optimize(config.getoption("optimized_graphs"))
    # Processes of pytest-xdist send what they measure to the one that began.
    is_first = "PYTEST_XDIST_WORKER" not in os.environ
    if is_first and config.getoption("record_durations"):
        config.pluginmanager.register(durations.Recorder())


def group_of(item):
    """The name of the tests that stay in one process with this one.

    They share what is dear to make. Those are the tests of a file, all that
    read the demo's run, and all files that translate with
    `tests/translation/toy.py`, which a process trains.
    """
    if "demo_run" in item.fixturenames:
        return "demo"
    if hasattr(item.module, "toy"):
        return "toy"
    return item.path.relative_to(ROOT / "tests").as_posix()


def pytest_itemcollected(item):
    group = group_of(item)
    item.add_marker(pytest.mark.xdist_group(group))
    item.user_properties.append(("group", group))
    costs.add_marks(item)
    if item.nodeid in LONG_TESTS:
        item.add_marker(pytest.mark.seconds)


def pytest_collection_modifyitems(items):
    durations.longest_first(items, group_of)


@pytest.fixture(scope="module", autouse=True)
def objects_of_other_tests():
    """Python's garbage collector does not visit what earlier files left.

    Hundreds of graphs are millions of objects. To visit them takes seconds, and
    Keras asks for it at each layer that it quantizes, and in `clear_session`.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def seed_of_tensorflow():
    """Nothing sets TensorFlow's own seed, and nothing draws by it.

    That would clear its cache of kernels. Operations and graphs would prepare
    theirs again, which takes a third of the time of many tests.
    """
    import tensorflow as tf

    original = tf.random.set_seed
    with mock.patch("tensorflow.random.set_seed"):
        yield original


@pytest.fixture(autouse=True)
def seeds(seed_of_tensorflow):
    """A test draws the same numbers, whichever tests ran before it."""
    import keras

    keras.utils.set_random_seed(1)


@pytest.fixture(autouse=True)
def loggers():
    """A program that ran in this process must not hide what others log."""
    names = ("trainers", "keras_transformer")
    logs = [logging.getLogger(name) for name in names]
    before = [(each.handlers, each.level, each.propagate) for each in logs]
    yield
    for log, (handlers, level, propagate) in zip(logs, before, strict=True):
        log.handlers, log.propagate = handlers, propagate
        log.setLevel(level)


@pytest.fixture(scope="module")
def optimized_graphs(request):
    """For tests whose matter is what a graph computes."""
    from tests import graphs

    graphs.optimize(True)
    yield
    graphs.optimize(request.config.getoption("optimized_graphs"))


@pytest.fixture(scope="session")
def two_replicas():
    """The strategy of two replicas that all tests of a process share."""
    from tests import devices

    return devices.two_replicas()


# Three of the demo's four intervals. The last weights are then as good as the
# demo's; a mean with those of the interval before is not.
SHORTER_DEMO = (
    "--steps=234",
    "--evaluation_interval=78",
    "--warmup_steps=78",
    "--average_checkpoints=1",
)


@pytest.fixture(scope="session")
def demo_run(request, tmp_path_factory):
    """The run directory that `make demo` leaves, made by its command.

    Where tests of the grid read it, it is trained for as long as `make demo`
    does it.
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
            *(() if is_whole else SHORTER_DEMO),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    (directory / "stdout.txt").write_text(result.stdout, encoding="utf-8")
    return directory


@pytest.fixture(scope="session")
def demo_translator(demo_run):
    """The demo's translator, with graphs that tests share."""
    import keras_transformer as kt

    return kt.load_translator(demo_run)
