"""A callback that reports the norm of the gradients before they are clipped."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

# Steps between two norms; docs/tensorboard.md has what they cost.
_INTERVAL = 16


class GradientNorms(keras.callbacks.Callback):
    """Callback that adds `gradient_norm` to the logs of each epoch.

    It is the norm of all gradients together, without the loss scale and before
    clipping. Reading all gradients once more takes time, so the norm is that
    of the first of every 16 steps, and `gradient_norm` is the mean over them.
    Steps whose gradients are not finite are left out. List the callback before
    callbacks that read the norm.

    On several replicas the norm is known only if the optimizer clips, since
    only then are gradients added up before the optimizer gets them. Otherwise
    there is no `gradient_norm`, rather than a second exchange of gradients.

    The model must be a `DistributedModel`.

    Example:

    >>> from keras_transformer import training
    >>> callback = training.GradientNorms()

    Pass it to `model.fit(..., callbacks=[callback])`.
    """

    def __init__(self) -> None:
        super().__init__()
        self._mean: keras.metrics.Mean | None = None
        # The number of the optimizer's step with which the epoch begins.
        self._first_step: tf.Variable | None = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        if self.model.gradient_norms is not self:
            with self.model.distribute_strategy.scope():
                self._mean = keras.metrics.Mean()
                self._first_step = tf.Variable(0, dtype="int64")
            self.model.gradient_norms = self
            # A step that was traced before does not report its norm.
            self.model.make_train_function(force=True)
        if self._mean is not None:
            self._mean.reset_state()

    def on_epoch_begin(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        if self._first_step is not None:
            self._first_step.assign(self._step())

    def report(self, compute_norm: Callable[[], tf.Tensor]) -> None:
        """Counts the norm of a step if it is its turn; called in the step."""
        if self._mean is None or self._first_step is None:
            return
        is_due = (self._step() - self._first_step) % _INTERVAL == 0
        norm = tf.cond(is_due, compute_norm, lambda: tf.constant(0.0))
        counts = is_due & tf.math.is_finite(norm)
        self._mean.update_state(
            tf.where(counts, norm, 0.0),
            sample_weight=tf.cast(counts, "float32"),
        )

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        if self._mean is None:
            return
        mean = float(keras.ops.convert_to_numpy(self._mean.result()))
        if mean > 0 and logs is not None:
            logs["gradient_norm"] = mean
        self._mean.reset_state()

    def _step(self):
        """Returns the number of steps that the optimizer has made."""
        return tf.cast(self.model.optimizer.iterations.value, "int64")
