"""What several tests share: one real run of the trainer's default."""

import pathlib
import subprocess
import sys

import pytest
from absl import flags

# absl's test cases read flags, which pytest does not parse.
flags.FLAGS.mark_as_parsed()
ROOT = pathlib.Path(__file__).parent.parent


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
