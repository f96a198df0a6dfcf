"""Writes checkpoints completely or not at all, and checks their files.

A checkpoint consists of the files that `tf.train.Checkpoint` writes:
`ckpt-<step>.index` and `ckpt-<step>.data-*`. A killed process may leave one or
several of the following paths, and temporary files, see `_LEFT_OVER`. `tidy`
then undoes or finishes the work of that process:

    .ckpt-<step>.writing/    has incomplete files, which are deleted
    .ckpt-<step>.written/    has complete files, which are moved out
    .ckpt-<step>.removing    marks a checkpoint whose files must be deleted

`tidy` repairs all that a killed process can leave. So if a checkpoint lacks
files after `tidy`, it is damaged.
"""

import logging
import os
import pathlib
import re
import shutil
from collections.abc import Callable, Collection

import tensorflow as tf

_LOG = logging.getLogger(__name__)
_FILE = re.compile(r"ckpt-(\d+)\.(index|data-\d+-of-\d+)")
# The names of incomplete files and directories of this module and TensorFlow. A
# killed process may leave them; `tidy` deletes them.
_LEFT_OVER = (
    ".ckpt-*.writing",
    ".checkpoint.writing",
    "ckpt-*_temp",
    "ckpt-*.tempstate*",
    "checkpoint.tmp*",
)


