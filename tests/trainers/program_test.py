"""All ways in which a program can end; every command is a `Program`."""

import dataclasses
import importlib
import io
import logging
import os
import pathlib
import sys
from unittest import mock

import pytest
import tensorflow as tf
from absl import app, flags

from trainers import program, settings_flags

ROOT = pathlib.Path(__file__).parents[2]


def end_of(work, output, arguments=("program",)):
    """Runs a program; returns its exit code or its error message."""
    with mock.patch.object(sys, "stdout", output):
        try:
            program.main()(work)(list(arguments))
        except SystemExit as end:
            return end.code
    return 0


def run(work, encoding="utf-8"):
    """Runs a program; returns its code or error message, and its output."""
    output = io.TextIOWrapper(io.BytesIO(), encoding)
    code = end_of(work, output)
    output.flush()
    return code, output.buffer.getvalue()


def failing(error):
    def work():
        print("so far")
        raise error

    return work


def test_prints_utf8_in_every_locale():
    name = "caf\udce9"  # How Python represents a file name in Latin-1.
    assert run(lambda: print("fatigué", name), encoding="ascii") == (
        0,
        b"fatigu\xc3\xa9 caf\xe9\n",
    )


@pytest.mark.parametrize(
    "error, message",
    [
        (ValueError("no\n  such flag"), "error: no such flag"),
        (
            FileNotFoundError(2, "No such file or directory", "a"),
            "error: [Errno 2] No such file or directory: 'a'",
        ),
        (FloatingPointError("not a number"), "error: not a number"),
        (ChildProcessError("it ended"), "error: it ended"),
        (
            tf.errors.ResourceExhaustedError(
                None, None, "{{node SaveV2}} /run/ckpt; No space left on device"
            ),
            "error: No space left on device: /run/ckpt",
        ),
        (
            tf.errors.OutOfRangeError(
                None, None, "/run/ckpt; File too large [Op:SaveV2]"
            ),
            "error: File too large: /run/ckpt",
        ),
        (KeyboardInterrupt(), 130),
        (BrokenPipeError(32, "Broken pipe"), 1),
    ],
)
def test_ends_in_one_line(error, message):
    # The output before the error is not lost.
    assert run(failing(error)) == (message, b"so far\n")


@pytest.mark.parametrize(
    "error",
    [
        TypeError("of ours"),
        # The memory of a device is full, not a disk.
        tf.errors.ResourceExhaustedError(None, None, "OOM when allocating"),
    ],
)
def test_other_errors_keep_their_traceback(error):
    with pytest.raises(type(error)):
        run(failing(error))


def test_a_reader_that_left():
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w", encoding="utf-8") as output:
        # The output is buffered, and written at the program's end.
        assert end_of(lambda: print("a line"), output) == 1


def test_a_lost_cluster_ends_at_once(capfd):
    def work():
        raise ConnectionError("Another worker\nhas gone.")

    with mock.patch.object(os, "_exit", side_effect=SystemExit(7)) as ended:
        assert end_of(work, io.TextIOWrapper(io.BytesIO())) == 7
    ended.assert_called_once_with(1)
    assert capfd.readouterr().err == "error: Another worker has gone.\n"


def test_a_full_disk():
    with open("/dev/full", "w", encoding="utf-8") as output:
        end = end_of(lambda: print("a line"), output)
    assert end == "error: [Errno 28] No space left on device"


@dataclasses.dataclass(frozen=True)
class Size:
    size: int = settings_flags.setting("Of it.", 3)

    def __post_init__(self):
        if self.size > 5:
            raise ValueError(f"--size is at most 5. Received: {self.size}.")


@pytest.mark.parametrize(
    ("arguments", "code", "output"),
    [
        ([], 0, "3\n"),
        (["--size=5"], 0, "5\n"),
        # An error of the settings class is one line too.
        (["--size=7"], "error: --size is at most 5. Received: 7.", ""),
    ],
)
def test_settings_of_the_command_line(capsys, arguments, code, output):
    @program.main(Size)
    def main(size):
        print(size.size)

    values = flags.FlagValues()
    main.define_flags(values)
    try:
        main(values(["program", *arguments]), values)
        exit_code = 0
    except SystemExit as end:
        exit_code = end.code
    assert exit_code == code
    assert capsys.readouterr().out == output


def test_refuses_before_any_work():
    work = mock.Mock(__name__="work")
    with pytest.raises(app.UsageError, match="Not a flag: left over"):
        end_of(work, sys.stdout, ["program", "left", "over"])
    assert end_of(work, None).startswith("error: standard output is closed")
    work.assert_not_called()


def test_a_closed_input():
    with (
        mock.patch.object(sys, "stdin", None),
        pytest.raises(ValueError, match="Standard input is closed"),
    ):
        program.check_input()


def test_the_log_has_what_the_project_says(capsys):
    names = ("trainers", "keras_transformer", "tensorflow")
    program.show_log()
    program.show_log()
    for name in names:
        logging.getLogger(name).getChild("part").info("%s says", name)
    assert capsys.readouterr().err == (
        "trainers says\nkeras_transformer says\n"
    )


def test_an_output_dir(tmp_path):
    program.check_output_dir(tmp_path)
    program.check_output_dir(tmp_path / "new" / "run")
    file = tmp_path / "file"
    file.touch()
    for path in (file, file / "run", file / "new" / "run"):
        with pytest.raises(
            NotADirectoryError, match=f"{file} is not a directory"
        ):
            program.check_output_dir(path)
    with mock.patch.object(os, "access", lambda path, mode: False):
        message = f"{tmp_path} is not writable.*--output_dir={tmp_path}"
        with pytest.raises(PermissionError, match=message):
            program.check_output_dir(tmp_path / "run")


def test_every_command_is_a_program():
    paths = [
        path.relative_to(ROOT).with_suffix("")
        for folder in ("trainers", "tools")
        for path in (ROOT / folder).rglob("*.py")
        if "main.run()" in path.read_text(encoding="utf-8")
    ]
    assert len(paths) > 9
    for path in paths:
        module = importlib.import_module(".".join(path.parts))
        assert isinstance(module.main, program.Program)


@dataclasses.dataclass(frozen=True)
class Move:
    path: str = settings_flags.argument("what to move")
    to: str = settings_flags.setting("Where to.")


def test_an_argument_without_a_flag():
    moved = []
    move = program.main(Move)(moved.append)
    values = flags.FlagValues()
    move.define_flags(values)
    move(values(["move", "a", "--to=b"]), values)
    assert moved == [Move("a", "b")]
    with pytest.raises(app.UsageError, match="Missing argument: what to move"):
        move(["move"], values)
    with pytest.raises(app.UsageError, match="Not a flag: b c"):
        move(["move", "a", "b", "c"], values)
