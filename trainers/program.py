"""Runs programs: parses their flags, and prints errors as short messages."""

import contextlib
import errno
import io
import logging
import os
import pathlib
import re
import sys
from collections.abc import Callable, Sequence

import tensorflow as tf
from absl import app, flags

from trainers import settings_flags, startup

# Without this line, absl would count the flags of a program as flags of this
# file. --help prints only the flags of the program's own file.
flags.disclaim_key_flags()

# Error messages of a failed write: the disk is full, the user's quota is used
# up, or the file is larger than the user's limit.
_DISK_IS_FULL = tuple(
    os.strerror(code) for code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
)


class Program:
    """A program that calls a function with settings that it reads from flags.

    Errors that a user can correct (`ValueError`, `OSError`,
    `FloatingPointError`, a full disk) end the program with one line on standard
    error and exit code 1. If the reader of the output closes the pipe, the
    program ends without a message and with exit code 1. Ctrl-C ends it without
    a message and with exit code 130. The output is UTF-8 in every locale.

    Args:
        work: the function; it takes one settings object of each class.
        settings_classes: dataclasses or `Selection`s of their fields.
    """

    def __init__(
        self,
        work: Callable[..., None],
        settings_classes: Sequence[type | settings_flags.Selection],
    ) -> None:
        self._work = work
        self._settings_classes = settings_classes

    def define_flags(self, values: flags.FlagValues) -> None:
        """Defines the flags of all settings classes.

        Args:
            values: the flags of the program; new flags are added.
        """
        for settings_class in self._settings_classes:
            settings_flags.define(settings_class, values)

    def run(self) -> None:
        """Runs the program with the command line of this process."""
        self.define_flags(flags.FLAGS)
        app.run(self)

    def __call__(
        self, argv: list[str], values: flags.FlagValues = flags.FLAGS
    ) -> None:
        """Runs the program with parsed flags.

        Args:
            argv: the program's name and the arguments that are not flags.
            values: the parsed flags.

        Raises:
            app.UsageError: an argument is unexpected or missing.
            SystemExit: standard output is closed, or the program ended in one
                of the ways that the class describes. But after a
                `ConnectionError`, `os._exit` ends the process.
            tf.errors.OpError: TensorFlow failed, but the disk is not full.
        """
        given = self._arguments(argv[1:])
        if sys.stdout is None:
            sys.exit(
                "error: standard output is closed. Send it to a file, or to "
                f"{os.devnull}."
            )
        _print_utf8()
        try:
            self._work(
                *(
                    settings_flags.read(settings_class, values, given)
                    for settings_class in self._settings_classes
                )
            )
            sys.stdout.flush()
        except KeyboardInterrupt:
            sys.exit(startup.INTERRUPTED)
        except BrokenPipeError:
            sys.exit(1)
        except ConnectionError as error:
            print(f"error: {_one_line(error)}", file=sys.stderr, flush=True)
            with contextlib.suppress(OSError):
                sys.stdout.flush()
            # If a worker was lost, threads of TensorFlow may wait for it and
            # would print tracebacks after `sys.exit`. `os._exit` ends the
            # process immediately.
            os._exit(1)
        except (ValueError, OSError, FloatingPointError) as error:
            sys.exit(f"error: {_one_line(error)}")
        except tf.errors.OpError as error:
            reason = next(
                (text for text in _DISK_IS_FULL if text in error.message), None
            )
            if reason is None:
                raise
            sys.exit(f"error: {reason}: {_file_of(error)}")
        finally:
            startup.drop_output_if_unread()

    def _arguments(self, argv):
        """Returns the positional arguments by the names of their fields.

        Raises app.UsageError if there are too many or too few.
        """
        expected = {
            name: help_text
            for settings_class in self._settings_classes
            for name, help_text in settings_flags.arguments_of(
                settings_class
            ).items()
        }
        if len(argv) > len(expected):
            wrong = " ".join(argv[len(expected) :])
            raise app.UsageError(f"Not a flag: {wrong}")
        if len(argv) < len(expected):
            missing = "; ".join(list(expected.values())[len(argv) :])
            raise app.UsageError(f"Missing argument: {missing}")
        return dict(zip(expected, argv, strict=True))


