"""Penalties equal the formulas of the papers.

B batch   W hypotheses   T target length   S source length
"""

import numpy as np
import pytest
import tensorflow as tf

from keras_transformer.search import penalties
from tests.assertions import assert_all_close, assert_all_equal
from tests.references import search as reference_search


class TestLengthPenalty:
    def test_values_of_alpha_of_the_paper(self):
        assert_all_close(
            penalties.length_divisor(tf.constant([1, 5, 10, 20, 50, 100]), 0.6),
            [1, 1.3587, 1.7329, 2.3544, 3.7786, 5.5696],
            rtol=0,
            atol=5e-5,
        )

    def test_alpha_zero_is_no_penalty_and_one_is_linear(self):
        lengths = tf.range(1, 20)
        assert_all_equal(penalties.length_divisor(lengths, 0.0), np.ones(19))
        assert_all_close(
            penalties.length_divisor(lengths, 1.0), np.arange(6, 25) / 6
        )

    def test_average_is_a_power_of_the_length(self):
        lengths = tf.range(1, 20)
        for alpha in (0.0, 0.6, 1.0):
            assert_all_close(
                penalties.length_divisor(lengths, alpha, "average"),
                np.arange(1, 20) ** alpha,
            )

    def test_none_is_one_whatever_alpha_is(self):
        lengths = tf.reshape(tf.range(1, 7), [2, 3])
        assert_all_equal(
            penalties.length_divisor(lengths, 0.6, "none"), np.ones((2, 3))
        )

    @pytest.mark.parametrize("form", penalties.LENGTH_PENALTIES)
    @pytest.mark.parametrize("alpha", (0.0, 0.6, 1.0, 2.0))
    def test_all_forms_agree_with_the_reference_and_never_fall(
        self, form, alpha
    ):
        lengths = np.arange(1, 211)
        found = penalties.length_divisor(tf.constant(lengths), alpha, form)
        assert found.dtype == tf.float32
        assert_all_close(
            found,
            [reference_search.length_divisor(n, alpha, form) for n in lengths],
            rtol=2e-6,
        )
        # Beam search stops early only because divisors never fall.
        assert np.min(np.diff(found)) >= 0


class TestCoveragePenalty:
    def test_agrees_with_the_reference(self):
        generator = np.random.default_rng(0)
        attention = generator.random((2, 3, 5, 7)).astype("float32") / 3
        source_mask = generator.random((2, 7)) < 0.6
        found = penalties.coverage_penalty(attention, source_mask, 0.7)
        assert found.dtype == tf.float32
        assert_all_close(
            found,
            [
                [
                    reference_search.coverage_penalty(one, mask, 0.7)
                    for one in row
                ]
                for row, mask in zip(attention, source_mask, strict=True)
            ],
            rtol=1e-5,
        )
        # Both covered and uncovered source tokens occur.
        sums = attention.sum(2)
        assert np.sum(sums > 1) > 3
        assert np.sum(sums < 1) > 3

    def test_all_is_covered_by_one_and_no_more_is_gained(self):
        attention = [[[[0.5, 1.0], [0.5, 1.0]]]]
        found = penalties.coverage_penalty(
            tf.constant(attention), tf.constant([[True, True]]), 2.0
        )
        assert_all_equal(found, [[0.0]])

    def test_what_is_never_looked_at_costs_a_finite_sum(self):
        found = penalties.coverage_penalty(
            tf.zeros([1, 1, 3, 2]), tf.constant([[True, False]]), 0.5
        )
        assert_all_close(found, [[0.5 * np.log(1e-9)]], rtol=1e-6)

    def test_masked_tokens_cost_nothing(self):
        attention = tf.constant([[[[0.25, 0.0, 0.5]]]])
        found = penalties.coverage_penalty(
            attention, tf.constant([[True, False, False]]), 1.0
        )
        assert_all_close(found, [[np.log(0.25)]])


class TestCheckPenalties:
    @pytest.mark.parametrize("form", penalties.LENGTH_PENALTIES)
    def test_penalties_are_taken(self, form):
        penalties.check_penalties(0.0, form, 0.0)
        penalties.check_penalties(1.5, form, 2.5)

    @pytest.mark.parametrize(
        ("alpha", "form", "beta", "message"),
        [
            (
                float("inf"),
                "gnmt",
                0.0,
                "`alpha` must be .*finite.*: inf. Use",
            ),
            (
                0.6,
                "gnmt",
                float("nan"),
                "`coverage` must be .*finite.*: nan. Use",
            ),
            (
                -0.1,
                "gnmt",
                0.0,
                "`alpha` must be at least 0.*: -0.1. Use 0",
            ),
            (0.6, "mean", 0.0, "Received: 'mean'.*'gnmt', 'average', 'none'"),
            (
                0.6,
                "gnmt",
                -0.2,
                "`coverage` must be at least 0.*: -0.2. Use 0",
            ),
        ],
    )
    def test_what_is_none_is_refused(self, alpha, form, beta, message):
        with pytest.raises(ValueError, match=message):
            penalties.check_penalties(alpha, form, beta)
