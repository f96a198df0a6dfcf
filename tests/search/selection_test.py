"""The fast selection gives the same numbers as sorting."""

import numpy as np
import pytest
import tensorflow as tf

from keras_transformer.search import selection
from tests.assertions import assert_all_close, assert_all_equal

# Sizes with and without chunks: primes, powers of two, products of large
# primes, and vocabulary sizes of well-known systems.
SIZES = (1, 2, 3, 31, 512, 1000, 1024, 4001, 4093, 4096, 9797, 8192, 32000,
         32768, 37000, 58101)  # fmt: skip
COUNTS = (1, 2, 3, 8, 11, 29)


class TestLargest:
    def check(self, values, count):
        numbers, places = selection.largest(values, count)
        expected = tf.math.top_k(values, count)
        assert numbers.shape == expected.values.shape
        assert places.dtype == tf.int32
        assert_all_equal(numbers, expected.values)
        return places, expected.indices

    @pytest.mark.parametrize("size", SIZES)
    def test_distinct_numbers(self, size):
        generator = np.random.default_rng(size)
        for count in COUNTS:
            if count <= size:
                values = np.stack(
                    [generator.permutation(size) for _ in range(5)]
                ).astype("float32")
                found, expected = self.check(values, count)
                assert_all_equal(found, expected)

    @pytest.mark.parametrize("size", (31, 1000, 4096, 32000))
    @pytest.mark.parametrize("kinds", (1, 7, 97, 499, 9973))
    def test_ties(self, size, kinds):
        generator = np.random.default_rng(kinds)
        for count in COUNTS:
            values = generator.integers(0, kinds, (7, size)).astype("float32")
            places, expected = self.check(values, count)
            # Of equal numbers the first is chosen, as in TensorFlow.
            assert_all_equal(places, expected)
            # Each index points to its number, and no index occurs twice.
            assert_all_equal(
                np.take_along_axis(values, places.numpy(), axis=1),
                np.sort(values, axis=1)[:, ::-1][:, :count],
            )
            for row in places.numpy():
                assert len(set(row.tolist())) == count

    @pytest.mark.parametrize("size", [1000, 4096, 32000])
    def test_forbidden_numbers(self, size):
        generator = np.random.default_rng(size)
        values = generator.permutation(3 * size).reshape(3, size)
        values = values.astype("float32")
        values[generator.random(values.shape) < 0.99] = -np.inf
        values[2] = -np.inf
        values[2, size // 2] = 5.0
        for count in COUNTS:
            if count > np.min(np.sum(values[:2] > -np.inf, axis=1)):
                continue
            found, expected = self.check(values, count)
            assert_all_equal(found[:2], expected[:2])
            assert found[2, 0] == size // 2
        # If all numbers are -inf, the indices are still valid.
        places, _ = self.check(np.full((2, size), -np.inf, "float32"), 3)
        assert 0 <= np.min(places) and np.max(places) <= size - 1

    def test_the_largest_may_all_stand_in_one_chunk_or_in_many(self):
        for stride in (1, 128, 500):
            values = np.zeros((1, 32000), "float32")
            values[0, 7 : 7 + 29 * stride : stride] = np.arange(1, 30)
            found, expected = self.check(values, 29)
            assert_all_equal(found, expected)

    def test_chunks_divide_and_are_left_where_they_save_nothing(self):
        for size in SIZES:
            for count in COUNTS:
                chunk = selection._chunk_size(size, count)
                if chunk is not None:
                    assert size % chunk == 0
                    assert size // chunk >= count
                    # At most a quarter of the numbers is sorted.
                    assert 4 * (size // chunk + count * chunk) < size
        assert selection._chunk_size(32000, 9) is not None
        for size, count in ((None, 1), (4093, 1), (9, 1), (100, 8)):
            assert selection._chunk_size(size, count) is None

    def test_sizes_known_only_at_run_time(self):
        values = np.random.default_rng(0).permutation(4096).astype("float32")
        values = values.reshape(2, 2048)
        expected = tf.math.top_k(values, 3)
        for shape in ([None, None], [None, 2048], [2, 2048]):
            graph = tf.function(
                lambda x: selection.largest(x, 3),
                input_signature=[tf.TensorSpec(shape)],
            )
            numbers, places = graph(values)
            assert_all_equal(numbers, expected.values)
            assert_all_equal(places, expected.indices)
        numbers, places = tf.function(
            lambda x: selection.largest(x, 3), jit_compile=True
        )(values)
        assert_all_equal(numbers, expected.values)
        assert_all_equal(places, expected.indices)
        numbers, places = selection.largest(values[:0], 3)
        assert numbers.shape == (0, 3)
        assert places.shape == (0, 3)


class TestLogNormalizer:
    @pytest.mark.parametrize("size", (1, 2, 31, 32000))
    @pytest.mark.parametrize("offset", (0.0, 80.0, -300.0))
    @pytest.mark.parametrize("scale", (0.1, 30.0))
    def test_is_the_logarithm_of_the_sum_of_exponentials(
        self, size, offset, scale
    ):
        logits = np.random.default_rng(0).normal(offset, scale, (5, size))
        logits = logits.astype("float32")
        wide = logits.astype("float64")
        largest = wide.max(1)
        expected = largest + np.log(np.exp(wide - largest[:, None]).sum(1))
        best = np.argmax(logits, axis=1).astype("int32")
        # The softmax of the largest number is at least 1 / V, and it has the
        # rounding error of a sum of V terms. Other errors are the rounding
        # errors of float32 logits.
        tolerance = {"rtol": 2e-7, "atol": 3e-6}
        assert_all_close(
            selection.log_normalizer(logits), expected, **tolerance
        )
        assert_all_close(
            selection.log_normalizer(logits, best), expected, **tolerance
        )

    def test_forbidden_numbers_add_nothing(self):
        logits = tf.constant([[0.0, -np.inf, 0.0, -1e9]])
        for best in (None, tf.constant([0]), tf.constant([2])):
            assert_all_close(
                selection.log_normalizer(logits, best), [np.log(2)], rtol=1e-6
            )
