"""Heads must be slices of a vector, in order.

B batch   T length   H heads   K head_dim
"""

import numpy as np
import pytest
import tensorflow as tf

from keras_transformer.layers import heads
from tests.assertions import assert_all_equal

B, T, H, K = 2, 3, 5, 7


class TestHeads:
    def test_a_head_is_a_slice_of_each_vector(self):
        vectors = np.arange(B * T * H * K).reshape((B, T, H * K))
        split = heads.split_heads(tf.constant(vectors), K)
        assert split.shape == (B, H, T, K)
        for head in range(H):
            assert_all_equal(
                split[:, head], vectors[:, :, head * K : (head + 1) * K]
            )

    def test_joined_heads_are_the_vectors_again(self):
        vectors = tf.constant(np.arange(B * T * H * K).reshape((B, T, H * K)))
        split = heads.split_heads(vectors, K)
        assert_all_equal(heads.join_heads(split), vectors)

    def test_swapping_twice_changes_nothing(self):
        inputs = np.arange(B * T * H * K).reshape((B, T, H, K))
        swapped = heads.swap_heads(tf.constant(inputs))
        assert swapped.shape == (B, H, T, K)
        assert_all_equal(swapped[1, 4, 2], inputs[1, 2, 4])
        assert_all_equal(heads.swap_heads(swapped), inputs)

    def test_a_size_that_does_not_divide_is_refused(self):
        heads.check_heads(15, 5)
        for size in (14, 16):
            with pytest.raises(
                ValueError,
                match="`model_dim` must be a multiple of `num_heads`.*"
                f"model_dim={size}, num_heads=5. Choose another",
            ):
                heads.check_heads(size, 5)

    def test_unknown_batch_and_length(self):
        @tf.function(input_signature=[tf.TensorSpec([None, None, H * K])])
        def there_and_back(vectors):
            return heads.join_heads(heads.split_heads(vectors, K))

        vectors = np.ones((B, T, H * K), "float32")
        assert_all_equal(there_and_back(vectors), vectors)
