"""What a program needs before TensorFlow is imported, which takes seconds.

`python -m` imports the package of a program first, which calls `prepare`. Only
the standard library is used here.
"""

import atexit
import contextlib
import os
import sys

# Of a program that was interrupted, as shells have it: 128 and SIGINT.
INTERRUPTED = 130


def prepare() -> None:
    """Prepares the process, if `python -m` has just begun to run a program.

    Streams that are closed get the null device, since the next file that is
    opened would have their number and what is printed. Ctrl-C ends the process
    without a traceback. An output that nobody reads is no error of its end.
    """
    # TensorFlow's start-up messages would drown what a program has to say.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # So it is called while Python looks for the program.
    if sys.argv[:1] != ["-m"]:
        return
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest number that is free, which is this one.
            os.open(os.devnull, os.O_RDWR)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")
    sys.excepthook = _without_a_traceback
    atexit.register(drop_output_if_unread)


def drop_output_if_unread() -> None:
    """Flushes the output; what cannot be written is not tried again."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        # Python would flush it once more, and print that it failed. Streams
        # that were replaced by others have no number.
        with contextlib.suppress(OSError, ValueError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, sys.stdout.fileno())


def _without_a_traceback(kind, error, traceback):
    if issubclass(kind, KeyboardInterrupt):
        # Not `sys.exit`: Python would end itself by the signal.
        os._exit(INTERRUPTED)
    sys.__excepthook__(kind, error, traceback)
