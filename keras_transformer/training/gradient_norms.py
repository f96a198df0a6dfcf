"""A callback that reports the norm of the gradients before they are clipped."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

# The norm takes time to compute, so it is computed once in this number of
# steps. docs/tensorboard.md compares the times of steps with and without a
# norm.
_INTERVAL = 16


class GradientNorms(keras.callbacks.Callback):
    """Callback that adds `gradient_norm` to the logs of each epoch.

    The norm of all gradients together is computed without the loss scale and
    before clipping. The computation takes time, so it runs only in the first of
    every 16 steps of an epoch. `gradient_norm` is the mean over these steps,
    without steps whose norm is infinite or NaN. If no step is left, or the mean
    is 0, the logs have no `gradient_norm`. List this callback before callbacks
    that read `gradient_norm`.

    On several replicas, there is a `gradient_norm` only if the optimizer clips
    gradients or is a `LossScaleOptimizer`, because in these cases the gradients
    of all replicas are summed before the optimizer gets them. In other cases
    the norm would need a second exchange of gradients.

    The model must be a `DistributedModel`.

    Example:

    >>> from keras_transformer import training
    >>> callback = training.GradientNorms()

    Pass it to `model.fit(..., callbacks=[callback])`.
    """

    def __init__(self) -> None:
        super().__init__()
        self._mean: keras.metrics.Mean | None = None
        # The number of steps of the optimizer before the epoch.
        self._first_step: tf.Variable | None = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        if self.model.gradient_norms is not self:
            with self.model.distribute_strategy.scope():
                self._mean = keras.metrics.Mean()
                self._first_step = tf.Variable(0, dtype="int64")
            self.model.gradient_norms = self
            # A train step that was traced earlier reports no norms. So it is
            # traced again.
            self.model.make_train_function(force=True)
        if self._mean is not None:
            self._mean.reset_state()

    def on_epoch_begin(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        if self._first_step is not None:
            self._first_step.assign(self._step())

    def report(self, compute_norm: Callable[[], tf.Tensor]) -> None:
        """Adds the norm of the first of every 16 steps to the mean.

        A norm that is infinite or NaN is left out.

        `updates.apply` calls this method in each train step, unless Keras sums
        the gradients of several replicas. In that case, the norm of the sum is
        not known.

        Args:
            compute_norm: a function that returns the norm of the gradients of
                the step. It runs only in the first of every 16 steps.
        """
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
