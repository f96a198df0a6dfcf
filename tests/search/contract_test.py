"""What all searches share must be exact in every type and shape."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from keras_transformer.search import contract
from tests import reference_search


class ContractTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters("float32", "float16", "bfloat16")
    def test_log_softmax_is_float32_whatever_the_logits_are(self, dtype):
        # Logits that all types hold exactly.
        logits = np.random.default_rng(0).integers(-9, 9, (3, 17)) / 2
        log_probs = contract.log_softmax(tf.constant(logits, dtype))
        self.assertEqual(log_probs.dtype, tf.float32)
        self.assertAllClose(
            log_probs,
            [reference_search.log_softmax(row) for row in logits],
            rtol=0,
            atol=2e-6,
        )

    def test_a_forbidden_token_leaves_the_others_finite(self):
        log_probs = contract.log_softmax(tf.constant([[0.0, -np.inf, 0.0]]))
        self.assertAllClose(log_probs[0, ::2], [-np.log(2)] * 2, atol=1e-6)
        self.assertEqual(log_probs[0, 1], -np.inf)

    def test_a_scalar_limit_is_every_rows(self):
        limits = contract.limits_per_row(7, 3)
        self.assertEqual(limits.dtype, tf.int32)
        self.assertAllEqual(limits, [7, 7, 7])

    def test_limits_of_each_row_stay_theirs(self):
        limits = contract.limits_per_row(np.array([2, 0, 5], "int64"), 3)
        self.assertEqual(limits.dtype, tf.int32)
        self.assertAllEqual(limits, [2, 0, 5])

    def test_no_rows_have_no_limits(self):
        self.assertAllEqual(contract.limits_per_row(7, 0), np.zeros(0))

    def test_batch_size_known_only_at_run_time(self):
        graph = tf.function(
            contract.limits_per_row,
            input_signature=[tf.TensorSpec([], tf.int32)] * 2,
        )
        self.assertAllEqual(graph(5, 2), [5, 5])

    def test_limits_of_another_number_of_rows_are_refused(self):
        with self.assertRaises(tf.errors.InvalidArgumentError):
            contract.limits_per_row([1, 2], 3)


if __name__ == "__main__":
    tf.test.main()
