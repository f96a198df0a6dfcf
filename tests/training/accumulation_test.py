"""The gradients of micro-batches add up to those of the whole batch."""

import numpy as np
import pytest
import tensorflow as tf

from keras_transformer.training import accumulation
from tests.assertions import assert_all_close, assert_all_equal


class TestAccumulation:
    @pytest.fixture(autouse=True)
    def set_up(self):
        generator = np.random.default_rng(3)
        self.kernel = tf.Variable(generator.normal(size=(5, 3)))
        self.unused = tf.Variable(1.0)
        self.table = tf.Variable(generator.normal(size=(7, 5)))
        self.data = {
            "ids": generator.integers(7, size=(6,)),
            "weights": generator.normal(size=(6, 3)),
        }

    def gradients_of(self, micro_batch):
        with tf.GradientTape() as tape:
            # The gradients are `tf.IndexedSlices`, a tensor and None.
            vectors = tf.gather(self.table, micro_batch["ids"])
            outputs = tf.sin(vectors @ self.kernel)
            loss = tf.reduce_sum(outputs * micro_batch["weights"])
        self.sizes.append(micro_batch["ids"].shape[0])
        return tape.gradient(loss, [self.table, self.kernel, self.unused])

    def add_up(self, micro_batches, in_graph):
        self.sizes = []
        variables = [self.table, self.kernel, self.unused]

        def run():
            return [
                gradient if gradient is None else tf.convert_to_tensor(gradient)
                for gradient in accumulation.add_up(
                    self.gradients_of, self.data, micro_batches, variables
                )
            ]

        return (tf.function(run) if in_graph else run)()

    @pytest.mark.parametrize("micro_batches", (2, 3, 6))
    @pytest.mark.parametrize("in_graph", (False, True))
    def test_is_that_of_the_whole(self, micro_batches, in_graph):
        whole = self.add_up(1, False)
        assert min(np.abs(one).max() for one in whole[:2]) > 0.1
        found = self.add_up(micro_batches, in_graph)
        for one, other in zip(found[:2], whole[:2], strict=True):
            assert_all_close(one, other, rtol=1e-12, atol=1e-14)
        assert found[2] is None

    @pytest.mark.parametrize("micro_batches", [4, 5, 7])
    def test_rows_that_do_not_divide(self, micro_batches):
        # Rows that fill up a micro-batch have zero weights.
        whole = self.add_up(1, False)
        for one, other in zip(
            self.add_up(micro_batches, True)[:2], whole[:2], strict=True
        ):
            assert_all_close(one, other, rtol=1e-12, atol=1e-14)

    def test_one_micro_batch_at_a_time(self):
        self.add_up(3, False)
        assert self.sizes == [2, 2, 2]

    def test_no_rows(self):
        self.data = {
            "ids": np.zeros((0,), "int64"),
            "weights": np.zeros((0, 3)),
        }
        for gradient in self.add_up(3, True)[:2]:
            assert_all_equal(gradient, tf.zeros_like(gradient))

    @pytest.mark.parametrize("micro_batches", [0, -1, 2.0, None])
    def test_bad_numbers_of_micro_batches(self, micro_batches):
        with pytest.raises(
            ValueError, match=f"at least 1. Received: {micro_batches}"
        ):
            accumulation.check_micro_batches(micro_batches)

    @pytest.mark.parametrize(
        ("rows", "replicas", "micro_batches"),
        [(12, 2, 3), (5, 1, 1), (None, 7, 3), (4, 4, 1)],
    )
    def test_rows_that_can_be_shared(self, rows, replicas, micro_batches):
        accumulation.check_rows(rows, replicas, micro_batches)

    @pytest.mark.parametrize(
        ("rows", "replicas", "micro_batches", "next_rows"),
        [(13, 2, 3, 18), (3, 2, 1, 4), (5, 1, 4, 8)],
    )
    def test_rows_that_cannot(self, rows, replicas, micro_batches, next_rows):
        with pytest.raises(
            ValueError,
            match=rf"{rows} rows, {replicas} replica\(s\) x {micro_batches} = "
            f"{replicas * micro_batches}. Use a batch of {next_rows} rows",
        ):
            accumulation.check_rows(rows, replicas, micro_batches)
