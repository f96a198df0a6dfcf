"""How every program begins and ends, whatever its streams and disks do."""

import errno
import functools
import io
import os
import pathlib
import re
import sys
from collections.abc import Callable

import tensorflow as tf
from absl import app

from trainers import startup

# What a disk, or the limits of its user, may answer to a write.
_NO_ROOM = tuple(
    os.strerror(code) for code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
)


def main(work: Callable[[], None]) -> Callable[[list[str]], None]:
    """Makes the `main(argv)` of a program of what it does.

    What the user can mend (a `ValueError`, an `OSError`, a
    `FloatingPointError`, a full disk) is one line of error and code 1. If who
    reads the output has left, the program ends quietly with code 1, and by
    Ctrl-C quietly with code 130. What is printed is UTF-8 in every locale.

    Args:
        work: the program, when its flags are parsed; prints to `sys.stdout`.

    Returns:
        What `absl.app.run` takes. It refuses arguments that are no flags, and
        an output that is closed, before any work.

    Example:

    >>> @main
    ... def greet():
    ...     print("hello")
    >>> greet(["greet"])
    hello
    """

    @functools.wraps(work)
    def run(argv):
        if len(argv) > 1:
            raise app.UsageError(f"Not a flag: {' '.join(argv[1:])}")
        if sys.stdout is None:
            sys.exit(
                "error: standard output is closed. Send it to a file, or to "
                f"{os.devnull}."
            )
        _print_utf8()
        try:
            work()
            sys.stdout.flush()
        except KeyboardInterrupt:
            sys.exit(startup.INTERRUPTED)
        except BrokenPipeError:
            sys.exit(1)
        except (ValueError, OSError, FloatingPointError) as error:
            sys.exit(f"error: {_one_line(error)}")
        except tf.errors.OpError as error:
            reason = next((r for r in _NO_ROOM if r in error.message), None)
            if reason is None:
                raise
            sys.exit(f"error: {reason}: {_file_of(error)}")
        finally:
            startup.drop_output_if_unread()

    return run


def check_output_dir(path) -> None:
    """Says in time that nothing can be written into a directory.

    Args:
        path: of the directory, which need not be there yet.

    Raises:
        OSError: it, or what it would be in, is a file or must not be changed.
    """
    there = pathlib.Path(path).absolute()
    while not there.exists():
        there = there.parent
    if not there.is_dir():
        raise NotADirectoryError(
            f"{there} is no directory. Received: --output_dir={path}. Give "
            "another."
        )
    if not os.access(there, os.W_OK | os.X_OK):
        raise PermissionError(
            f"{there} must not be written to. Received: --output_dir={path}. "
            "Give another."
        )


def check_input() -> None:
    """Raises ValueError if standard input, which is to be read, is closed."""
    if sys.stdin is None:
        raise ValueError(
            "Standard input is closed. Give text by a pipe or `< FILE`."
        )


def _print_utf8():
    for stream in (sys.stdout, sys.stderr):
        # Not those that tests have put in their place.
        if isinstance(stream, io.TextIOWrapper):
            # Names of files may be no text; they are printed as they are.
            stream.reconfigure(encoding="utf-8", errors="surrogateescape")


def _one_line(error):
    text = str(error)
    if text.startswith("in user code:"):
        # TensorFlow puts where a graph was made before the message.
        text = re.split(r"\n\s+\w*Error: ", text)[-1]
    return " ".join(text.split())


def _file_of(error):
    """What TensorFlow was writing, which it names last of all words."""
    words = error.message.split(";")[0].split()
    return words[-1] if words else "?"