def main(
    *settings_classes: type | settings_flags.Selection,
) -> Callable[[Callable[..., None]], Program]:
    """Returns a decorator that makes a `Program` of a function.

    The program calls the function with one settings object of each class. The
    function prints its results to `sys.stdout`.

    Args:
        *settings_classes: dataclasses whose fields are the flags of the
            program, or `Selection`s of such fields, see `settings_flags`.

    Example:

    >>> import dataclasses
    >>> @dataclasses.dataclass(frozen=True)
    ... class Greeting:
    ...     name: str = settings_flags.setting("Whom to greet.", "world")
    >>> @main(Greeting)
    ... def greet(greeting):
    ...     print("hello", greeting.name)
    >>> values = flags.FlagValues()
    >>> greet.define_flags(values)
    >>> greet(values(["greet", "--name=you"]), values)
    hello you
    """
    return lambda work: Program(work, settings_classes)


def show_log() -> None:
    """Prints the log of this project, and no other log, to standard error.

    The root logger gets no handler, because this handler would also print
    TensorFlow's log.
    """
    for name in ("trainers", "keras_transformer"):
        logger = logging.getLogger(name)
        # In tests this function is called several times. A new handler replaces
        # the old one, because `sys.stderr` may be another stream by then.
        logger.handlers = [logging.StreamHandler()]
        logger.setLevel(logging.INFO)
        logger.propagate = False


def check_output_dir(path: str | os.PathLike) -> None:
    """Checks that the program can write to its output directory.

    Args:
        path: the directory. It need not exist.

    Raises:
        OSError: the directory, or the nearest parent that exists, is a file or
            is not writable.
    """
    existing = pathlib.Path(path).absolute()
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir():
        raise NotADirectoryError(
            f"{existing} is not a directory. Received: --output_dir={path}. "
            "Give another one."
        )
    if not os.access(existing, os.W_OK | os.X_OK):
        raise PermissionError(
            f"{existing} is not writable. Received: --output_dir={path}. Give "
            "another one."
        )


def check_output_file(path: str | os.PathLike, flag: str = "output") -> None:
    """Checks that the program can write its output file.

    Args:
        path: the file. It need not exist.
        flag: the name of the flag that gives the file.

    Raises:
        OSError: the directory of the file does not exist or is not writable,
            or the file is a directory or is not writable.
    """
    file = pathlib.Path(path).absolute()
    if not file.parent.is_dir():
        raise NotADirectoryError(
            f"{file.parent} is not a directory. Received: --{flag}={path}. "
            "Give a file in a directory that exists."
        )
    if file.is_dir():
        raise IsADirectoryError(
            f"{file} is a directory. Received: --{flag}={path}. Give the name "
            "of a file."
        )
    writable = [file.parent, *([file] if file.exists() else [])]
    if not all(os.access(each, os.W_OK) for each in writable):
        raise PermissionError(
            f"{file} is not writable. Received: --{flag}={path}. Give another "
            "one."
        )


def check_input() -> None:
    """Checks that standard input is open.

    Raises:
        ValueError: standard input is closed.
    """
    if sys.stdin is None:
        raise ValueError(
            "Standard input is closed. Send text to it by a pipe or `< FILE`."
        )


def _print_utf8():
    for stream in (sys.stdout, sys.stderr):
        # Tests replace the output by streams without `reconfigure`.
        if isinstance(stream, io.TextIOWrapper):
            # A file name may be invalid UTF-8; it is printed unchanged.
            stream.reconfigure(encoding="utf-8", errors="surrogateescape")


def _one_line(error):
    text = str(error)
    if text.startswith("in user code:"):
        # In graph mode, TensorFlow puts a traceback before the message.
        text = re.split(r"\n\s+\w*Error: ", text)[-1]
    return " ".join(text.split())


def _file_of(error):
    """Returns the file that could not be written.

    TensorFlow's message has the file as the last word before the first `;`. If
    there is no such word, "?" is returned.
    """
    words = error.message.split(";")[0].split()
    return words[-1] if words else "?"
