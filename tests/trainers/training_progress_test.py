"""The progress that is shown counts the batches that were trained on."""

import re
from unittest import mock

import keras
import numpy as np
import pytest

import keras_transformer as kt
from trainers import measuring, training_progress


def make_batches(num_pairs):
    """Returns batches of two pairs, each with 4 target tokens in a row of 8."""
    source, target = np.full(5, 7, "int32"), np.full(3, 7, "int32")
    pairs = kt.data.EncodedPairs([source] * num_pairs, [target] * num_pairs)
    return kt.data.TokenBatches(pairs, 16, 8)


class Run:
    """A training of a small model with a clock that the test controls.

    The clock advances only after steps and evaluations.
    """

    def __init__(
        self, directory, num_steps, seconds, num_pairs=22, steps_per_execution=1
    ):
        self.now, self.seconds, self.num_steps = 100.0, seconds, num_steps
        self.evaluation_seconds = 0.0
        self.per_call = steps_per_execution
        self.batches = make_batches(num_pairs)
        inputs = {
            name: keras.Input((None,), dtype="int32", name=name)
            for name in ("source_ids", "target_input_ids")
        }
        source = keras.layers.Embedding(11, 3)(inputs["source_ids"])
        target = keras.layers.Embedding(11, 3)(inputs["target_input_ids"])
        sums = target + keras.ops.sum(source, axis=1, keepdims=True)
        self.model = keras.Model(inputs, keras.layers.Dense(11)(sums))
        self.model.compile(
            "sgd",
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            steps_per_execution=steps_per_execution,
        )
        self.checkpoints = kt.training.TrainingCheckpoints(
            directory, self.model, counters=measuring.counters(self.batches)
        )
        self.progress = None

    def monotonic(self):
        return self.now

    def _step_done(self, batch, logs):
        self.now += self.seconds * self.per_call

    def _evaluation_done(self, logs):
        self.now += self.evaluation_seconds

    def fit(self, interval, *callbacks):
        """Trains, and returns the lines of the log."""
        trained = int(self.checkpoints.counters["batches"].numpy())
        with (
            mock.patch.object(training_progress, "time", self),
            mock.patch.object(training_progress, "_LOG") as log,
        ):
            self.progress = training_progress.TrainingProgress(
                self.checkpoints, self.num_steps
            )
            self.model.fit(
                self.batches.training_dataset(trained, self.progress.observe),
                validation_data=self.batches.evaluation_dataset(),
                steps_per_epoch=interval,
                epochs=-(-self.num_steps // interval),
                initial_epoch=trained // interval,
                callbacks=[
                    keras.callbacks.LambdaCallback(
                        on_train_batch_end=self._step_done,
                        on_test_end=self._evaluation_done,
                    ),
                    measuring.Progress(
                        self.checkpoints, self.batches, self.num_steps
                    ),
                    *callbacks,
                    self.progress,
                ],
                shuffle=False,
                verbose=0,
            )
        calls = [call.args for call in log.info.mock_calls]
        return [text % tuple(values) for text, *values in calls]


def test_a_line_every_half_minute_and_at_each_evaluation(tmp_path, capsys):
    run = Run(tmp_path, num_steps=12, seconds=7.0)
    # 2 pairs and 8 tokens in 7 seconds.
    rates = "0.3 pairs/s, 1.1 target tokens/s, 50.0% padding"
    assert run.fit(6) == [
        f"Step 5 of 12 (41%): 49 s left, {rates}.",
        f"Step 11 of 12 (91%): 7 s left, {rates}.",
    ]
    ends = re.findall(
        r"^Step (\d+) of 12 done\. (.*)$", capsys.readouterr().out, re.MULTILINE
    )
    assert [step for step, _ in ends] == ["6", "12"]
    for _, numbers in ends:
        assert re.fullmatch(r"loss: [\d.]+, val_loss: [\d.]+", numbers)


def test_evaluations_are_part_of_the_time_left_only(tmp_path):
    run = Run(tmp_path, num_steps=8, seconds=10.0)
    run.evaluation_seconds = 200.0
    # The first 7 steps take 70 + 200 seconds.
    assert run.fit(4) == [
        "Step 3 of 8 (37%): 50 s left, 0.2 pairs/s, 0.8 target tokens/s, "
        "50.0% padding.",
        "Step 7 of 8 (87%): 39 s left, 0.2 pairs/s, 0.8 target tokens/s, "
        "50.0% padding.",
    ]


def test_rates_are_those_since_the_last_line(tmp_path):
    run = Run(tmp_path, num_steps=5, seconds=10.0)
    slower = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: setattr(
            run, "seconds", 10.0 if batch < 2 else 40.0
        )
    )
    lines = run.fit(5, slower)
    # 8 tokens in 10 seconds, then in 40.
    rates = [re.search(r"([\d.]+) target tokens/s", line)[1] for line in lines]
    assert rates == ["0.8", "0.2", "0.2"]


