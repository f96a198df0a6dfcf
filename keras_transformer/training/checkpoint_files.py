"""The files of checkpoints: written whole or not at all, damage recognised.

A checkpoint is what `tf.train.Checkpoint` writes: `ckpt-<step>.index` and
`ckpt-<step>.data-*`. A process that was killed may have left one of

    .ckpt-<step>.writing/    not complete: deleted by the next process
    .ckpt-<step>.written/    complete: the rest of its files is moved out
    .ckpt-<step>.removing    no longer kept: the rest of its files is deleted

so that half a checkpoint in the directory is always one that was damaged.
"""

import logging
import os
import pathlib
import re
import shutil
from collections.abc import Callable

import tensorflow as tf

_LOG = logging.getLogger(__name__)
_FILE = re.compile(r"ckpt-(\d+)\.(index|data-\d+-of-\d+)")
# What killed writers leave: this one, and TensorFlow's own.
_LEFT_OVER = (
    ".ckpt-*.writing",
    ".checkpoint.writing",
    "ckpt-*_temp",
    "ckpt-*.tempstate*",
    "checkpoint.tmp*",
)


class CheckpointFiles:
    """The checkpoints of one directory, by the steps they are named by.

    The file named `checkpoint`, which `tf.train.latest_checkpoint` reads, is
    written for other programs and never read here.

    Args:
        directory: where the files are.
        max_to_keep: how many undamaged checkpoints stay.

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

    def __init__(self, directory, max_to_keep: int):
        if max_to_keep < 1:
            raise ValueError(
                "`max_to_keep` must be at least 1. Received: "
                f"max_to_keep={max_to_keep}."
            )
        self.directory = pathlib.Path(directory)
        self._max_to_keep = max_to_keep
        # Of each step that was looked at, what is wrong; None if it is good.
        self._damage: dict[int, str | None] = {}

    def path(self, step: int) -> str:
        """The prefix of the files, as TensorFlow calls a checkpoint."""
        return str(self.directory / f"ckpt-{step}")

    def good(self, anew: bool = False) -> list[int]:
        """Steps of the undamaged checkpoints, ascending.

        A warning names each damaged one when it is first looked at. Every
        byte is read then, since TensorFlow compares checksums while reading.

        Args:
            anew: look again at those that were looked at before.

        Raises:
            OSError: a file may not be read.
        """
        if anew:
            self._damage.clear()
        found = self._found()
        for step in found:
            if step not in self._damage:
                self._damage[step] = self._inspect(step)
                if self._damage[step]:
                    _LOG.warning(
                        "The checkpoint %s is damaged and not used: %s",
                        self.path(step),
                        self._damage[step],
                    )
        return [step for step in found if self._damage[step] is None]

    def damaged(self) -> dict[int, str]:
        """What is wrong, by the steps of the damaged checkpoints."""
        good = self.good()
        return {s: self._damage[s] for s in self._found() if s not in good}

    def write(self, step: int, write: Callable[[str], object]) -> None:
        """Writes a checkpoint and deletes those no longer kept.

        A damaged checkpoint takes no place among those kept. It stays until
        its own step is written again, or is older than all that are kept.

        Args:
            step: its number.
            write: writes a TensorFlow checkpoint of the prefix it is given.

        Raises:
            ValueError: there is an undamaged checkpoint of a later step.
        """
        self.tidy()
        later = [each for each in self.good() if each > step]
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
        """Deletes a checkpoint."""
        self._remove(step)
        self._name_newest(self.good()[-self._max_to_keep :])

    def tidy(self) -> None:
        """Completes what a killed process had begun, or undoes it."""
        for path in self.directory.glob(".ckpt-*.removing"):
            self._remove(_step_of(path))
        for path in self.directory.glob(".ckpt-*.written"):
            self._damage.pop(_step_of(path), None)
            self._publish(path)
        for pattern in _LEFT_OVER:
            for path in self.directory.glob(pattern):
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def _found(self):
        """Steps of which there is any file, ascending."""
        if not self.directory.exists():
            return []
        names = map(_FILE.fullmatch, os.listdir(self.directory))
        return sorted({int(name[1]) for name in names if name})

    def _inspect(self, step):
        """Says what is wrong, or None."""
        index = pathlib.Path(self.path(step) + ".index")
        if not index.exists():
            return f"{index.name} is missing."
        for path in self.directory.glob(f"ckpt-{step}.*"):
            # A file that may not be read is no damaged one.
            path.open("rb").close()
        name = index.name
        try:
            # This reads all of the index. Its errors, unlike their types,
            # are made to be read: some are a bare OpError or IndexError.
            reader = tf.train.load_checkpoint(self.path(step))
            for tensor in reader.get_variable_to_shape_map():
                name = f"{index.stem}.data-*, {tensor}"
                reader.get_tensor(tensor)
        except (tf.errors.OpError, IndexError) as error:
            return f"{name}: {error}"
        return None

    def _publish(self, written):
        """Moves a complete checkpoint to its place; deletes the oldest."""
        for path in written.iterdir():
            os.replace(path, self.directory / path.name)
        _sync(self.directory)
        kept = self.good()[-self._max_to_keep :]
        self._name_newest(kept)
        for step in self._found():
            if len(kept) == self._max_to_keep and step < kept[0]:
                self._remove(step)
        # Until here, the next process would do all of this again.
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


def _step_of(path):
    return int(path.stem.removeprefix(".ckpt-"))


def _sync(path):
    """Waits until a file, or the names in a directory, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def newest_step(directory) -> int | None:
    """The step of the newest checkpoint in a directory, damaged or not.

    Example:

    >>> newest_step("nowhere")
    """
    found = map(
        _FILE.fullmatch, (p.name for p in pathlib.Path(directory).glob("*"))
    )
    return max((int(match[1]) for match in found if match), default=None)
