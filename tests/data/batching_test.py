"""Batches must hold every token once, in few shapes, in a known order."""

import dataclasses
import itertools

import numpy as np
import pytest

from keras_transformer.data import batching, encoding, pairs, plans
from keras_transformer.text import SpecialIds
from tests.assertions import assert_all_equal
from tests.data.letter_tokenizer import LetterTokenizer
from tests.data.windows import Windows

PAD, BEGIN, END = 0, 1, 2
TARGET_ARRAYS = ("target_input_ids", "target_output_ids", "weights")
BOTH = pytest.mark.parametrize("packed", [False, True])


def random_pairs(count=211, seed=0, longest=29):
    """Encoded pairs of random lengths from 1 on; all their ids differ."""
    generator = np.random.default_rng(seed)
    ids = itertools.count(5)

    def side():
        length = generator.integers(1, longest + 1)
        return np.array([next(ids) for _ in range(length)], "int32")

    return encoding.EncodedPairs(
        [side() for _ in range(count)], [side() for _ in range(count)]
    )


def make(encoded=None, **settings):
    settings = {"tokens_per_batch": 131, "max_length": 31, **settings}
    return batching.TokenBatches(encoded or random_pairs(), **settings)


def read(dataset, steps=None):
    """Batches as dicts of arrays under the names of the module's docstring."""
    batches = [
        {
            **{name: ids.numpy() for name, ids in inputs.items()},
            "target_output_ids": outputs.numpy(),
            "weights": weights.numpy(),
        }
        for inputs, outputs, weights in dataset.take(steps or -1)
    ]
    assert any(batch["weights"].any() for batch in batches)
    return batches


def rows_of(batches):
    """(source, target) ids of all pairs, without special ids and padding."""
    rows = []
    for batch in batches:
        # Without packing a row is one segment, up to its end token.
        source_segments, target_segments = (
            batch.get(f"{side}_segment_ids", (batch[ids] != PAD).astype(int))
            for side, ids in (
                ("source", "source_ids"),
                ("target", "target_output_ids"),
            )
        )
        for i, segments in enumerate(source_segments):
            for number in range(1, segments.max() + 1):
                source = batch["source_ids"][i][segments == number]
                in_target = target_segments[i] == number
                target = batch["target_input_ids"][i][in_target]
                rows.append((tuple(source[:-1]), tuple(target[1:])))
    return rows


def all_pairs(encoded):
    return [
        (tuple(source), tuple(target))
        for source, target in zip(encoded.sources, encoded.targets, strict=True)
    ]