def test_the_throughput_since_the_last_evaluation(tmp_path):
    run = Run(tmp_path, num_steps=6, seconds=10.0)
    run.evaluation_seconds = 200.0
    found = []
    reader = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: found.append(run.progress.throughput())
    )
    run.fit(3, reader)
    # 8 tokens in 10 seconds, half of the positions; evaluations do not count.
    assert found == [(pytest.approx(0.8), 0.5)] * 2


def test_goes_on_after_a_stop(tmp_path):
    Run(tmp_path, num_steps=4, seconds=1.0).fit(2)
    run = Run(tmp_path, num_steps=20, seconds=31.0)
    assert run.checkpoints.restore()
    lines = run.fit(4)
    assert len(lines) == 16
    # 15 steps of 31 seconds.
    assert lines[0].startswith("Step 5 of 20 (25%): 8 min left, ")
    assert lines[0].endswith(", 50.0% padding.")
    assert lines[-1].startswith("Step 20 of 20 (100%): ")


def test_several_steps_in_a_call(tmp_path):
    run = Run(tmp_path, num_steps=12, seconds=10.0, steps_per_execution=3)
    lines = run.fit(6)
    assert [line.split(" (")[0] for line in lines] == [
        f"Step {step} of 12" for step in (3, 6, 9, 12)
    ]
    assert all("0.2 pairs/s, 0.8 target tokens/s" in line for line in lines)


def test_each_batch_is_counted_once_and_forgotten(tmp_path):
    # Any of the 12 batches of an epoch may be the batch with one pair.
    run = Run(tmp_path, num_steps=12, seconds=0.0, num_pairs=23)
    run.fit(12)
    counts = run.progress._counts
    assert counts == (23, 23 * 4, 12 * 2 * 8)
    assert min(run.progress._made, default=12) >= 12


def test_a_bar_in_a_terminal(tmp_path, capsys):
    run = Run(tmp_path, num_steps=6, seconds=7.0)
    printed = []

    def print_bleu(epoch, logs):
        printed.append(capsys.readouterr().err)
        logs["val_bleu"] = 12.5

    with mock.patch.object(
        training_progress.sys.stderr, "isatty", lambda: True
    ):
        other = keras.callbacks.LambdaCallback(on_epoch_end=print_bleu)
        assert run.fit(3, other) == []
    assert " 50%|" in printed[0] and "| step 3/6, 21 s left, " in printed[0]
    assert "0.3 pairs/s, 1.1 target tokens/s, 50.0% padding" in printed[0]
    # The bar disappears before the other callbacks print.
    assert printed[0].endswith("\r")
    assert ", val_bleu: 12.5\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    "seconds, text",
    [
        (59.4, "59 s"),
        (61, "1 min"),
        (3599, "1 h 00 min"),
        (90061, "25 h 01 min"),
    ],
)
def test_durations(seconds, text):
    assert training_progress.duration(seconds) == text
