"""Steps of `fit` that are timed, for engines that use Keras.

This file needs Keras and TensorFlow, but not `keras_transformer`.
"""

import time
from collections.abc import Callable
from typing import Any

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


def make_rounds(
    model: keras.Model,
    batches: Any,
    steps: int,
    warm_up_steps: int,
    version: str,
) -> tuple[Callable[[], list], dict]:
    """Trains a model for some steps, and makes a function that trains further.

    Args:
        model: a compiled model.
        batches: an object with `next(steps)`, which returns a data set of the
            next steps and their target tokens, and with a dict `facts`.
        steps: the number of steps of a round.
        warm_up_steps: the number of steps before the first round.
        version: the version of the library of the model.

    Returns:
        A function that trains for a round and returns its seconds and target
        tokens, and facts to print.
    """

    def train(steps=steps):
        dataset, tokens = batches.next(steps)
        return [fit_seconds(model, dataset, steps), tokens]

    train(warm_up_steps - 1)
    facts = {"version": version, "parameters": model.count_params()}
    return train, {**facts, **batches.facts}


def use_threads(count: int) -> None:
    """Limits TensorFlow to this many cores. It must not have started yet."""
    tf.config.threading.set_intra_op_parallelism_threads(count)
    tf.config.threading.set_inter_op_parallelism_threads(count)
