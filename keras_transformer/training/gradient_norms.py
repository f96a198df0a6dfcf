"""A callback that reports the norm of the gradients before they are clipped."""

from typing import Any

import keras
import tensorflow as tf


class GradientNorms(keras.callbacks.Callback):
    """Callback that adds `gradient_norm` to the logs of each epoch.

    It is the mean over the steps of the epoch of the norm of all gradients
    together, without the loss scale and before clipping. Steps whose gradients
    are not finite are left out. List it before callbacks that read it.

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

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        if self.model.gradient_norms is not self:
            with self.model.distribute_strategy.scope():
                self._mean = keras.metrics.Mean()
            self.model.gradient_norms = self
            # A step that was traced before does not report its norm.
            self.model.make_train_function(force=True)
        if self._mean is not None:
            self._mean.reset_state()

    def report(self, norm: tf.Tensor) -> None:
        """Counts the norm of a step; called inside of the step."""
        if self._mean is not None:
            is_finite = tf.math.is_finite(norm)
            self._mean.update_state(
                tf.where(is_finite, norm, 0.0),
                sample_weight=tf.cast(is_finite, "float32"),
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
