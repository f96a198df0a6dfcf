"""Three processes read each pair once an epoch, in every kind of batch.

Each process runs this file, with its own TF_CONFIG.
"""

import pathlib
import sys

import numpy as np
import pytest

from keras_transformer import data
from keras_transformer.training import strategies
from tests.data import windows
from tests.training import two_workers

# `multi_worker_test.py` counts the pairs of two processes.
pytestmark = [pytest.mark.process, pytest.mark.grid]

PAIRS, EPOCHS, WORKERS = 211, 2, 3
KINDS = ("buckets", "packed", "windows", "packed_windows")


def batches(kind):
    """Returns batches of pairs; the first token of pair i is 100 + i."""
    generator = np.random.default_rng(5)
    sides = [
        np.array([100 + i, *[7] * length], "int32")
        for i, length in enumerate(generator.integers(3, 29, size=PAIRS))
    ]
    pairs = data.EncodedPairs(sides, sides)
    if "windows" in kind:
        pairs = windows.Windows(pairs)
    return data.TokenBatches(
        pairs,
        tokens_per_batch=307,
        max_length=31,
        rows_multiple_of=WORKERS,
        packed="packed" in kind,
    )


def steps_until(source, epoch):
    """Counts the batches before an epoch; the number depends on the windows."""
    windows_before = epoch * (2 if source.needs_bookmarks else 1)
    step = 0
    while source.bookmark(step).window < windows_before:
        step += 1
    return step


def numbers_read(strategy, kind):
    """Returns the numbers of the pairs that this worker reads, by epoch."""
    source = batches(kind)
    iterator = iter(
        strategy.experimental_distribute_dataset(source.training_dataset())
    )
    epochs = []
    for epoch in range(EPOCHS):
        numbers = []
        for _ in range(
            steps_until(source, epoch), steps_until(source, epoch + 1)
        ):
            inputs, _, weights = next(iterator)
            (ids,) = strategy.experimental_local_results(inputs["source_ids"])
            (weights,) = strategy.experimental_local_results(weights)
            # Rows without weight fill a batch. A packed row has several pairs.
            ids = ids.numpy()[weights.numpy().any(axis=1)]
            numbers.append(ids[ids >= 100] - 100)
        epochs.append(np.concatenate(numbers))
    return epochs


@pytest.fixture(scope="module")
def workers(tmp_path_factory):
    """Returns the numbers of the pairs that each worker has read."""
    folder = tmp_path_factory.mktemp("workers")
    two_workers.run(__file__, str(folder), workers=WORKERS)
    found = []
    for index in range(WORKERS):
        with np.load(folder / f"{index}.npz") as file:
            found.append(dict(file))
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("epoch", range(EPOCHS))
def test_every_pair_is_read_once_an_epoch(workers, kind, epoch):
    read = [found[f"{kind}_{epoch}"] for found in workers]
    assert sorted(np.concatenate(read)) == list(range(PAIRS))
    assert min(map(len, read)) > PAIRS // 5


def main(folder):
    strategy = strategies.strategy("multi_worker")
    results = {
        f"{kind}_{epoch}": numbers
        for kind in KINDS
        for epoch, numbers in enumerate(numbers_read(strategy, kind))
    }
    index = strategy.cluster_resolver.task_id
    np.savez(pathlib.Path(folder) / f"{index}.npz", **results)


if __name__ == "__main__":
    main(sys.argv[1])