class CheckpointFiles:
    """The checkpoints in one directory, each named by its step.

    The class also writes the file `checkpoint` for other programs, which call
    `tf.train.latest_checkpoint`. It never reads that file.

    Args:
        directory: the directory of the files.
        max_to_keep: how many of the newest undamaged checkpoints are kept.
        pinned: a function without arguments that returns steps. The checkpoints
            of these steps, such as the best ones, are kept too.

    Raises:
        ValueError: `max_to_keep` is less than 1.

    Example:

    >>> import tempfile
    >>> files = CheckpointFiles(tempfile.mkdtemp(), max_to_keep=2)
    >>> number = tf.train.Checkpoint(number=tf.Variable(1.0))
    >>> for step in (3, 5, 7):
    ...     files.write(step, number.write)
    >>> files.good()
    [5, 7]
    """

    def __init__(
        self,
        directory: str | os.PathLike,
        max_to_keep: int,
        pinned: Callable[[], Collection[int]] = tuple,
    ):
        if max_to_keep < 1:
            raise ValueError(
                "`max_to_keep` must be at least 1. Received: "
                f"max_to_keep={max_to_keep}."
            )
        self.directory = pathlib.Path(directory)
        self._max_to_keep = max_to_keep
        self._pinned = pinned
        # A dict from the step of each inspected checkpoint to a description of
        # its damage. The description is None if the checkpoint is undamaged.
        self._damage: dict[int, str | None] = {}

    def path(self, step: int) -> str:
        """Returns the path of a checkpoint without the suffixes of files."""
        return str(self.directory / f"ckpt-{step}")

    def good(self, anew: bool = False) -> list[int]:
        """Returns the steps of the undamaged checkpoints, ascending.

        The inspection of a checkpoint reads every byte, because TensorFlow
        compares checksums only while it reads. The result is remembered for
        later calls. The inspection logs a warning if a checkpoint is damaged.

        Args:
            anew: whether to inspect all checkpoints again.

        Raises:
            OSError: this process has no permission to read a file.
        """
        if anew:
            self._damage.clear()
        steps = self._steps()
        for step in steps:
            if step not in self._damage:
                self._damage[step] = self._inspect(step)
                if self._damage[step]:
                    _LOG.warning(
                        "The checkpoint %s is damaged and not used: %s",
                        self.path(step),
                        self._damage[step],
                    )
        return [step for step in steps if self._damage[step] is None]

    def damaged(self) -> dict[int, str]:
        """Describes the damaged checkpoints.

        Returns:
            A dict from the step of each damaged checkpoint to a text that
            describes the damage.
        """
        self.good()
        return {
            step: damage
            for step in self._steps()
            if (damage := self._damage[step]) is not None
        }

    def write(self, step: int, write: Callable[[str], object]) -> None:
        """Writes a checkpoint, and deletes checkpoints that are too old.

        A checkpoint, damaged or not, is too old if `max_to_keep` undamaged
        checkpoints are newer, and `pinned` does not return its step. A
        checkpoint of the same step is replaced.

        Args:
            step: the step of the checkpoint.
            write: a function that writes a TensorFlow checkpoint. Its argument
                is the path of the checkpoint without the suffixes of files.

        Raises:
            ValueError: there is an undamaged checkpoint of a later step.
        """
        self.tidy()
        later = [other for other in self.good() if other > step]
        if later:
            raise ValueError(
                f"Received a checkpoint of step {step}, but {self.directory} "
                f"holds one of step {later[-1]}. Restore that first, or use "
                "another directory."
            )
        writing = self.directory / f".ckpt-{step}.writing"
        writing.mkdir(parents=True)
        write(str(writing / f"ckpt-{step}"))
        for path in writing.iterdir():
            _sync(path)
        written = writing.with_suffix(".written")
        os.rename(writing, written)
        _sync(self.directory)
        self._damage[step] = None
        self._publish(written)

    def remove(self, step: int) -> None:
        """Deletes a checkpoint, and updates the file `checkpoint`.

        If no undamaged checkpoint is left, the file `checkpoint` does not
        change.

        Args:
            step: the step of the checkpoint.
        """
        self._remove(step)
        self._name_newest(self.good()[-self._max_to_keep :])

    def tidy(self) -> None:
        """Completes or undoes the unfinished work of a killed process."""
        for path in self.directory.glob(".ckpt-*.removing"):
            self._remove(_hidden_step(path))
        for path in self.directory.glob(".ckpt-*.written"):
            self._damage.pop(_hidden_step(path), None)
            self._publish(path)
        for pattern in _LEFT_OVER:
            for path in self.directory.glob(pattern):
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def _steps(self):
        """Returns the steps that have at least one file, ascending."""
        if not self.directory.exists():
            return []
        return sorted(set(_steps_of(os.listdir(self.directory))))

    def _inspect(self, step):
        """Returns a description of a checkpoint's damage, or None."""
        index = pathlib.Path(self.path(step) + ".index")
        if not index.exists():
            return f"{index.name} is missing."
        for path in self.directory.glob(f"ckpt-{step}.*"):
            # A missing permission is no damage, so it raises an error here.
            path.open("rb").close()
        name = index.name
        try:
            # This reads the whole index file. Damage can cause any OpError, or
            # IndexError; the message of the error describes the damage.
            reader = tf.train.load_checkpoint(self.path(step))
            for tensor in reader.get_variable_to_shape_map():
                name = f"{index.stem}.data-*, {tensor}"
                reader.get_tensor(tensor)
        except (tf.errors.OpError, IndexError) as error:
            return f"{name}: {error}"
        return None

    def _publish(self, written):
        """Moves a complete checkpoint to its place and deletes old ones."""
        for path in written.iterdir():
            os.replace(path, self.directory / path.name)
        _sync(self.directory)
        kept = self.good()[-self._max_to_keep :]
        self._name_newest(kept)
        is_full = len(kept) == self._max_to_keep
        for step in self._steps():
            if is_full and step < kept[0] and step not in self._pinned():
                self._remove(step)
        # This is the last operation: if the process is killed before it, the
        # next process still sees the directory, and repeats the work.
        written.rmdir()

    def _remove(self, step):
        marker = self.directory / f".ckpt-{step}.removing"
        marker.touch()
        for path in self.directory.glob(f"ckpt-{step}.*"):
            path.unlink()
        marker.unlink()

    def _name_newest(self, kept):
        """Writes the file that `tf.train.latest_checkpoint` reads."""
        if not kept:
            return
        lines = [f'model_checkpoint_path: "ckpt-{kept[-1]}"']
        lines += [f'all_model_checkpoint_paths: "ckpt-{s}"' for s in kept]
        temporary = self.directory / ".checkpoint.writing"
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
        os.replace(temporary, self.directory / "checkpoint")


def _hidden_step(path):
    """Returns the step in a name such as `.ckpt-<step>.writing`."""
    return int(path.stem.removeprefix(".ckpt-"))


def _steps_of(names):
    """Yields the step of each name that is the name of a checkpoint file."""
    for match in map(_FILE.fullmatch, names):
        if match:
            yield int(match[1])


def _sync(path):
    """Waits until a file, or the entries of a directory, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def newest_step(directory: str | os.PathLike) -> int | None:
    """Returns the step of the newest checkpoint, damaged or not.

    Returns `None` if there is no checkpoint, or no such directory.

    Example:

    >>> newest_step("nowhere")
    """
    names = (path.name for path in pathlib.Path(directory).glob("*"))
    return max(_steps_of(names), default=None)
