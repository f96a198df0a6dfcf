"""Measures how much time and memory it takes to make batches from shards.

    python -m tools.benchmark_data --shards=shards/en-fr

The program prints JSON: the numbers of pairs and of windows in an epoch; the
seconds until the shards are open, and until the first window is read; the
seconds to read a window in the middle of an epoch; the pairs that are read per
second; and the peak memory of the process before the shards are opened, and at
the end, in MiB (2**20 bytes).

For rows of one pair and for packed rows it also prints the seconds until the
first batch of a new run, and of a run that continues in the middle of an epoch;
the share of padding on both sides together; and the target tokens per second,
without padding.
"""

import dataclasses
import itertools
import json
import resource
import sys
import time

import keras_transformer as kt
from trainers import program
from trainers.settings_flags import setting


@dataclasses.dataclass(frozen=True)
class Reading:
    """The flags for the shards, the windows to read and the batches to make."""

    shards: list[str] = setting("Shard directories.")
    windows: int = setting("Windows that are read.", 20, least=1)
    window_pairs: int = setting("Pairs of a window.", 131072, least=1)
    batches: int = setting("Batches that are made of each kind.", 200, least=1)
    tokens_per_batch: int = setting("Tokens of a batch.", 4096, least=1)


@program.main(Reading)
def main(reading):
    print(json.dumps(measure(reading), indent=2))


def measure(reading: Reading) -> dict[str, float]:
    """Reads windows, makes batches, and returns the numbers to print.

    Args:
        reading: the flags of the program.

    Raises:
        FileNotFoundError: a directory is not a shard directory, or a shard is
            missing.
        ValueError: a shard directory is damaged, the vocabularies of the
            directories differ, or `tokens_per_batch` is less than the number of
            tokens of the longest sentence.
    """
    imported = _megabytes()
    started = time.perf_counter()
    pairs = kt.data.ShardedPairs(
        reading.shards, window_pairs=reading.window_pairs
    )
    opened = time.perf_counter()
    pairs.read_window(0)
    first = time.perf_counter()
    pairs.read_window(pairs.windows_per_epoch // 2)
    middle = time.perf_counter()
    num_pairs = sum(
        pairs.read_window(number).num_pairs for number in range(reading.windows)
    )
    windows_read = time.perf_counter()
    return {
        "pairs": pairs.num_pairs,
        "windows_per_epoch": pairs.windows_per_epoch,
        "seconds_to_open": opened - started,
        "seconds_to_the_first_window": first - started,
        "seconds_to_a_window_in_the_middle": middle - first,
        "pairs_per_second": num_pairs / (windows_read - middle),
        "one_pair_in_a_row": measure_batches(pairs, False, reading),
        "packed": measure_batches(pairs, True, reading),
        "megabytes_before": imported,
        "megabytes": _megabytes(),
    }


def measure_batches(
    pairs: kt.data.PairWindows, packed: bool, reading: Reading
) -> dict[str, float]:
    """Makes batches, and returns the numbers to print about them.

    Args:
        pairs: the pairs of the batches.
        packed: whether several pairs share a row.
        reading: the flags of the program.

    Returns:
        The seconds to the first batch of a new run, and of a run that continues
        in the middle of an epoch; the share of padding on both sides together;
        and the target tokens per second, without padding.
    """

    def batches():
        return kt.data.TokenBatches(
            pairs, reading.tokens_per_batch, pairs.longest, packed=packed
        )

    started = time.perf_counter()
    stream = batches().training_dataset().as_numpy_iterator()
    next(stream)
    first = time.perf_counter()
    positions = tokens = target_tokens = 0
    for inputs, _, weights in itertools.islice(stream, reading.batches):
        source_ids = inputs["source_ids"]
        positions += source_ids.size + weights.size
        target_tokens += int(weights.sum())
        tokens += int((source_ids != pairs.source_special_ids.pad).sum())
    ended = time.perf_counter()
    # A run that continues reads a bookmark from its checkpoint. The bookmark
    # has the number of the window from which the run goes on. Here, this window
    # is in the middle of an epoch.
    resumed = batches()
    step = resumed.steps_per_epoch // 2
    resumed.use_bookmark(
        kt.data.Bookmark(pairs.windows_per_epoch // 2, step, target_tokens=0)
    )
    next(resumed.training_dataset(step).as_numpy_iterator())
    return {
        "seconds_to_the_first_batch": first - started,
        "seconds_to_a_batch_in_the_middle": time.perf_counter() - ended,
        "share_of_padding": 1 - (tokens + target_tokens) / positions,
        "target_tokens_per_second": target_tokens / (ended - first),
    }


def _megabytes():
    """Returns the peak memory of this process so far, in MiB (2**20 bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # The unit of `ru_maxrss` is 1024 bytes on Linux, and one byte on macOS.
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


if __name__ == "__main__":
    main.run()
