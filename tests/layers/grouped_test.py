"""A shared key-value head must give the same as a copy for each query head.

B batch   T query length   S key length   H heads   K head_dim
N key-value heads
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transformer.layers import grouped
from tests.assertions import assert_all_close, assert_all_equal
from tests.layers import kinds
from tests.layers.kinds import B, H, K, S, T, random


class TestGrouped:
    @pytest.mark.parametrize("num_groups", kinds.SHARED)
    def test_equals_the_einsum_with_copied_heads(self, num_groups):
        for equation, queries in (
            ("BHTK,BHSK->BHTS", random(B, H, T, K)),
            ("BHTS,BHSK->BHTK", random(B, H, T, S)),
        ):
            shared = random(B, num_groups, S, K, seed=1)
            # Neighbouring query heads share one head.
            copied = np.repeat(shared, H // num_groups, axis=1)
            assert_all_close(
                grouped.einsum(equation, queries, shared),
                np.einsum(equation, queries, copied),
                rtol=0,
                atol=1e-5,
            )

    def test_with_as_many_heads_it_is_the_einsum_itself(self):
        query, key = random(B, H, T, K), random(B, H, S, K, seed=1)
        assert_all_equal(
            grouped.einsum("BHTK,BHSK->BHTS", query, key),
            keras.ops.einsum("BHTK,BHSK->BHTS", query, key),
        )

    def test_unknown_batch_and_lengths(self):
        graph = tf.function(
            lambda query, key: grouped.einsum("BHTK,BHSK->BHTS", query, key),
            input_signature=[
                tf.TensorSpec([None, H, None, K]),
                tf.TensorSpec([None, 2, None, K]),
            ],
        )
        query, key = random(B, H, T, K), random(B, 2, S, K, seed=1)
        assert_all_close(
            graph(query, key),
            grouped.einsum("BHTK,BHSK->BHTS", query, key),
            rtol=0,
            atol=1e-6,
        )

    @pytest.mark.parametrize("num_groups", [1, 2, 3, 6])
    def test_divisors_are_accepted(self, num_groups):
        grouped.check_groups(6, num_groups)

    @pytest.mark.parametrize("num_groups", [4, 12])
    def test_other_numbers_are_refused(self, num_groups):
        with pytest.raises(
            ValueError,
            match="multiple of `num_key_value_heads`.*num_heads=6, "
            f"num_key_value_heads={num_groups}. Use 1 for",
        ):
            grouped.check_groups(6, num_groups)

    @pytest.mark.parametrize("num_groups", [0, -2, 2.0, None])
    def test_a_number_that_is_no_count_is_refused(self, num_groups):
        with pytest.raises(
            ValueError, match="`num_key_value_heads` must be a whole number"
        ):
            grouped.check_groups(6, num_groups)
