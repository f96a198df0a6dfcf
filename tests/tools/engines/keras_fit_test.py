"""The seconds of steps leave out the first step."""

from unittest import mock

import keras
import numpy as np
import tensorflow as tf

from tools.engines import keras_fit


def test_the_first_step_is_not_timed():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    batches = tf.data.Dataset.from_tensors(
        (np.ones((2, 3), "float32"), np.ones((2, 1), "float32"))
    ).repeat()
    # The time at the end of each step; the first step is not timed.
    times = mock.Mock()
    times.perf_counter.side_effect = [100.0, 101.0, 103.0, 107.0]
    with mock.patch.object(keras_fit, "time", times):
        assert keras_fit.fit_seconds(model, batches, steps=3) == 7.0
    assert int(model.optimizer.iterations) == 4


def test_threads():
    calls = []
    with (
        mock.patch.object(
            tf.config.threading,
            "set_intra_op_parallelism_threads",
            lambda count: calls.append(count),
        ),
        mock.patch.object(
            tf.config.threading,
            "set_inter_op_parallelism_threads",
            lambda count: calls.append(count),
        ),
    ):
        keras_fit.use_threads(3)
    assert calls == [3, 3]
