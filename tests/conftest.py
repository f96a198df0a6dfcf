"""What tests share: their processes, and one real run of the trainer."""

import os
import pathlib
import subprocess
import sys

import pytest
from absl import flags

# A core for each of several processes; TensorFlow reads it when imported.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")

# absl's test cases read flags, which pytest does not parse.
flags.FLAGS.mark_as_parsed()
ROOT = pathlib.Path(__file__).parent.parent


def pytest_itemcollected(item):
    """Keeps together, in one of several processes, what shares fixtures.

    Those are the tests of a file, and all that read the demo's run.
    """
    group = "demo" if "demo_run" in item.fixturenames else item.path.stem
    item.add_marker(pytest.mark.xdist_group(group))


def pytest_collection_modifyitems(items):
    """Puts the tests of the demo's run first: nothing takes as long."""
    items.sort(key=lambda item: "demo_run" not in item.fixturenames)


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory):
    """The run directory that `make demo` leaves, made by its command."""
    directory = tmp_path_factory.mktemp("runs") / "demo"
    result = subprocess.run(
        [
            sys.executable,
            "-m",
            "trainers.train_translation",
            f"--output_dir={directory}",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    (directory / "stdout.txt").write_text(result.stdout, encoding="utf-8")
    return directory
