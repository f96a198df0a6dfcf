"""Measures how fast and in how much memory shards are read.

    python -m tools.benchmark_data --shards=shards/en-fr

prints JSON: the pairs, the seconds until the shards are open and until the
first window is read, the seconds to read a window in the middle of an epoch,
the pairs that are read in a second, and the most memory that the process took:
before the shards were opened, and in all.
"""

import dataclasses
import json
import resource
import sys
import time

import keras_transformer as kt
from trainers import program
from trainers.settings_flags import setting


@dataclasses.dataclass(frozen=True)
class Reading:
    """The flags of the shards, and of how they are read."""

    shards: list[str] = setting("Shard directories.")
    windows: int = setting("Windows that are read.", 20, least=1)
    window_pairs: int = setting("Pairs of a window.", 131072, least=1)


@program.main(Reading)
def main(reading):
    print(json.dumps(measure(reading), indent=2))


def measure(reading: Reading) -> dict[str, float]:
    """Reads windows, and returns what is printed.

    Args:
        reading: the flags of the program.

    Raises:
        FileNotFoundError: a directory is not a shard directory.
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
    return {
        "pairs": pairs.num_pairs,
        "windows_per_epoch": pairs.windows_per_epoch,
        "seconds_to_open": opened - started,
        "seconds_to_the_first_window": first - started,
        "seconds_to_a_window_in_the_middle": middle - first,
        "pairs_per_second": num_pairs / (time.perf_counter() - middle),
        "megabytes_before": imported,
        "megabytes": _megabytes(),
    }


def _megabytes():
    """Returns the most memory that the process took so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Kilobytes on Linux, bytes on macOS.
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


if __name__ == "__main__":
    main.run()
