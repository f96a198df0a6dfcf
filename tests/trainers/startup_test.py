"""Closed streams, Ctrl-C, unread output and freed memory of processes."""

import os
import pathlib
import platform
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
    # Prints how many pages of freed memory the system maps again.
    "frees": (
        "import resource\n"
        "def faults():\n"
        "    blocks = [bytes([1]) * 100_000 for _ in range(100)]\n"
        "    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "first = faults()\n"
        "print(max(faults() for _ in range(9)) - first)"
    ),
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


def start(folder, name, *arguments, redirected="", **variables):
    environment = {**os.environ, "PYTHONPATH": f"{folder}:{ROOT}", **variables}
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


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="only glibc has `mallopt`"
)
def test_freed_memory_is_kept(folder, monkeypatch):
    monkeypatch.delenv("MALLOC_TOP_PAD_", raising=False)
    # Each of nine rounds needs 100 blocks of 24 or 25 pages.
    assert int(start(folder, "frees").communicate(timeout=60)[0]) < 2400
    # A value that the user has set is kept: 0 is the default of malloc.
    given = start(folder, "frees", MALLOC_TOP_PAD_="0")
    assert int(given.communicate(timeout=60)[0]) > 9 * 1200
