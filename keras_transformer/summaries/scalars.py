"""A callback that writes numbers after each epoch, for TensorBoard's curves."""

import math
import os
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from keras_transformer.summaries import summary_callback


class Scalars(summary_callback.SummaryCallback):
    """Callback that writes numbers every epoch.

    In TensorBoard, the step of a number is the number of steps that the
    optimizer has made. TensorBoard groups curves by the part of the tag before
    the first `/`. It draws the curves of one tag from several directories in
    one chart. A number that is NaN or infinite is left out.

    Args:
        log_dir: the directory of the event file. The first write creates it.
        values: a function from the epoch's logs to a dict from tags to numbers.

    Example:

    >>> from keras_transformer import summaries
    >>> callback = summaries.Scalars(
    ...     "logs/dev", lambda logs: {"evaluation/loss": logs["val_loss"]})

    Pass it to `model.fit(..., callbacks=[callback])`.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike,
        values: Callable[[Mapping[str, Any]], Mapping[str, float]],
    ):
        super().__init__(log_dir)
        self._values = values

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        values = self._values(logs or {})
        with self.summaries():
            for tag, value in values.items():
                if math.isfinite(value):
                    tf.summary.scalar(tag, value)
