"""Length limits equal numbers computed by hand."""

import math

import numpy as np
import pytest
import tensorflow as tf

from keras_transformer.translation import lengths
from tests.assertions import assert_all_equal


class TestLengths:
    @pytest.mark.parametrize(
        ("given", "shortest", "longest"),
        [
            # The paper allows 50 tokens more than the source has.
            ({}, [0, 0, 0], [51, 57, 81]),
            ({"maximum": 11}, [0, 0, 0], [11, 11, 11]),
            ({"maximum": 60}, [0, 0, 0], [51, 57, 60]),
            ({"minimum": 5}, [5, 5, 5], [51, 57, 81]),
            ({"ratio": 2.0, "extra": 0}, [0, 0, 0], [2, 14, 62]),
            # The maximum is rounded down, and is at least one token.
            ({"ratio": 0.5, "extra": 0}, [0, 0, 0], [1, 3, 15]),
            ({"ratio": 0.0, "extra": 3}, [0, 0, 0], [3, 3, 3]),
            # The minimum is rounded up.
            ({"minimum_ratio": 0.5}, [1, 4, 16], [51, 57, 81]),
            ({"minimum_ratio": 0.5, "minimum": 5}, [5, 5, 16], [51, 57, 81]),
            # The minimum never exceeds the maximum.
            ({"minimum_ratio": 2.0, "maximum": 9}, [2, 9, 9], [9, 9, 9]),
        ],
    )
    def test_of(self, given, shortest, longest):
        limits = lengths.Lengths(**given)
        limits.check()
        found = limits.of(tf.constant([1, 7, 31]))
        assert_all_equal(found[0], shortest)
        assert_all_equal(found[1], longest)
        assert {x.dtype for x in found} == {tf.int32}

    def test_products_are_those_of_decimal_numbers(self):
        sources = np.arange(1, 257)
        for hundredths in range(1, 400, 3):
            ratio = hundredths / 100
            _, longest = lengths.Lengths(ratio=ratio, extra=0).of(sources)
            exact = np.maximum(hundredths * sources // 100, 1)
            assert_all_equal(longest, exact)
            limits = lengths.Lengths(minimum_ratio=ratio, ratio=5.0)
            exact = -(-hundredths * sources // 100)
            assert_all_equal(limits.of(sources)[0], exact)

    @pytest.mark.parametrize(
        ("name", "value", "least"),
        [
            ("maximum", 0, 1),
            ("ratio", -0.5, 0),
            ("ratio", math.nan, 0),
            ("ratio", math.inf, 0),
            ("extra", -1, 0),
            ("minimum", -1, 0),
            ("minimum_ratio", -0.5, 0),
        ],
    )
    def test_no_limits(self, name, value, least):
        with pytest.raises(
            ValueError,
            match=f"`{name}` .* at least {least} .* Received: {value}",
        ):
            lengths.Lengths(**{name: value}).check()

    def test_minimum_above_maximum(self):
        lengths.Lengths(maximum=5, minimum=5).check()
        with pytest.raises(ValueError, match="minimum=7, maximum=5"):
            lengths.Lengths(maximum=5, minimum=7).check()
