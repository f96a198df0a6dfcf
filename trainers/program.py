"""How every program begins and ends, whatever its streams and disks do."""

import contextlib
import errno
import io
import os
import pathlib
import re
import sys
from collections.abc import Callable, Sequence

import tensorflow as tf
from absl import app, flags

from trainers import settings_flags, startup

# The command's own file is named by --help as where the flags are from.
flags.disclaim_key_flags()

# What a disk, or the limits of its user, may answer to a write.
_NO_ROOM = tuple(
    os.strerror(code) for code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
)


class Program:
    """What a command does with its settings, whatever comes in between.

    What the user can mend (a `ValueError`, an `OSError`, a
    `FloatingPointError`, a full disk) is one line of error and code 1. If who
    reads the output has left, the program ends quietly with code 1, and by
    Ctrl-C quietly with code 130. What is printed is UTF-8 in every locale.
    """

    def __init__(self, work: Callable[..., None], kinds: Sequence):
        self._work = work
        self._kinds = kinds

    def define_flags(self, values: flags.FlagValues) -> None:
        """Defines the flags of all settings."""
        for kind in self._kinds:
            settings_flags.define(kind, values)

    def run(self) -> None:
        """Runs the program as the command that this process was started by."""
        self.define_flags(flags.FLAGS)
        app.run(self)

    def __call__(
        self, argv: list[str], values: flags.FlagValues = flags.FLAGS
    ) -> None:
        """Runs the program with flags that were parsed.

        Refuses arguments that are no flags, and an output that is closed,
        before any work.

        Args:
            argv: the program's name, and what was left by the flags.
            values: of its flags.
        """
        if len(argv) > 1:
            raise app.UsageError(f"Not a flag: {' '.join(argv[1:])}")
        if sys.stdout is None:
            sys.exit(
                "error: standard output is closed. Send it to a file, or to "
                f"{os.devnull}."
            )
        _print_utf8()
        try:
            self._work(*(settings_flags.read(k, values) for k in self._kinds))
            sys.stdout.flush()
        except KeyboardInterrupt:
            sys.exit(startup.INTERRUPTED)
        except BrokenPipeError:
            sys.exit(1)
        except ConnectionError as error:
            print(f"error: {_one_line(error)}", file=sys.stderr, flush=True)
            with contextlib.suppress(OSError):
                sys.stdout.flush()
            # At once: TensorFlow's threads of a cluster that is lost may print
            # tracebacks while Python ends them.
            os._exit(1)
        except (ValueError, OSError, FloatingPointError) as error:
            sys.exit(f"error: {_one_line(error)}")
        except tf.errors.OpError as error:
            reason = next((r for r in _NO_ROOM if r in error.message), None)
            if reason is None:
                raise
            sys.exit(f"error: {reason}: {_file_of(error)}")
        finally:
            startup.drop_output_if_unread()


def main(*kinds) -> Callable[[Callable[..., None]], Program]:
    """Makes a `Program` of what it does.

    Args:
        *kinds: dataclasses whose settings are its flags, or parts of such, see
            `settings_flags`. The function is called with one of each, and
            prints to `sys.stdout`.

    Example:

    >>> import dataclasses
    >>> @dataclasses.dataclass(frozen=True)
    ... class Greeting:
    ...     name: str = settings_flags.setting("Of whom.", "world")
    >>> @main(Greeting)
    ... def greet(greeting):
    ...     print("hello", greeting.name)
    >>> values = flags.FlagValues()
    >>> greet.define_flags(values)
    >>> greet(values(["greet", "--name=you"]), values)
    hello you
    """
    return lambda work: Program(work, kinds)


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
