"""A batch in micro-batches has the gradients of the whole batch."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from keras_transformer.training import accumulation


class AccumulationTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
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
            # A gradient of slices, one of a whole, and none.
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

    @parameterized.product(micro_batches=(2, 3, 6), in_graph=(False, True))
    def test_is_that_of_the_whole(self, micro_batches, in_graph):
        whole = self.add_up(1, False)
        self.assertGreater(min(np.abs(one).max() for one in whole[:2]), 0.1)
        found = self.add_up(micro_batches, in_graph)
        for one, other in zip(found[:2], whole[:2], strict=True):
            self.assertAllClose(one, other, rtol=1e-12, atol=1e-14)
        self.assertIsNone(found[2])

    @parameterized.parameters(4, 5, 7)
    def test_rows_that_do_not_divide(self, micro_batches):
        # The rows that fill up have weights of zero.
        whole = self.add_up(1, False)
        for one, other in zip(
            self.add_up(micro_batches, True)[:2], whole[:2], strict=True
        ):
            self.assertAllClose(one, other, rtol=1e-12, atol=1e-14)

    def test_one_micro_batch_at_a_time(self):
        self.add_up(3, False)
        self.assertEqual(self.sizes, [2, 2, 2])

    def test_no_rows(self):
        self.data = {
            "ids": np.zeros((0,), "int64"),
            "weights": np.zeros((0, 3)),
        }
        for gradient in self.add_up(3, True)[:2]:
            self.assertAllEqual(gradient, tf.zeros_like(gradient))

    @parameterized.parameters(0, -1, 2.0, None)
    def test_bad_numbers_of_micro_batches(self, micro_batches):
        with self.assertRaisesRegex(
            ValueError, f"at least 1. Received: {micro_batches}"
        ):
            accumulation.check_micro_batches(micro_batches)

    @parameterized.parameters((12, 2, 3), (5, 1, 1), (None, 7, 3), (4, 4, 1))
    def test_rows_that_can_be_shared(self, rows, replicas, micro_batches):
        accumulation.check_rows(rows, replicas, micro_batches)

    @parameterized.parameters((13, 2, 3, 18), (3, 2, 1, 4), (5, 1, 4, 8))
    def test_rows_that_cannot(self, rows, replicas, micro_batches, next_rows):
        with self.assertRaisesRegex(
            ValueError,
            rf"{rows} rows, {replicas} replica\(s\) x {micro_batches} = "
            f"{replicas * micro_batches}. Use a batch of {next_rows} rows",
        ):
            accumulation.check_rows(rows, replicas, micro_batches)


if __name__ == "__main__":
    tf.test.main()
