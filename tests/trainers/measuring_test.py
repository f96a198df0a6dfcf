"""Progress is counted and saved; a run ends at its last step."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_transformer as kt
from tests.data.windows import Windows
from trainers import measuring


def make_batches(kind=lambda pairs: pairs):
    ids = [np.full(5, 7, "int32")] * 23
    return kt.data.TokenBatches(kind(kt.data.EncodedPairs(ids, ids)), 16, 8)


class TestProgress:
    @pytest.fixture(autouse=True)
    def set_up(self, tmp_path):
        self.model = keras.Sequential(
            [keras.Input((3,)), keras.layers.Dense(1)]
        )
        self.model.compile("sgd", "mse")
        self.directory = str(tmp_path)
        self.batches = make_batches()
        self.checkpoints = kt.training.TrainingCheckpoints(
            self.directory,
            self.model,
            max_to_keep=5,
            counters=("train_seconds", "batches"),
        )

    def fit(self, steps, batches=0):
        x = tf.data.Dataset.from_tensors(
            (np.ones((2, 3), "float32"), np.ones((2, 1), "float32"))
        )
        return self.model.fit(
            x.repeat(),
            steps_per_epoch=4,
            epochs=5,
            initial_epoch=batches // 4,
            callbacks=[
                measuring.Progress(self.checkpoints, self.batches, steps)
            ],
            shuffle=False,
            verbose=0,
        )

    def test_stops_at_the_step_and_saves(self):
        self.fit(steps=7)
        assert self.checkpoints.step == 7
        assert self.checkpoints.counters["batches"].numpy() == 7
        assert float(self.checkpoints.counters["train_seconds"].numpy()) > 0
        names = {path for path in tf.io.gfile.listdir(self.directory)}
        assert set({"ckpt-4.index", "ckpt-7.index"}) <= set(names)

    def test_goes_on_between_two_evaluations(self):
        self.fit(steps=6)
        self.fit(steps=9, batches=6)
        assert self.checkpoints.counters["batches"].numpy() == 9
        assert self.checkpoints.step == 9

    def test_batches_count_where_the_optimizer_does_not(self):
        # The gradients overflow, so the optimizer skips steps.
        self.model.compile(
            keras.optimizers.LossScaleOptimizer(
                keras.optimizers.SGD(1.0), initial_scale=1e38
            ),
            "mse",
            jit_compile=False,
        )
        self.checkpoints = kt.training.TrainingCheckpoints(
            self.directory, self.model, counters=("train_seconds", "batches")
        )
        self.fit(steps=6)
        assert self.checkpoints.step < 6
        assert self.checkpoints.counters["batches"].numpy() == 6

    def test_seconds_are_part_of_the_checkpoint(self):
        self.fit(steps=7)
        seconds = float(self.checkpoints.counters["train_seconds"].numpy())
        assert seconds > 0
        self.checkpoints.counters["train_seconds"].assign(0)
        assert self.checkpoints.restore()
        assert (
            float(self.checkpoints.counters["train_seconds"].numpy()) == seconds
        )

    def test_the_window_of_the_last_batch_is_part_of_the_checkpoint(self):
        self.batches = make_batches(Windows)
        # Windows of 12 and 11 pairs, two pairs in a batch. A pair has 6 target
        # tokens with the end token.
        assert self.batches.bookmark(8) == (1, 6, 12 * 6)
        names = measuring.counters(self.batches)
        assert set(measuring.counters(make_batches())) < set(names)
        self.checkpoints = kt.training.TrainingCheckpoints(
            self.directory, self.model, counters=names
        )
        self.fit(steps=8)
        resumed = kt.training.TrainingCheckpoints(
            self.directory, self.model, counters=names
        )
        assert resumed.restore()
        batches = make_batches(Windows)
        read = []
        batches.use_bookmark = read.append
        measuring.use_bookmark(resumed.counters, batches)
        assert read == [(1, 6, 12 * 6)]

    def test_one_window_needs_no_bookmark(self):
        read = []
        self.batches.use_bookmark = read.append
        measuring.use_bookmark(self.checkpoints.counters, self.batches)
        assert not read
