"""Windows must hold each pair as often as the weights say, from any start."""

import hashlib
import itertools
import math
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from keras_transformer.data import encoding, sharded_pairs
from keras_transformer.text import vocabulary_sha256
from tests.assertions import assert_all_equal
from tests.data.shards import directories

as_tuples = directories.as_tuples
COUNTS = (113, 59, 31)


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """Three shard directories, and their pairs."""
    folder = tmp_path_factory.mktemp("corpora")
    pairs = [
        directories.random_pairs(count, seed)
        for seed, count in enumerate(COUNTS)
    ]
    paths = [
        directories.write(folder / str(number), each)
        for number, each in enumerate(pairs)
    ]
    return paths, list(map(as_tuples, pairs))


def windows(reader, first, last):
    return [
        as_tuples(reader.read_window(number)) for number in range(first, last)
    ]


def epoch_of(reader, epoch):
    count = reader.windows_per_epoch
    return list(
        itertools.chain(*windows(reader, epoch * count, (epoch + 1) * count))
    )


@pytest.mark.parametrize("count", [1, 2, 3])
def test_every_pair_once_an_epoch(corpora, count):
    paths, pairs = (each[:count] for each in corpora)
    reader = sharded_pairs.ShardedPairs(paths, window_pairs=29)
    assert reader.num_pairs == sum(COUNTS[:count])
    assert reader.windows_per_epoch == -(-reader.num_pairs // 29)
    everything = sorted(itertools.chain(*pairs))
    for epoch in range(3):
        assert sorted(epoch_of(reader, epoch)) == everything
    assert reader.num_target_tokens == sum(
        len(target) + 1 for _, target in everything
    )
    assert reader.longest == 1 + max(
        len(side) for pair in everything for side in pair
    )


def test_windows_are_mixes_of_equal_sizes(corpora):
    paths, pairs = corpora
    reader = sharded_pairs.ShardedPairs(paths, window_pairs=29)
    for window in windows(reader, 0, 2 * reader.windows_per_epoch):
        for count, corpus in zip(COUNTS, pairs, strict=True):
            share = count / reader.windows_per_epoch
            assert abs(len(set(window) & set(corpus)) - share) <= 1
        assert len(window) <= 29 + len(COUNTS)


def test_lengths_are_those_of_the_pairs(corpora):
    reader = sharded_pairs.ShardedPairs(
        corpora[0], weights=[1, 0.5, 2], window_pairs=29
    )
    for number in (0, 1, 5, 37):
        window = reader.read_window(number)
        assert isinstance(window, encoding.EncodedPairs)
        for lengths, side in zip(
            reader.window_lengths(number),
            (window.sources, window.targets),
            strict=True,
        ):
            assert_all_equal(lengths, list(map(len, side)))


def test_any_window_is_read_by_itself(corpora):
    arguments = {"weights": [1, 0.3, 1.7], "seed": 5, "window_pairs": 29}
    reader = sharded_pairs.ShardedPairs(corpora[0], **arguments)
    all_windows = windows(reader, 0, 40)
    for number in (37, 3, 0, 39):
        # A new object, as in a process that continues.
        again = sharded_pairs.ShardedPairs(corpora[0], **arguments)
        assert windows(again, number, number + 1) == [all_windows[number]]


def test_order_depends_on_the_seed(corpora):
    first, other = (
        epoch_of(sharded_pairs.ShardedPairs(corpora[0][:1], seed=seed), 0)
        for seed in (0, 1)
    )
    assert first != other
    assert sorted(first) == sorted(other)


@pytest.mark.parametrize(
    "weights", [[1, 0.5, 2], [0.1, 1, 0], [0.3, 0.7, 1.1], [3, 1, 1]]
)
def test_fractions_are_exact_in_the_long_run(corpora, weights):
    paths, pairs = corpora
    reader = sharded_pairs.ShardedPairs(paths, weights=weights, window_pairs=61)
    counts = {}
    for epoch in range(10):
        for pair in epoch_of(reader, epoch):
            counts[pair] = counts.get(pair, 0) + 1
    for weight, corpus in zip(weights, pairs, strict=True):
        # Ten epochs are a whole number of passes.
        assert [counts.get(pair, 0) for pair in corpus] == [
            round(10 * weight)
        ] * len(corpus)
    mean = sum(counts.values()) / 10
    assert mean - 1 < reader.num_pairs <= mean
    tokens = sum(count * (len(pair[1]) + 1) for pair, count in counts.items())
    assert reader.num_target_tokens == round(tokens / 10)


def test_temperatures(corpora):
    paths, _ = corpora

    def shares(temperature):
        reader = sharded_pairs.ShardedPairs(paths, temperature=temperature)
        assert abs(reader.num_pairs - sum(COUNTS)) <= 1
        return [
            float(weight) * count
            for weight, count in zip(reader.weights, COUNTS, strict=True)
        ]

    np.testing.assert_allclose(shares(1), COUNTS, rtol=1e-12)
    np.testing.assert_allclose(
        shares(math.inf), [sum(COUNTS) / 3] * 3, rtol=1e-12
    )
    roots = np.sqrt(COUNTS)
    np.testing.assert_allclose(
        shares(2), roots / roots.sum() * sum(COUNTS), rtol=1e-12
    )


def test_the_hash_tells_other_corpora(corpora):
    one, two, _ = corpora[0]
    hashes = [
        sharded_pairs.ShardedPairs(paths).sha256()
        for paths in ([one], [one], [two], [one, two], [two, one])
    ]
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 4


def test_special_ids_are_those_of_the_vocabulary(corpora):
    reader = sharded_pairs.ShardedPairs(corpora[0])
    special_ids = directories.tokenizer().special_ids
    window = reader.read_window(0)
    for holder in (reader, window):
        assert holder.source_special_ids == special_ids
        assert holder.target_special_ids == special_ids


def digest_of_a_window(paths):
    reader = sharded_pairs.ShardedPairs(
        paths, [1, 0.3, 1.7], seed=3, window_pairs=29
    )
    return hashlib.sha256(
        repr(as_tuples(reader.read_window(23))).encode()
    ).hexdigest()


@pytest.mark.grid
@pytest.mark.process
def test_windows_are_the_same_in_another_process(corpora):
    program = (
        "import sys; from tests.data import sharded_pairs_test; "
        "print(sharded_pairs_test.digest_of_a_window(sys.argv[1:]))"
    )
    output = subprocess.run(
        [sys.executable, "-c", program, *corpora[0]],
        capture_output=True,
        check=True,
        text=True,
        cwd=pathlib.Path(__file__).parents[2],
    ).stdout
    assert output.strip() == digest_of_a_window(corpora[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weights": [1, 2]}, "2 weights .1, 2., 3 directories"),
        ({"weights": [1, -0.5, 1]}, "at least 0 and finite.*-0.5"),
        ({"weights": [1, math.nan, 1]}, "at least 0 and finite.*nan"),
        ({"weights": [1, math.inf, 1]}, "at least 0 and finite.*inf"),
        ({"weights": [0, 0, 0]}, "An epoch has no pair"),
        ({"weights": [0.001, 0, 0]}, "An epoch has no pair.*1/1000"),
        ({"weights": [1] * 3, "temperature": 2}, "Give one of them"),
        ({"temperature": 0}, "`temperature` must be above 0. Received: 0"),
        ({"temperature": math.nan}, "`temperature` must be above 0"),
        ({"temperature": 1e-9}, "too small for the sizes.*Give a larger one"),
        ({"seed": -1}, "`seed` must be at least 0. Received: -1"),
        ({"window_pairs": 0}, "`window_pairs` must be at least 1"),
    ],
)
def test_invalid_arguments(corpora, arguments, message):
    with pytest.raises(ValueError, match=message):
        sharded_pairs.ShardedPairs(corpora[0], **arguments)


def test_no_directories():
    with pytest.raises(ValueError, match="Received no shard directory"):
        sharded_pairs.ShardedPairs([])
    with pytest.raises(ValueError, match="`directories` is a list"):
        sharded_pairs.ShardedPairs("shards")


def test_vocabularies_must_be_the_same(corpora, tmp_path):
    other = directories.write(
        tmp_path, directories.random_pairs(2), text="un chat"
    )
    with pytest.raises(ValueError, match="must have one vocabulary.*source"):
        sharded_pairs.ShardedPairs([*corpora[0], other])
    reader = sharded_pairs.ShardedPairs(corpora[0])
    mine = directories.tokenizer()
    same = vocabulary_sha256(mine)
    reader.check_vocabularies(same, same)
    with pytest.raises(
        ValueError, match="vocabulary of the sources in .* is not that"
    ):
        reader.check_vocabularies("0" * 64, same)
    with pytest.raises(
        ValueError, match="vocabulary of the targets in .* is not that"
    ):
        reader.check_vocabularies(same, "0" * 64)


def test_windows_are_never_empty(tmp_path):
    paths = [
        directories.write(
            tmp_path / str(seed), directories.random_pairs(2, seed)
        )
        for seed in range(3)
    ]
    reader = sharded_pairs.ShardedPairs(paths, [0.5, 0.7, 0.9], window_pairs=1)
    for number in range(31):
        assert reader.read_window(number).sources
