"""A callback that writes to an event file of its own."""

import contextlib
import os
from collections.abc import Iterator

import keras
import tensorflow as tf


class SummaryCallback(keras.callbacks.Callback):
    """Owns the event file: opened at the first write, closed with training."""

    def __init__(self, log_dir: str | os.PathLike):
        super().__init__()
        self._log_dir = os.fspath(log_dir)
        self._writer = None

    @contextlib.contextmanager
    def summaries(self) -> Iterator[None]:
        """Records what is summarised inside, at the optimizer's step."""
        # Under MirroredStrategy the counter is a variable `int` refuses.
        step = int(keras.ops.convert_to_numpy(self.model.optimizer.iterations))
        if self._writer is None:
            self._writer = tf.summary.create_file_writer(self._log_dir)
        # keras.callbacks.TensorBoard(update_freq=n) silences every summary of
        # the process but those of each n-th step, ours included.
        with self._writer.as_default(step), tf.summary.record_if(True):
            yield  # leaving `as_default` flushes

    def on_train_end(self, logs=None):
        if self._writer is not None:
            self._writer.close()
            # A second `fit` opens a new file.
            self._writer = None
