"""Closed streams, Ctrl-C and unread output of real processes."""

import os
import pathlib
import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.process

ROOT = pathlib.Path(__file__).parents[2]
# Programs of a package that calls `startup.prepare`.
PROGRAMS = {
    "waits": "import time\nprint('begun', flush=True)\ntime.sleep(60)",
    "prints": "for i in range(100_000):\n    print(i)",
    "prints_late": "import time\nprint(1)\ntime.sleep(0.5)",
    "says_its_streams": (
        "import os, sys\n"
        "print([os.path.exists(f'/dev/fd/{n}') for n in range(3)],"
        " sys.stdout is None, file=open(sys.argv[1], 'w'))\n"
        "print('warning', file=sys.stderr)"
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("programs")
    package = folder / "light"
    package.mkdir()
    (package / "__init__.py").write_text(
        "from trainers import startup\nstartup.prepare()\n"
    )
    for name, code in PROGRAMS.items():
        (package / f"{name}.py").write_text(code + "\n")
    return folder


def start(folder, name, *arguments, redirected=""):
    environment = {**os.environ, "PYTHONPATH": f"{folder}:{ROOT}"}
    # With this variable, no output would be left for the end of the process.
    environment.pop("PYTHONUNBUFFERED", None)
    return subprocess.Popen(
        [
            "/bin/sh",
            "-c",
            f'exec "$@" {redirected}',
            "sh",
            sys.executable,
            "-m",
            f"light.{name}",
            *arguments,
        ],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # If the tests run in the background, the processes that they start
        # ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def test_interrupted(folder):
    process = start(folder, "waits")
    assert process.stdout.readline() == b"begun\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors == b""


def test_the_reader_leaves(folder):
    # Python writes the line at its end, when the reader has left.
    process = start(folder, "prints_late", redirected="| true")
    assert process.communicate(timeout=60) == (b"", b"")
    process = start(folder, "prints", redirected=">/dev/full")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b"No space left on device" in errors
    assert b"Exception ignored" not in errors


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_keep_their_numbers(folder, tmp_path, closed):
    process = start(
        folder, "says_its_streams", f"{tmp_path}/said", redirected=closed
    )
    process.communicate(timeout=60)
    assert process.returncode == 0
    # All three numbers are in use, so no new file can get one of them.
    said = (tmp_path / "said").read_text()
    is_closed = ">&-" in closed.replace("2>&-", "")
    assert said == f"[True, True, True] {is_closed}\n"
