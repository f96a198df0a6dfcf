"""Shows the progress of a training run as a bar or as lines of a log."""

import logging
import sys
import time
from typing import Any, NamedTuple

import keras
import numpy as np
import tqdm

import keras_transformer as kt

_LOG = logging.getLogger(__name__)
# The least number of seconds between two lines of a log, and between two
# changes of a bar.
_LINE_SECONDS = 30.0
_BAR_SECONDS = 0.5
_BAR = "{percentage:3.0f}%|{bar}| step {n_fmt}/{total_fmt}{postfix}"


class BatchCounts(NamedTuple):
    """Counts of one batch, or sums of the counts of several batches.

    pairs: the number of sentence pairs.
    tokens: the number of target tokens, without padding.
    positions: the number of target positions, with padding.
    """

    pairs: int = 0
    tokens: int = 0
    positions: int = 0

    def plus(self, other: "BatchCounts") -> "BatchCounts":
        """Returns the sum of two counts."""
        return BatchCounts(*(a + b for a, b in zip(self, other, strict=True)))


class TrainingProgress(keras.callbacks.Callback):
    """Callback that shows the progress of a run, instead of Keras's output.

    If standard error is a terminal, the callback shows a bar; otherwise it logs
    a line about every half minute. Both show the number of steps so far and the
    remaining time. They also show three numbers for the time since the last
    line or evaluation: the pairs per second, the target tokens per second, and
    the share of padding. At the end of each evaluation interval, the callback
    prints a line with the loss and all other numbers of the interval to
    standard output.

    This callback must be the last callback of `fit`, because it prints the
    numbers that the other callbacks add to `logs`.

    Args:
        checkpoints: the checkpoints. In their counter "batches", another
            callback counts the trained batches.
        num_batches: the number of batches after which training ends.
    """

    def __init__(
        self, checkpoints: kt.training.TrainingCheckpoints, num_batches: int
    ) -> None:
        super().__init__()
        self._checkpoints = checkpoints
        self._num_batches = num_batches
        self._has_bar = sys.stderr.isatty()
        self._bar: tqdm.tqdm | None = None
        # The counts of batches that are not trained on yet, by batch number.
        self._made: dict[int, BatchCounts] = {}
        self._first_step: int | None = None
        self._step = 0
        self._counts = self._interval = BatchCounts()
        self._started = self._rates_since = self._shown = 0.0
        self._interval_began = self._trained_until = 0.0

    def observe(self, number: int, num_pairs: int, weights: np.ndarray) -> None:
        """Counts the pairs and tokens of a new batch.

        Pass this method to `TokenBatches.training_dataset` as `observe`.

        Args:
            number: the number of the batch in the run, counted from 0.
            num_pairs: the number of its sentence pairs.
            weights: the weights of its target tokens, `(B, T)`; 0 at padding.
        """
        self._made[number] = BatchCounts(
            num_pairs, int(np.count_nonzero(weights)), weights.size
        )

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        now = time.monotonic()
        self._step = self._trained_batches()
        if self._first_step is None:
            self._first_step, self._started = self._step, now
        self._begin_rates(now)
        self._interval = BatchCounts()
        self._interval_began = self._trained_until = now
        if self._has_bar:
            self._bar = tqdm.tqdm(
                total=self._num_batches,
                initial=self._step,
                leave=False,
                bar_format=_BAR,
            )

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        step = self._trained_batches()
        for number in range(self._step, step):
            counts = self._made.pop(number, BatchCounts())
            self._counts = self._counts.plus(counts)
            self._interval = self._interval.plus(counts)
        self._step = step
        now = self._trained_until = time.monotonic()
        seconds = _BAR_SECONDS if self._has_bar else _LINE_SECONDS
        if now - self._shown < seconds:
            return
        self._shown = now
        if self._bar is not None:
            self._bar.n = step
            self._bar.set_postfix_str(self._describe(now))
        else:
            _LOG.info(
                "Step %s of %s (%d%%): %s.",
                f"{step:,}",
                f"{self._num_batches:,}",
                100 * step // self._num_batches,
                self._describe(now),
            )
            self._begin_rates(now)

    # The next three methods remove the bar, because other callbacks may print
    # at these times.

    def on_test_begin(self, logs: dict | None = None) -> None:
        self._close_bar()

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        self._close_bar()
        numbers = [f"{key}: {float(logs[key]):.4g}" for key in logs or {}]
        print(
            f"Step {self._step:,} of {self._num_batches:,} done. "
            f"{', '.join(numbers)}",
            flush=True,
        )

    def on_train_end(self, logs: dict | None = None) -> None:
        self._close_bar()

    def throughput(self) -> tuple[float, float]:
        """Returns the target tokens per second and the share of padding.

        Both numbers are for the latest evaluation interval. The time of the
        evaluation itself is not counted.
        """
        seconds = max(self._trained_until - self._interval_began, 1e-9)
        return self._interval.tokens / seconds, _padding(self._interval)

    def _trained_batches(self):
        return int(self._checkpoints.counters["batches"].numpy())

    def _begin_rates(self, now):
        self._counts = BatchCounts()
        self._rates_since = self._shown = now

    def _close_bar(self):
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _describe(self, now):
        counts, seconds = self._counts, max(now - self._rates_since, 1e-9)
        # The time since `_started` includes evaluations. So `left` includes the
        # time of later evaluations.
        done = self._step - self._first_step
        left = (now - self._started) / done * (self._num_batches - self._step)
        # A narrow terminal cuts off the end of the text. So the remaining time,
        # which users want most, comes first.
        return (
            f"{duration(left)} left, "
            f"{_rate(counts.pairs / seconds)} pairs/s, "
            f"{_rate(counts.tokens / seconds)} target tokens/s, "
            f"{100 * _padding(counts):.1f}% padding"
        )


def _padding(counts):
    return 1 - counts.tokens / max(1, counts.positions)


def _rate(per_second):
    return f"{per_second:,.{1 if per_second < 10 else 0}f}"


def duration(seconds: float) -> str:
    """Formats a duration as text.

    Args:
        seconds: the duration.

    >>> duration(43.2), duration(754), duration(7500)
    ('43 s', '13 min', '2 h 05 min')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02d} min"
