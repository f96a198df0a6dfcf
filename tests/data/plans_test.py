"""Plans must hold every pair once, in few shapes with little padding."""

import itertools

import numpy as np
import pytest

from keras_transformer.data import plans


def random_lengths(count=1009, seed=0):
    """Lengths of sources and targets around 15 tokens, as in captions."""
    generator = np.random.default_rng(seed)
    sources = np.exp(generator.normal(np.log(15), 0.4, count))
    targets = sources * np.exp(generator.normal(0.05, 0.2, count))
    return np.clip(np.stack([sources, targets], 1).astype(int), 2, 61)


def padding(batches, lengths):
    """The share of tokens that are padding, on both sides together."""
    size = sum(rows * (s + t) for (rows, s, t), _ in batches)
    return 1 - lengths.sum() / size


class TestBucketLengths:
    @pytest.mark.parametrize("max_length", [3, 8, 31, 127, 128, 509])
    def test_rise_to_the_longest(self, max_length):
        lengths = plans.bucket_lengths(max_length)
        assert lengths == sorted(set(lengths))
        assert lengths[-1] == max_length
        assert len(lengths) < 64

    def test_steps_are_at_most_an_eighth(self):
        lengths = plans.bucket_lengths(1009)
        assert len(lengths) > 16
        for shorter, longer in itertools.pairwise(lengths):
            assert longer - shorter <= max(2, shorter / 8)


class TestRowsOf:
    @pytest.mark.parametrize(
        ("tokens", "length", "rows"),
        [(131, 7, 16), (131, 16, 8), (131, 17, 7), (131, 132, 1), (5, 5, 1)],
    )
    def test_eights_if_there_are_eight(self, tokens, length, rows):
        assert plans.rows_of(tokens, length) == rows


PLANNERS = pytest.mark.parametrize(
    "planner",
    [
        pytest.param(plans.Buckets(2048, 64), id="buckets"),
        pytest.param(plans.Packing(2048, (62, 64)), id="packing"),
    ],
)


class TestPlanners:
    @PLANNERS
    @pytest.mark.parametrize("seed", [None, 7])
    def test_every_pair_once_in_a_row_with_room(self, planner, seed):
        generator = None if seed is None else np.random.default_rng(seed)
        lengths = random_lengths()
        batches = planner.plan(lengths, generator)
        pairs = [
            pair for _, rows in batches for pair in np.concatenate(list(rows))
        ]
        assert sorted(pairs) == list(range(len(lengths)))
        for (most, *room), rows in batches:
            assert len(rows) <= most
            assert most * max(room) <= 2048
            for row in rows:
                assert (lengths[list(row)].sum(0) <= room).all()

    @PLANNERS
    def test_only_the_last_batch_is_not_full(self, planner):
        batches = planner.plan(random_lengths())
        assert all(len(rows) == shape[0] for shape, rows in batches[:-1])

    @PLANNERS
    def test_the_number_of_batches_does_not_depend_on_the_order(self, planner):
        lengths = random_lengths()
        numbers = {
            len(planner.plan(lengths, np.random.default_rng(seed)))
            for seed in range(5)
        }
        assert numbers == {len(planner.plan(lengths))}

    @PLANNERS
    def test_the_generator_decides_which_pairs_share_a_batch(self, planner):
        lengths = random_lengths()

        def plan(seed):
            batches = planner.plan(lengths, np.random.default_rng(seed))
            return [np.concatenate(list(rows)).tolist() for _, rows in batches]

        assert plan(1) == plan(1)
        assert plan(1) != plan(2)

    def test_padding(self):
        lengths = random_lengths(29_009)
        buckets = plans.Buckets(2048, 64).plan(lengths)
        # The shares are 0.053 and 0.013. The first would be 0.12 if both
        # sides had one length, and more than 0.7 without buckets.
        assert padding(buckets, lengths) < 0.06
        packed = plans.Packing(2048, (61, 64)).plan(lengths)
        assert padding(packed, lengths) < 0.02

    def test_a_long_source_makes_its_batch_long(self):
        lengths = np.array([[31, 3]] + [[3, 3]] * 15)
        long, short, rest = plans.Buckets(64, 32).plan(lengths)
        # 64 // 32 rows as long as the source, then 64 // 8 rows.
        assert long.shape == (2, 32, 8)
        assert long.rows[-1] == [0]
        assert short.shape == (8, 8, 8)
        # The other pairs go to the next longer bucket and fill a batch.
        assert rest.shape == (6, 8, 10)
        assert len(rest.rows) == 6