class TestTokenBatches:
    @pytest.mark.parametrize(
        "kind",
        [
            pytest.param("training_dataset", id="training"),
            pytest.param("evaluation_dataset", id="evaluation"),
        ],
    )
    @BOTH
    def test_every_pair_once_an_epoch(self, kind, packed):
        encoded = random_pairs()
        batches = make(encoded, packed=packed)
        found = read(getattr(batches, kind)(), batches.steps_per_epoch)
        assert len(found) == batches.steps_per_epoch
        assert sorted(rows_of(found)) == sorted(all_pairs(encoded))

    @BOTH
    def test_every_epoch_of_training_holds_every_pair(self, packed):
        encoded = random_pairs()
        batches = make(encoded, packed=packed)
        steps = batches.steps_per_epoch
        found = read(batches.training_dataset(), 3 * steps)
        for epoch in range(3):
            rows = rows_of(found[epoch * steps : (epoch + 1) * steps])
            assert sorted(rows) == sorted(all_pairs(encoded))

    def test_targets_are_shifted_by_one(self):
        ids = [np.array([11, 13, 17], "int32")]
        batches = make(encoding.EncodedPairs([ids[0][:2]], ids), max_length=5)
        [batch] = read(batches.evaluation_dataset())
        assert_all_equal(batch["source_ids"][0], [11, 13, 2, 0, 0])
        assert_all_equal(batch["target_input_ids"][0], [1, 11, 13, 17, 0])
        assert_all_equal(batch["target_output_ids"][0], [11, 13, 17, 2, 0])
        assert_all_equal(batch["weights"][0], [1, 1, 1, 1, 0])

    def test_special_ids_are_those_of_the_vocabularies(self):
        class Source(LetterTokenizer):
            special_ids = SpecialIds(pad=5, begin=3, end=END, unknown=1)

        class Target(LetterTokenizer):
            special_ids = SpecialIds(pad=7, begin=None, end=0, unknown=1)

        encoded = encoding.encode_pairs(
            [pairs.SentencePair("ab", "xyz")], Source(), 5, Target()
        )
        with pytest.raises(ValueError, match="without an id that begins"):
            make(encoded, max_length=5)
        [batch] = read(
            make(encoded, max_length=5, start_id=9).evaluation_dataset()
        )
        x, y, z = map(ord, "xyz")
        assert_all_equal(batch["source_ids"][0], [97, 98, END, 5, 5])
        assert_all_equal(batch["target_input_ids"][0], [9, x, y, z, 7])
        assert_all_equal(batch["target_output_ids"][0], [x, y, z, 0, 7])
        assert_all_equal(batch["weights"][0], [1, 1, 1, 1, 0])
        # The last row is empty and fills up the batch.
        assert_all_equal(batch["source_ids"][-1], [5] * 5)
        assert_all_equal(batch["target_output_ids"][-1], [7] * 5)

    @pytest.mark.parametrize("start_id", [PAD, END])
    def test_targets_start_with_what_the_model_starts_with(self, start_id):
        encoded = random_pairs()
        expected = read(make(encoded).evaluation_dataset())
        found = read(make(encoded, start_id=start_id).evaluation_dataset())
        for batch, other in zip(found, expected, strict=True):
            is_used = other["weights"][:, 0] > 0
            assert_all_equal(
                batch["target_input_ids"][is_used, 0],
                np.full(is_used.sum(), start_id),
            )
            assert_all_equal(
                batch["target_input_ids"][:, 1:],
                other["target_input_ids"][:, 1:],
            )
            for name in ("source_ids", "target_output_ids", "weights"):
                assert_all_equal(batch[name], other[name])

    def test_packed_pairs_are_one_after_another(self):
        ids = [np.array(x, "int32") for x in ([11, 13, 17], [19])]
        others = [np.array(x, "int32") for x in ([23], [29, 31])]
        batches = make(
            encoding.EncodedPairs(ids, others),
            packed=True,
            tokens_per_batch=80,
            max_length=5,
        )
        [batch] = read(batches.evaluation_dataset())
        expected = {
            "source_ids": [11, 13, 17, END, 19, END],
            "source_segment_ids": [1, 1, 1, 1, 2, 2],
            "target_input_ids": [BEGIN, 23, BEGIN, 29, 31],
            "target_output_ids": [23, END, 29, 31, END],
            "target_segment_ids": [1, 1, 2, 2, 2],
            "weights": [1, 1, 1, 1, 1],
        }
        assert set(batch) == set(expected)
        for name, row in expected.items():
            assert_all_equal(batch[name][0, : len(row)], row)
            assert not batch[name][0, len(row) :].any()
            assert not batch[name][1:].any()

    def test_packed_batches_have_one_shape(self):
        batches = make(packed=True, rows_multiple_of=3)
        found = read(batches.training_dataset(), 2 * batches.steps_per_epoch)
        [(rows, source_length)] = {b["source_ids"].shape for b in found}
        [(_, target_length)] = {b["weights"].shape for b in found}
        assert rows % 3 == 0
        # Each pair fits, and a batch has no more tokens than it may.
        assert min(source_length, target_length) >= 29
        assert rows * max(source_length, target_length) <= 131 + 2 * 31

    def test_packed_rows_of_an_epoch_are_mixed(self):
        batches = make(random_pairs(1009), packed=True, tokens_per_batch=1009)
        found = read(batches.training_dataset(), batches.steps_per_epoch)
        pairs_a_row = [b["source_segment_ids"].max(1).mean() for b in found]
        # If sorted, batches would have from 1 to more than 6 pairs a row.
        assert max(pairs_a_row[:-1]) < 3 * min(pairs_a_row[:-1])

    def test_rows_are_shifted_weighted_and_typed(self):
        for batch in read(make().evaluation_dataset()):
            inputs, outputs = (
                batch["target_input_ids"],
                batch["target_output_ids"],
            )
            is_real = outputs != PAD
            assert_all_equal(batch["weights"], is_real.astype("float32"))
            assert_all_equal(is_real, inputs != PAD)
            is_end = outputs == END
            assert_all_equal(is_end.sum(1), is_real.any(1))
            assert_all_equal(
                inputs[:, 1:], np.where(is_end, 0, outputs)[:, :-1]
            )
            assert_all_equal(inputs[:, 0], np.where(is_real.any(1), BEGIN, 0))
            for name in ("source_ids", "target_input_ids", "target_output_ids"):
                assert batch[name].dtype == np.int32
            assert batch["weights"].dtype == np.float32

    @pytest.mark.parametrize("rows_multiple_of", [1, 3])
    def test_shapes_are_those_of_the_buckets(self, rows_multiple_of):
        batches = make(rows_multiple_of=rows_multiple_of)
        # As many rows as fit 131 tokens, a multiple of 8 if they are more
        # than 8, rounded up to a multiple of `rows_multiple_of`.
        expected = {}
        for length in plans.bucket_lengths(31):
            rows = 131 // length
            rows -= rows % 8 if rows > 8 else 0
            expected[length] = rows + -rows % rows_multiple_of
        found = read(batches.training_dataset(), 2 * batches.steps_per_epoch)
        for batch in found:
            rows, source_length = batch["source_ids"].shape
            target_length = batch["weights"].shape[1]
            assert {source_length, target_length} <= set(expected)
            assert rows == expected[max(source_length, target_length)]
            for name in TARGET_ARRAYS:
                assert batch[name].shape == (rows, target_length)
        assert len({b["weights"].shape for b in found}) > 4

    def test_only_one_batch_of_an_epoch_is_not_full(self):
        batches = make()
        short = [
            batch
            for batch in read(batches.evaluation_dataset())
            if not batch["weights"].any(axis=1).all()
        ]
        assert len(short) <= 1

    @BOTH
    def test_order_depends_on_seed_and_epoch_only(
        self, packed, seed_of_tensorflow
    ):
        encoded = random_pairs()

        def read_two_epochs(seed=0):
            batches = make(encoded, seed=seed, packed=packed)
            steps = 2 * batches.steps_per_epoch
            return rows_of(read(batches.training_dataset(), steps))

        first = read_two_epochs()
        np.random.seed(5)
        seed_of_tensorflow(5)
        again = read_two_epochs()
        other = read_two_epochs(seed=1)
        assert first == again
        assert first != other
        count = len(encoded.sources)
        assert first[:count] != first[count:]

    def test_one_dataset_can_be_read_twice(self):
        batches = make()
        for dataset in (
            batches.training_dataset(3).take(5),
            batches.evaluation_dataset(),
        ):
            assert rows_of(read(dataset)) == rows_of(read(dataset))

    def test_long_and_short_batches_are_mixed(self):
        found = read(make().training_dataset(), make().steps_per_epoch)
        lengths = [batch["weights"].shape[1] for batch in found]
        assert lengths != sorted(lengths)

    @BOTH
    def test_continues_where_it_stopped(self, packed):
        batches = make(packed=packed)
        steps = batches.steps_per_epoch
        whole = rows_of_each(read(batches.training_dataset(), 2 * steps + 3))
        for first in (0, 1, steps - 1, steps, steps + 1, 2 * steps):
            # A new object, as in a new process.
            rest = read(make(packed=packed).training_dataset(first), 3)
            assert rows_of_each(rest) == whole[first : first + 3]

    @BOTH
    def test_counts_the_target_tokens_of_any_number_of_steps(self, packed):
        batches = make(packed=packed)
        steps = 2 * batches.steps_per_epoch + 2
        found = read(batches.training_dataset(), steps)
        sums = np.cumsum([0] + [batch["weights"].sum() for batch in found])
        for count in range(steps + 1):
            assert batches.count_target_tokens(count) == sums[count]

    def test_evaluation_has_a_known_number_of_batches(self):
        batches = make()
        dataset = batches.evaluation_dataset()
        assert dataset.cardinality() == batches.steps_per_epoch
        rows = rows_of(read(dataset))
        assert rows == rows_of(read(make(seed=7).evaluation_dataset()))

    def test_a_short_rest_is_padded_to_its_own_length(self):
        batches = make(random_pairs(count=3, longest=5))
        (batch,) = read(batches.evaluation_dataset())
        assert batch["source_ids"].shape == (131 // 8, 8)

    def test_little_padding_at_realistic_lengths(self):
        # Log-normal lengths around 24 tokens, similar for both sides of a pair.
        generator = np.random.default_rng(0)
        sources = np.exp(generator.normal(np.log(24), 0.55, 5003))
        targets = sources * np.exp(generator.normal(0, 0.15, 5003))

        def ids(lengths):
            lengths = np.clip(lengths, 1, 126).astype(int)
            return [np.full(length, 5, "int32") for length in lengths]

        encoded = encoding.EncodedPairs(ids(sources), ids(targets))
        batches = batching.TokenBatches(encoded, 4096, 127)
        padded = real = 0
        for batch in read(batches.evaluation_dataset()):
            padded += batch["weights"].size
            real += batch["weights"].sum()
        assert real == encoded.num_target_tokens
        # The share is 0.09. Without buckets it would be more than 0.7.
        assert 1 - real / padded < 0.10

    @BOTH
    @pytest.mark.parametrize("replicas", [2, 3, 13])
    def test_which_pairs_share_a_batch_is_the_same_for_replicas(
        self, replicas, packed
    ):
        settings = {"packed": packed, "tokens_per_batch": 547}
        one = make(**settings)
        several = make(rows_multiple_of=replicas, **settings)
        steps = 2 * one.steps_per_epoch
        assert several.steps_per_epoch == one.steps_per_epoch
        for alone, shared in zip(
            read(one.training_dataset(), steps),
            read(several.training_dataset(), steps),
            strict=True,
        ):
            for name, array in alone.items():
                rows = shared[name][: len(array)]
                assert len(shared[name]) % replicas == 0
                assert_all_equal(rows, array)
                assert not shared[name][len(array) :].any()

    @pytest.mark.parametrize(
        ("tokens", "replicas", "least"),
        [(30, 1, 31), (92, 3, 93), (247, 8, 248), (495, 11, 496)],
    )
    def test_too_few_tokens_for_a_batch(self, tokens, replicas, least):
        settings = {"max_length": 31, "rows_multiple_of": replicas}
        with pytest.raises(
            ValueError,
            match=f"tokens_per_batch={tokens}, max_length=31, rows_multiple_of="
            f"{replicas}. Expected at least {least} tokens",
        ):
            make(tokens_per_batch=tokens, **settings)
        batches = make(tokens_per_batch=least, **settings)
        assert (
            batches.count_target_tokens(batches.steps_per_epoch)
            == random_pairs().num_target_tokens
        )

    def test_shortest_max_length(self):
        ids = [np.array([7], "int32")] * 3
        encoded = encoding.EncodedPairs(ids, ids)
        batches = batching.TokenBatches(encoded, 2, max_length=2)
        assert batches.steps_per_epoch == 3

    def test_sentences_longer_than_the_longest_bucket(self):
        with pytest.raises(
            ValueError, match="A sentence has 30 tokens.*max_length=29"
        ):
            make(max_length=29)

    def test_one_pair(self):
        encoded = random_pairs(1)
        batches = make(encoded, rows_multiple_of=2)
        assert batches.steps_per_epoch == 1
        found = read(batches.training_dataset(), 3)
        assert rows_of(found) == 3 * all_pairs(encoded)


def rows_of_each(batches):
    return [rows_of([batch]) for batch in batches]


class TestCheckBatch:
    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            (
                {"tokens_per_batch": 0},
                "`tokens_per_batch` must be.*Received: 0",
            ),
            ({"tokens_per_batch": -1}, "`tokens_per_batch` must be.*: -1"),
            ({"max_length": 0}, "`max_length` must be at least 1. Received: 0"),
            ({"rows_multiple_of": 0}, "`rows_multiple_of` must be at least 1"),
            (
                {"tokens_per_batch": 30},
                "=30, max_length=31.*at least 31 tokens",
            ),
            ({"rows_multiple_of": 5}, "=131.*Expected at least 155 tokens"),
        ],
    )
    def test_no_batch(self, settings, message):
        with pytest.raises(ValueError, match=message):
            make(**settings)
        sizes = {"tokens_per_batch": 131, "max_length": 31, **settings}
        with pytest.raises(ValueError, match=message):
            plans.check_batch(**sizes)

    def test_a_batch(self):
        plans.check_batch(131, 31, 4)
        make(rows_multiple_of=4)

    def test_no_seed(self):
        with pytest.raises(ValueError, match="`seed` must be.*: -1"):
            make(seed=-1)


