"""A base class of callbacks that write to their own event files."""

import contextlib
import logging
import os
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

_LOG = logging.getLogger(__name__)


class SummaryCallback(keras.callbacks.Callback):
    """A base class of callbacks that write to their own event files.

    Subclasses write summaries in a block `with self.summaries():`. The first
    block opens the event file, which TensorBoard reads. The end of `fit` closes
    the file. If the file cannot be written, a warning says so once, no more
    summaries are written, and training goes on.

    The directory may have summaries of an earlier training. If training
    continues from a checkpoint, TensorBoard forgets those summaries whose step
    is after the step of the checkpoint.

    Args:
        log_dir: the directory of the event file.
    """

    def __init__(self, log_dir: str | os.PathLike):
        super().__init__()
        self._log_dir = os.fspath(log_dir)
        self._writer: tf.summary.SummaryWriter | None = None
        self._has_failed = False
        self._first_step = 0

    @contextlib.contextmanager
    def summaries(self) -> Iterator[None]:
        """Writes the summaries of a `with` block, at the optimizer's step.

        The block must only write summaries: an OSError or OpError of the block
        is treated as an error of the file, and ends the writing of summaries.
        """
        if self._writer is None and not self._has_failed:
            try:
                self._open()
            except (OSError, tf.errors.OpError) as error:
                self.give_up(error)
        if self._writer is None:
            # `keras.callbacks.TensorBoard` may have made its own writer the
            # default. Without `record_if`, the block would use that writer.
            with tf.summary.record_if(False):
                yield
            return
        try:
            # keras.callbacks.TensorBoard(update_freq=n) switches off all
            # summaries of this thread, except at each n-th step. `record_if`
            # switches the summaries of this block on.
            with (
                self._writer.as_default(self.step()),
                tf.summary.record_if(True),
            ):
                yield
                # `as_default` flushes the file at the end of the block. If this
                # fails, the code below handles the error.
        except (OSError, tf.errors.OpError) as error:
            self.give_up(error)

    def step(self) -> int:
        """Returns the number of steps that the optimizer has made."""
        # Under MirroredStrategy, `int` does not accept `iterations`.
        return int(keras.ops.convert_to_numpy(self.model.optimizer.iterations))

    def give_up(self, error: Exception) -> None:
        """Logs the reason once, and ends the writing of summaries.

        Args:
            error: the reason.
        """
        if not self._has_failed:
            _LOG.warning(
                "%s writes no more summaries to %s; training goes on. The "
                "reason: %s",
                type(self).__name__,
                self._log_dir,
                getattr(error, "message", None) or error,
            )
        self._has_failed = True
        self._writer = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._first_step = self.step()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        writer = self._writer
        # A second `fit` opens a new file.
        self._writer = None
        if writer is not None:
            try:
                writer.close()
            except (OSError, tf.errors.OpError) as error:
                self.give_up(error)

    def _open(self):
        if self._first_step and tf.io.gfile.exists(self._log_dir):
            _forget_after(self._log_dir, self._first_step)
        self._writer = tf.summary.create_file_writer(self._log_dir)


def _forget_after(log_dir, step):
    """Tells TensorBoard to forget the summaries of steps after `step`."""
    # The event START tells TensorBoard to forget summaries. The writers of
    # TensorFlow 2 cannot write this event, but the writer of TensorFlow 1 can.
    with tf.Graph().as_default():
        writer = tf.compat.v1.summary.FileWriter(log_dir)
        start = tf.compat.v1.SessionLog(status=tf.compat.v1.SessionLog.START)
        # For the first START of a directory, TensorBoard forgets nothing. So
        # START is written twice.
        for _ in range(2):
            writer.add_session_log(start, step + 1)
        writer.close()
