"""Only a few shapes are compiled, and results contain no padding rows."""

import numpy as np
import pytest
import tensorflow as tf

from keras_transformer import search
from keras_transformer.translation import graphs, lengths
from tests.assertions import assert_all_equal

PAD = 0


class TestCompiledSearch:
    @pytest.fixture(autouse=True)
    def set_up(self):
        self.traced = []

    def search(self, source_ids, prefix=None, align=False, max_length=0):
        """Returns a result with the sums of its arguments."""
        self.traced.append(
            (
                tuple(source_ids.shape),
                None if prefix is None else tuple(prefix.shape),
                align,
                max_length,
            )
        )
        sums = tf.reduce_sum(source_ids, axis=1, keepdims=True)
        if prefix is not None:
            sums += 1000 * tf.reduce_sum(prefix, axis=1, keepdims=True)
        floats = tf.cast(sums, tf.float32)
        return search.SearchResult(
            tf.repeat(sums[:, :, None], max_length, axis=2),
            sums,
            floats,
            floats[:, :, None],
            floats[:, :, None, None] if align else None,
        )

    @pytest.mark.parametrize("rows", [1, 2, 3, 5, 7, 8])
    def test_rows_are_those_that_were_given(self, rows):
        find = graphs.CompiledSearch(self.search, lengths.Lengths(), PAD)
        source_ids = tf.reshape(tf.range(rows * 13), [rows, 13])
        prefix = tf.reshape(tf.range(rows * 3), [rows, 3])
        for align in (False, True):
            found = find(source_ids, prefix, align)
            expected = np.sum(source_ids, 1) + 1000 * np.sum(prefix, 1)
            assert_all_equal(found.lengths[:, 0], expected)
            assert_all_equal(found.scores[:, 0], expected)
            assert found.ids.shape == (rows, 1, 32 + 50)
            assert (found.attention is None) == (not align)

    # `tests/training/distributed_model_test.py` tests two devices.
    def test_on_the_devices_of_a_strategy(self):
        strategy = tf.distribute.MirroredStrategy(["CPU:0"])
        find = graphs.CompiledSearch(
            self.search, lengths.Lengths(), PAD, strategy
        )
        source_ids = tf.reshape(tf.range(5 * 13), [5, 13])
        prefix = tf.reshape(tf.range(5 * 3), [5, 3])
        for given, align in ((None, False), (prefix, True)):
            found = find(source_ids, given, align)
            expected = np.sum(source_ids, 1)
            if given is not None:
                expected += 1000 * np.sum(prefix, 1)
            assert_all_equal(found.lengths[:, 0], expected)
            assert found.ids.shape == (5, 1, 32 + 50)
            assert (found.attention is None) == (not align)

    def test_few_shapes(self):
        limits = lengths.Lengths(ratio=2.0, extra=3)
        find = graphs.CompiledSearch(self.search, limits, PAD)
        for rows in range(5, 9):
            for length in (1, 17, 31, 32):
                find(tf.ones([rows, length], tf.int32))
        assert self.traced == [((8, 32), None, False, 67)]
        find(tf.ones([2, 33], tf.int32), tf.ones([2, 5], tf.int32))
        assert self.traced[1:] == [((2, 64), (2, 32), False, 131)]
        find(tf.ones([1, 7], tf.int32), None, True)
        assert self.traced[2:] == [((1, 32), None, True, 67)]

    def test_an_empty_prefix(self):
        find = graphs.CompiledSearch(self.search, lengths.Lengths(), PAD)
        found = find(tf.ones([3, 7], tf.int32), tf.zeros([3, 0], tf.int32))
        assert_all_equal(found.lengths[:, 0], [7, 7, 7])

    def test_what_fills_up_is_the_padding(self):
        find = graphs.CompiledSearch(self.search, lengths.Lengths(), 7)
        found = find(tf.ones([3, 5], tf.int32))
        assert_all_equal(found.lengths[:, 0], [5 + 27 * 7] * 3)


class TestGraphSearch:
    def test_one_graph_for_each_kind_of_call(self):
        traced = []

        def search(source_ids, prefix=None, align=False):
            traced.append((prefix is None, align))
            sums = tf.reduce_sum(source_ids, axis=1)
            return sums if prefix is None else sums + 1000 * prefix[:, 0]

        find = graphs.GraphSearch(search)
        prefix = tf.constant([[3], [5]])
        for rows in (2, 2, 2):
            ids = tf.ones([rows, 7], tf.int32)
            assert_all_equal(find(ids), [7] * rows)
            assert_all_equal(find(ids[:, :5], None, True), [5] * rows)
            assert_all_equal(find(ids, prefix), [3007, 5007])
        assert_all_equal(find(tf.ones([11, 13], tf.int32)), [13] * 11)
        assert traced == [(True, False), (True, True), (False, False)]