class TestWindows:
    @BOTH
    def test_every_pair_once_an_epoch(self, packed):
        encoded = random_pairs()
        batches = make(Windows(encoded), packed=packed)
        found = rows_of(read(batches.evaluation_dataset()))
        assert sorted(found) == sorted(all_pairs(encoded))
        found = read(batches.training_dataset(), 3 * batches.steps_per_epoch)
        rows, count = rows_of(found), len(encoded.sources)
        assert sorted(rows[:count]) == sorted(all_pairs(encoded))
        assert sorted(rows[count : 2 * count]) == sorted(all_pairs(encoded))
        assert rows[:count] != rows[count : 2 * count]

    @BOTH
    def test_continues_at_a_bookmark_and_reads_nothing_before_it(self, packed):
        batches = make(Windows(random_pairs()), packed=packed)
        steps = batches.steps_per_epoch
        whole = rows_of_each(read(batches.training_dataset(), 3 * steps + 5))
        for first in (0, 1, steps - 1, steps + 1, 3 * steps):
            bookmark = batches.bookmark(first)
            assert abs(bookmark.window - 2 * first / steps) <= 1
            windows = Windows(random_pairs())
            resumed = make(windows, packed=packed)
            resumed.use_bookmark(bookmark)
            rest = read(resumed.training_dataset(first), 3)
            assert rows_of_each(rest) == whole[first : first + 3]
            assert min(windows.was_read) == bookmark.window
            assert resumed.count_target_tokens(first) == sum(
                len(target) + 1 for rows in whole[:first] for _, target in rows
            )

    def test_a_batch_of_the_next_epoch_is_not_of_this_one(self):
        batches = make(Windows(random_pairs()))
        steps = 2 * batches.steps_per_epoch
        windows = [batches.bookmark(step).window for step in range(steps)]
        assert windows == sorted(windows)
        assert set(windows) >= {0, 1, 2, 3}


