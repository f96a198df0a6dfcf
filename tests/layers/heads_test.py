"""Heads must be slices of a vector, in order.

B batch   T length   H heads   K head_dim
"""

import numpy as np
import tensorflow as tf

from keras_transformer.layers import heads

B, T, H, K = 2, 3, 5, 7


class HeadsTest(tf.test.TestCase):
    def test_a_head_is_a_slice_of_each_vector(self):
        vectors = np.arange(B * T * H * K).reshape((B, T, H * K))
        split = heads.split_heads(tf.constant(vectors), K)
        self.assertEqual(split.shape, (B, H, T, K))
        for head in range(H):
            self.assertAllEqual(
                split[:, head], vectors[:, :, head * K : (head + 1) * K]
            )

    def test_joined_heads_are_the_vectors_again(self):
        vectors = tf.constant(np.arange(B * T * H * K).reshape((B, T, H * K)))
        split = heads.split_heads(vectors, K)
        self.assertAllEqual(heads.join_heads(split), vectors)

    def test_swapping_twice_changes_nothing(self):
        inputs = np.arange(B * T * H * K).reshape((B, T, H, K))
        swapped = heads.swap_heads(tf.constant(inputs))
        self.assertEqual(swapped.shape, (B, H, T, K))
        self.assertAllEqual(swapped[1, 4, 2], inputs[1, 2, 4])
        self.assertAllEqual(heads.swap_heads(swapped), inputs)

    def test_a_size_that_does_not_divide_is_refused(self):
        heads.check_heads(15, 5)
        for size in (14, 16):
            with self.assertRaisesRegex(
                ValueError,
                "`model_dim` must be a multiple of `num_heads`.*"
                f"model_dim={size}, num_heads=5. Choose another",
            ):
                heads.check_heads(size, 5)

    def test_unknown_batch_and_length(self):
        @tf.function(input_signature=[tf.TensorSpec([None, None, H * K])])
        def there_and_back(vectors):
            return heads.join_heads(heads.split_heads(vectors, K))

        vectors = np.ones((B, T, H * K), "float32")
        self.assertAllEqual(there_and_back(vectors), vectors)


if __name__ == "__main__":
    tf.test.main()
