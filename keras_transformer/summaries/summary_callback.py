"""A callback that writes to its own event file."""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf


class SummaryCallback(keras.callbacks.Callback):
    """A callback with its own event file, which TensorBoard reads.

    The first write opens the file, and the end of the training closes it.

    Args:
        log_dir: the directory of the event file.
    """

    def __init__(self, log_dir: str | os.PathLike):
        super().__init__()
        self._log_dir = os.fspath(log_dir)
        self._writer: tf.summary.SummaryWriter | None = None

    @contextlib.contextmanager
    def summaries(self) -> Iterator[None]:
        """Writes the summaries of a `with` block, at the optimizer's step."""
        # Under MirroredStrategy `int` does not accept the counter's variable.
        step = int(keras.ops.convert_to_numpy(self.model.optimizer.iterations))
        if self._writer is None:
            self._writer = tf.summary.create_file_writer(self._log_dir)
        # keras.callbacks.TensorBoard(update_freq=n) switches off all summaries
        # of the process, except at each n-th step. `record_if` overrides it.
        with self._writer.as_default(step), tf.summary.record_if(True):
            yield  # The end of `as_default` flushes the file.

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if self._writer is not None:
            self._writer.close()
            # A second `fit` opens a new file.
            self._writer = None