@BOTH
def test_batches_are_observed(packed):
    batches = make(packed=packed, rows_multiple_of=3)
    seen = []
    # From the third batch on, into the second epoch.
    steps = batches.steps_per_epoch
    dataset = batches.training_dataset(
        2, lambda *observed: seen.append(observed)
    )
    made = read(dataset, steps)
    # The data set makes batches in advance.
    seen = seen[:steps]
    assert [number for number, _, _ in seen] == list(range(2, 2 + steps))
    for (_, num_pairs, weights), batch in zip(seen, made, strict=True):
        assert_all_equal(weights, batch["weights"])
        assert num_pairs == (batch["target_output_ids"] == END).sum()


@BOTH
@pytest.mark.parametrize("around", [((11,), None), ((), ()), ((3, 4), (7, 2))])
def test_sources_with_other_ids_around_them(packed, around):
    special_ids = SpecialIds(source_prefix=around[0], source_suffix=around[1])
    encoded = dataclasses.replace(
        random_pairs(count=23, longest=5), source_special_ids=special_ids
    )
    after = (END,) if around[1] is None else around[1]
    added = len(around[0]) + len(after)
    assert encoded.longest == 5 + max(added, 1)
    batches = read(make(encoded, packed=packed).evaluation_dataset())
    segments = [
        tuple(ids[own == number])
        for batch in batches
        for ids, own in zip(
            batch["source_ids"],
            batch.get(
                "source_segment_ids", (batch["source_ids"] != PAD).astype(int)
            ),
            strict=True,
        )
        for number in range(1, own.max(initial=0) + 1)
    ]
    assert sorted(segments) == sorted(
        (*around[0], *source, *after) for source in encoded.sources
    )
