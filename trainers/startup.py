"""Prepares the process of a program before TensorFlow is imported.

`python -m` first imports the package of a program, and the package calls
`prepare`. This module imports only the standard library. So the process is
prepared before the import of TensorFlow, which takes seconds.
"""

import atexit
import contextlib
import ctypes
import os
import sys

# Exit code after Ctrl-C. As in shells, it is 128 plus the number of SIGINT.
INTERRUPTED = 130
# The parameter `M_TOP_PAD` of glibc's `mallopt`, and its value in bytes.
_TOP_PAD = -2, 64 * 2**20


def prepare() -> None:
    """Hides TensorFlow's start-up messages; prepares a process of `python -m`.

    If `python -m` did not start the process, only the messages are hidden. In a
    process of `python -m`, closed standard streams are opened on the null
    device. If they stayed closed, the next file would get the number of a
    closed stream, and the output would be written into this file. The process
    keeps more of the memory that it frees, see docs/performance.md. Ctrl-C ends
    the process without a traceback. If the reader of the output closes the
    pipe, the process prints no error message at its end.
    """
    # At level 2 TensorFlow logs only errors. Its many start-up messages would
    # make it hard to find the output of the program. A level that the user has
    # set is kept.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # `sys.argv` begins with "-m" while `python -m` imports the package of the
    # program.
    if sys.argv[:1] != ["-m"]:
        return
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            # A new file gets the lowest free descriptor, which is `descriptor`.
            os.open(os.devnull, os.O_RDWR)
    _keep_freed_memory()
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")
    sys.excepthook = _without_a_traceback
    atexit.register(drop_output_if_unread)


def _keep_freed_memory():
    """Makes malloc take memory from the system in larger blocks, and keep more.

    Nothing changes without glibc, or if the user set `MALLOC_TOP_PAD_`.
    TensorFlow allocates and frees the same large tensors in every step. By
    default malloc gives their memory back to the system. In the next step, the
    system must map and clear the memory again.
    """
    if "MALLOC_TOP_PAD_" in os.environ or sys.platform != "linux":
        return
    # Only glibc has `mallopt`.
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).mallopt(*_TOP_PAD)


def drop_output_if_unread() -> None:
    """Flushes standard output, and discards what cannot be written."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        # Python flushes again at exit, and prints an error if the flush fails.
        # So the output is redirected to the null device. Tests replace
        # `sys.stdout` by objects without a file; the errors of these objects
        # are ignored.
        with contextlib.suppress(OSError, ValueError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, sys.stdout.fileno())


def _without_a_traceback(kind, error, traceback):
    if issubclass(kind, KeyboardInterrupt):
        # Without `os._exit`, Python would kill its own process with SIGINT, and
        # the process would not have this exit code.
        os._exit(INTERRUPTED)
    sys.__excepthook__(kind, error, traceback)
