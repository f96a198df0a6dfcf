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


# Groups in the order in which they are begun, where they take long: what comes
# last should be short, or one process waits for the other.
LONGEST = (
    "demo",
    "toy",
    "trainers/train_translation_test.py",
    "training/distributed_model_test.py",
    "trainers/multi_worker_test.py",
    "trainers/going_on_test.py",
    "training/replicas_test.py",
    "training/checkpoints_test.py",
    "models/transformer_test.py",
    "layers/decoder_test.py",
    "conformance/conformance_test.py",
    "documents_test.py",
    "search/beam_test.py",
    "export/two_vocabularies_test.py",
    "training/plain_keras_test.py",
)


def pytest_itemcollected(item):
    """Keeps together, in one of several processes, what shares what is dear.

    Those are the tests of a file, all that read the demo's run, and all files
    that translate with `tests/translation/toy.py`, which a process trains.
    """
    if "demo_run" in item.fixturenames:
        group = "demo"
    elif hasattr(item.module, "toy"):
        group = "toy"
    else:
        group = item.path.relative_to(ROOT / "tests").as_posix()
    item.add_marker(pytest.mark.xdist_group(group))


def pytest_collection_modifyitems(items):
    """Puts the longest groups first."""

    def place(item):
        group = item.get_closest_marker("xdist_group").args[0]
        return LONGEST.index(group) if group in LONGEST else len(LONGEST)

    items.sort(key=place)


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
