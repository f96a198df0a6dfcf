"""Writes the settings of a run for TensorBoard's tab HParams."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from tensorboard.plugins.hparams import api

from keras_transformer.summaries import summary_callback

# The types of the values that TensorBoard accepts.
_WRITTEN = (bool, int, float, str, np.integer, np.floating)


class HyperParameters(summary_callback.SummaryCallback):
    """Callback that writes the settings of a run when training begins.

    The tab HParams shows each run as a row of a table, with the run's settings
    and the last values of its curves. TensorBoard looks for the curves in the
    directories inside `log_dir`. So give this callback the parent of the other
    callbacks' directories.

    Args:
        log_dir: the directory of the event file. The directory is made when
            the settings are written.
        values: the settings by name. A value that is not an int, a float, a
            bool, a string or a NumPy number is written as text. A value of
            `None` is left out.

    Example:

    >>> from keras_transformer import summaries
    >>> callback = summaries.HyperParameters("logs", {"dropout": 0.1})

    Pass it to `model.fit(..., callbacks=[callback])`.
    """

    def __init__(self, log_dir: str | os.PathLike, values: Mapping[str, Any]):
        super().__init__(log_dir)
        self._values = {
            name: value if isinstance(value, _WRITTEN) else str(value)
            for name, value in values.items()
            if value is not None
        }

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        super().on_train_begin(logs)
        with self.summaries():
            if tf.summary.should_record_summaries():
                api.hparams(self._values)
