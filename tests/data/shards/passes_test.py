"""Each pass must read every pair once, and epochs must join without a gap."""

from fractions import Fraction

import pytest

from keras_transformer.data.shards import passes

SIZES = [7, 5, 3, 7, 2]
TOTAL = sum(SIZES)


def pairs_of(slices):
    """Returns (shard, number in the shard) of each pair of the slices."""
    return [
        (each.shard, number)
        for each in slices
        for number in range(each.first, each.last)
    ]


def read(reader, epoch, parts):
    return [
        pair
        for part in range(parts)
        for pair in pairs_of(reader.slices(epoch, part, parts))
    ]


def all_pairs():
    return [(s, i) for s, size in enumerate(SIZES) for i in range(size)]


@pytest.mark.parametrize("parts", [1, 2, 3, 11])
def test_an_epoch_of_weight_one_reads_every_pair_once(parts):
    reader = passes.Passes(SIZES, Fraction(1), [3, 1])
    for epoch in range(5):
        assert sorted(read(reader, epoch, parts)) == all_pairs()


@pytest.mark.parametrize(
    "weight", [Fraction(1, 2), Fraction(2, 5), Fraction(7, 3), Fraction(3)]
)
def test_epochs_are_consecutive_in_the_passes(weight):
    reader = passes.Passes(SIZES, weight, [3, 1])
    epochs = 30 * weight.denominator
    stream = []
    for epoch in range(epochs):
        pairs = read(reader, epoch, 4)
        assert len(pairs) in (
            int(weight * TOTAL),
            int(weight * TOTAL) + 1,
        )
        stream += pairs
    # In the long run the fraction is exact, and each pass is whole.
    assert len(stream) == epochs * weight * TOTAL
    for start in range(0, len(stream), TOTAL):
        assert sorted(stream[start : start + TOTAL]) == all_pairs()


def test_parts_are_equal():
    reader = passes.Passes(SIZES, Fraction(1), [0])
    lengths = [len(pairs_of(reader.slices(2, part, 5))) for part in range(5)]
    assert sum(lengths) == TOTAL
    assert max(lengths) - min(lengths) <= 1


def test_shards_are_in_another_order_in_each_pass():
    sizes = [1] * 31

    def order(seed, epoch):
        reader = passes.Passes(sizes, Fraction(1), seed)
        return [shard for shard, _ in read(reader, epoch, 3)]

    orders = [
        order(seed, epoch)
        for seed in ([0, 0], [0, 1], [1, 0])
        for epoch in (0, 1)
    ]
    assert len(set(map(tuple, orders))) == 6
    assert order([0, 0], 1) == orders[1]


def test_a_weight_of_zero_reads_nothing():
    assert passes.Passes(SIZES, Fraction(0), [0]).slices(3, 0, 1) == []
