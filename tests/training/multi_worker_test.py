"""Two workers train the model of one process, each on its share of the data.

Each worker runs this file, with its own TF_CONFIG.
"""

import json
import pathlib
import sys

import numpy as np
import pytest
import tensorflow as tf

from keras_transformer import data
from keras_transformer.training import cluster, strategies
from tests.training import checkpoints_test, replicas_test, two_workers

pytestmark = [pytest.mark.process, pytest.mark.training]

PAIRS = 211
MADE = bytes(range(256)) * 5000
# Only the grid makes the second run, which XLA compiles.
RUNS = [("adam", replicas_test.WITHOUT_XLA), ("adam", replicas_test.TOGETHER)]


def batches():
    """Returns batches of pairs; the first token of pair i is 100 + i."""
    generator = np.random.default_rng(5)
    lengths = generator.integers(3, 29, size=PAIRS)
    sources = [
        np.array([100 + i, *[7] * length], "int32")
        for i, length in enumerate(lengths)
    ]
    return data.TokenBatches(
        data.EncodedPairs(sources, sources), 211, 31, rows_multiple_of=2
    )


def numbers_read(strategy, dataset, steps):
    """Returns the numbers of the pairs that this worker reads."""
    numbers = []
    iterator = iter(strategy.experimental_distribute_dataset(dataset))
    for _ in range(steps):
        inputs, _, weights = next(iterator)
        (ids,) = strategy.experimental_local_results(inputs["source_ids"])
        (weights,) = strategy.experimental_local_results(weights)
        numbers.append(ids.numpy()[weights.numpy().any(axis=1), 0] - 100)
    return np.concatenate(numbers)


@pytest.fixture(scope="module")
def workers(request, tmp_path_factory):
    """Returns the results of two workers, with the runs that tests need."""
    folder = tmp_path_factory.mktemp("workers")
    runs = {
        item.callspec.params["i"]
        for item in request.session.items
        if item.function is test_trains_as_one_process
    }
    two_workers.run(__file__, str(folder), json.dumps(sorted(runs)))
    found = []
    for index in range(two_workers.WORKERS):
        with np.load(folder / f"{index}.npz") as file:
            found.append(dict(file))
    return found


@pytest.mark.parametrize("epoch", [0, 1])
def test_every_pair_is_read_once_an_epoch(workers, epoch):
    read = [found[f"training_{epoch}"] for found in workers]
    assert sorted(np.concatenate(read)) == list(range(PAIRS))
    # Each worker reads about half of the pairs.
    assert min(map(len, read)) > PAIRS // 3


def test_every_pair_is_evaluated_once(workers):
    read = [found["evaluation"] for found in workers]
    assert sorted(np.concatenate(read)) == list(range(PAIRS))


def test_one_is_the_chief(workers):
    assert [bool(found["is_chief"]) for found in workers] == [True, False]


def test_disagreement_is_found_by_all(workers):
    for index, found in enumerate(workers):
        message = str(found["disagreement"])
        assert f"do not agree in seed, here {index}. Start" in message


def test_the_chief_makes_what_all_have(workers):
    # It has every byte value, and is larger than one network message.
    assert MADE[:256] == bytes(range(256)) and len(MADE) > 2**20
    for found in workers:
        assert found["made"].tobytes() == MADE
        assert found["made_of_nothing"].tobytes() == b""
    assert [int(found["times_made"]) for found in workers] == [2, 0]


def test_what_the_chief_cannot_make_fails_on_all(workers):
    for found in workers:
        assert str(found["not_made"]) == "Too small for é, of worker 0."


@pytest.mark.parametrize(
    "i", [0, pytest.param(1, marks=[pytest.mark.grid, pytest.mark.xla])]
)
def test_trains_as_one_process(workers, i):
    optimizer, settings = RUNS[i]
    strategy = tf.distribute.get_strategy()
    expected = replicas_test.train(strategy, optimizer, {})
    for found in workers:
        for name, value in expected.items():
            assert np.isfinite(value).all(), name
            np.testing.assert_allclose(
                found[f"{i} {name}"],
                value,
                rtol=0,
                atol=1e-5 * max(np.abs(value).max(), 1e-2),
                err_msg=name,
            )


def test_one_writes_checkpoints_and_both_read(workers):
    assert [bool(found["checkpoints"]) for found in workers] == [True, True]


def made_by_one(strategy, index):
    """Returns what `from_chief` gives a worker: two values and an error."""
    made = []

    def make(content):
        made.append(content)
        return content

    def fail():
        raise ValueError(f"Too small for é, of worker {index}.")

    results = {
        name: np.frombuffer(
            cluster.from_chief(strategy, lambda content=content: make(content)),
            "uint8",
        )
        for name, content in (("made", MADE), ("made_of_nothing", b""))
    }
    try:
        cluster.from_chief(strategy, fail)
    except ValueError as error:
        results["not_made"] = str(error)
    return {**results, "times_made": len(made)}


def main(folder, runs):
    strategy = strategies.strategy("multi_worker")
    index = strategy.cluster_resolver.task_id
    results = {"is_chief": cluster.is_chief(strategy)}
    steps = batches().steps_per_epoch
    epochs = numbers_read(strategy, batches().training_dataset(), 2 * steps)
    results["training_0"], results["training_1"] = np.split(
        epochs, [_read_in(strategy, steps)]
    )
    results["evaluation"] = numbers_read(
        strategy, batches().evaluation_dataset(), steps
    )
    for value, is_same in ((5, True), (index, False)):
        try:
            values = {"seed": value, "size": 3, "words": "a b"}
            cluster.check_agreement(strategy, values)
            assert is_same
        except ValueError as error:
            assert not is_same
            results["disagreement"] = str(error)
    results |= made_by_one(strategy, index)
    checkpoints_test.check_two_workers(strategy, folder)
    results["checkpoints"] = True
    for i in json.loads(runs):
        optimizer, settings = RUNS[i]
        trained = replicas_test.train(strategy, optimizer, settings)
        results |= {f"{i} {name}": value for name, value in trained.items()}
    np.savez(pathlib.Path(folder) / f"{index}.npz", **results)


def _read_in(strategy, steps):
    return len(numbers_read(strategy, batches().training_dataset(), steps))


if __name__ == "__main__":
    main(*sys.argv[1:])
