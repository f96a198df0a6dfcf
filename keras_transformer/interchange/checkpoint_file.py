"""Reads checkpoints of TensorFlow, with TensorFlow's own reader."""

import math
import os
import pathlib
import re

import numpy as np
import tensorflow as tf

_INDEX = ".index"
# The name of the file that contains the path of the newest checkpoint.
_STATE = "checkpoint"
_NEWEST = re.compile(r'^model_checkpoint_path: "([^"]*)"', re.MULTILINE)
# If TensorFlow's reader raises one of these errors, the checkpoint is reported
# as damaged.
_ERRORS = (tf.errors.OpError, ValueError, RuntimeError, IndexError)
_STEP = re.compile(r"-(\d+)$")


def find(directory: pathlib.Path) -> pathlib.Path:
    """Returns the path of the newest checkpoint in a directory.

    The path has no ending such as `.index`. The file `checkpoint` names the
    newest checkpoint. If this file is missing, or if it names a checkpoint that
    is missing, the newest checkpoint is the one with the largest step at the
    end of its name.

    Args:
        directory: the directory of the checkpoints.

    Raises:
        FileNotFoundError: the directory has no checkpoint.
    """
    names = [
        path.name.removesuffix(_INDEX)
        for path in sorted(directory.glob(f"*{_INDEX}"))
    ]
    if not names:
        raise FileNotFoundError(
            f"{directory} has no checkpoint of TensorFlow. Expected a file "
            f"that ends in {_INDEX}, and one or several with .data- beside it."
        )
    state = directory / _STATE
    if state.is_file():
        match = _NEWEST.search(state.read_text("utf-8", "replace"))
        # The file `checkpoint` may contain an absolute path, and the directory
        # may have been moved since. So only the last part of the path is used.
        name = match and pathlib.PurePosixPath(match[1]).name
        if name in names:
            return directory / str(name)

    def step(name):
        match = _STEP.search(name)
        return int(match[1]) if match else -1

    return directory / max(names, key=step)


class Checkpoint:
    """The arrays of a checkpoint, which are read one by one.

    Args:
        prefix: the path of the checkpoint, without an ending such as `.index`.

    Attributes:
        where: the path, for messages.
        shapes: a dict from the name of each array to its shape.

    Raises:
        ValueError: a file is missing or damaged, or the files are too small for
            their arrays.
    """

    def __init__(self, prefix: str | os.PathLike[str]):
        self.where = pathlib.Path(prefix)
        try:
            self._reader = tf.train.load_checkpoint(str(prefix))
            shapes = self._reader.get_variable_to_shape_map()
            types = self._reader.get_variable_to_dtype_map()
        except _ERRORS as error:
            raise self._damaged(error) from error
        self.shapes = {name: tuple(shape) for name, shape in shapes.items()}
        self._types = types
        self._check_sizes()

    def read(self, name: str) -> np.ndarray:
        """Reads an array as float32.

        Args:
            name: the name of the array, one of the names in `shapes`.

        Raises:
            ValueError: the file is damaged, or the array does not contain
                floating-point numbers.
        """
        if not self._types[name].is_floating:
            raise ValueError(
                f"{self.where}: {name} must be numbers. Received: "
                f"{self._types[name].name}. Give the checkpoint of a model."
            )
        try:
            values = self._reader.get_tensor(name)
        except _ERRORS as error:
            raise self._damaged(error) from error
        return np.asarray(values).astype("float32")

    def _check_sizes(self):
        """Raises ValueError if the data files are too small for the arrays.

        The sum of the sizes of all arrays is compared with the sum of the sizes
        of the files. Arrays of strings are left out, since the sizes of strings
        are unknown.
        """
        stated = sum(
            math.prod(shape) * self._types[name].size
            for name, shape in self.shapes.items()
            if self._types[name] != tf.string
        )
        present = sum(
            path.stat().st_size
            for path in self.where.parent.glob(
                f"{_escaped(self.where.name)}.data-*"
            )
        )
        if stated > present:
            raise self._damaged(
                f"its arrays take {stated:,} bytes, and its files have "
                f"{present:,}"
            )

    def _damaged(self, problem):
        problem = str(problem).splitlines()[0] if str(problem) else "no reason"
        return ValueError(
            f"{self.where} is damaged, or a file of another kind: {problem}. "
            "Copy all files of the checkpoint again from the original."
        )


def _escaped(name):
    """Returns a pattern of `glob` that matches exactly this name."""
    return re.sub(r"([*?[])", r"[\1]", name)
