"""Measures the time of steps of `fit`, for libraries that use Keras.

This file needs Keras and TensorFlow. It does not import `keras_transformer`,
because an engine for another library may run in a Python interpreter that lacks
the dependencies of `keras_transformer`.
"""

import time
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf


class Stopwatch(keras.callbacks.Callback):
    """A callback that measures the seconds of a `fit` after its first step."""

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
    """Trains for `1 + steps` steps; returns the seconds of the timed steps.

    The first step is not timed: it starts the data set and fills caches.

    Args:
        model: a compiled model.
        batches: a data set of at least `1 + steps` batches.
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


def make_rounds(
    model: keras.Model,
    batches: Any,
    steps: int,
    warm_up_steps: int,
    version: str,
) -> tuple[Callable[[], list], dict]:
    """Warms up a model, and returns a function that trains it for a round.

    Args:
        model: a compiled model.
        batches: an object with the dict `facts` and the method `next(steps)`.
            The method returns a data set of at least `1 + steps` batches, and
            the number of target tokens in the `steps` batches after the first.
        steps: the number of timed steps in a round.
        warm_up_steps: the number of steps before the first round.
        version: the version of the library that made the model.

    Returns:
        The function, and a dict of facts to print. The function trains the
        model for a round. It returns the seconds and the number of target
        tokens of the timed steps.
    """

    def train(steps=steps):
        dataset, tokens = batches.next(steps)
        return [fit_seconds(model, dataset, steps), tokens]

    train(warm_up_steps - 1)
    facts = {"version": version, "parameters": model.count_params()}
    return train, {**facts, **batches.facts}


def use_threads(count: int) -> None:
    """Limits the threads of TensorFlow.

    Call this function before any operation runs.

    Args:
        count: an operation uses at most this number of threads, and at most
            this number of operations run at the same time.
    """
    tf.config.threading.set_intra_op_parallelism_threads(count)
    tf.config.threading.set_inter_op_parallelism_threads(count)
