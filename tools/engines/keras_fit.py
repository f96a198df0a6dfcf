"""Steps of `fit` that are timed, for engines that use Keras.

This file needs Keras and TensorFlow, but not `keras_transformer`.
"""

import time

import keras
import tensorflow as tf


class Stopwatch(keras.callbacks.Callback):
    """Callback that measures the seconds of a `fit` after its first step."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0
        self._start = 0.0

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        float(logs["loss"])  # Waits until the step is done.
        now = time.perf_counter()
        if batch == 0:
            self._start = now
        self.seconds = now - self._start


def fit_seconds(
    model: keras.Model, batches: tf.data.Dataset, steps: int
) -> float:
    """Trains for one step more than `steps`, and times the others.

    The first step starts the data set, and warms the caches.

    Args:
        model: a compiled model.
        batches: enough batches.
        steps: the number of timed steps.
    """
    stopwatch = Stopwatch()
    model.fit(
        batches,
        steps_per_epoch=1 + steps,
        callbacks=[stopwatch],
        shuffle=False,
        verbose=0,
    )
    return stopwatch.seconds


def use_threads(count: int) -> None:
    """Limits TensorFlow to this many cores. It must not have started yet."""
    tf.config.threading.set_intra_op_parallelism_threads(count)
    tf.config.threading.set_inter_op_parallelism_threads(count)
