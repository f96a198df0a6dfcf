"""A callback that measures how much a step changes the weights."""

import math
import os
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_transformer.summaries import summary_callback


class UpdateRatios(summary_callback.SummaryCallback):
    """Callback that writes update-to-weight ratios every epoch.

    The ratio of a group of trainable weights is the norm of their change in the
    last step of the epoch, divided by their norm before that step. Ratios near
    0.001 are usual. A group with a much larger ratio may be unstable. A group
    with a much smaller ratio hardly learns. With `steps_per_execution` above 1,
    the callback measures the change in the last execution of the epoch, which
    usually has several steps.

    Earlier steps are not measured and cost nothing. Nothing is written if Keras
    does not know in advance how many steps an epoch has, or if the data of the
    epoch run out before the last execution. A group whose weights were all 0
    before the last step is left out.

    Args:
        log_dir: the directory of the event file. The first write creates it.
        group_of: a function from the path of a weight to the name of its
            group. The weights of a group have one ratio.

    Example:

    >>> from keras_transformer import summaries
    >>> callback = summaries.UpdateRatios(
    ...     "logs/updates", lambda path: path.rpartition("/")[0])

    Pass it to `model.fit(..., callbacks=[callback])`.
    """

    def __init__(
        self, log_dir: str | os.PathLike, group_of: Callable[[str], str]
    ):
        super().__init__(log_dir)
        self._group_of = group_of
        self._before: list[np.ndarray] | None = None
        self._measured: dict[str, float] = {}

    def on_epoch_begin(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        self._before, self._measured = None, {}

    def on_train_batch_begin(
        self, batch: int, logs: dict[str, Any] | None = None
    ) -> None:
        steps = self.params.get("steps")
        per_execution = self.model.steps_per_execution
        if steps is not None and batch + per_execution >= steps:
            self._before = self._weights()

    # Keras does not call this method if no data are left for the execution.
    def on_train_batch_end(
        self, batch: int, logs: dict[str, Any] | None = None
    ) -> None:
        if self._before is not None:
            self._measured = self._ratios(self._before, self._weights())
            self._before = None

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        if not self._measured:
            return
        with self.summaries():
            for group, ratio in self._measured.items():
                tf.summary.scalar(f"update_to_weight/{group}", ratio)

    def _weights(self):
        return [
            keras.ops.convert_to_numpy(variable)
            for variable in self.model.trainable_variables
        ]

    def _ratios(self, before, after):
        """Returns the ratio of each group whose old weights are not all 0."""
        squares: dict[str, list[float]] = {}
        variables = self.model.trainable_variables
        for variable, old, new in zip(variables, before, after, strict=True):
            sums = squares.setdefault(self._group_of(variable.path), [0.0, 0.0])
            sums[0] += float(np.sum(np.square(new - old, dtype="float64")))
            sums[1] += float(np.sum(np.square(old, dtype="float64")))
        return {
            group: math.sqrt(update / weight)
            for group, (update, weight) in sorted(squares.items())
            if weight > 0
        }
