"""Length limits equal numbers computed by hand."""

import math

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

    def test_products_are_not_rounded_to_float32(self):
        _, longest = lengths.Lengths(ratio=1.3, extra=0).of([90])
        assert_all_equal(longest, [117])
        shortest, _ = lengths.Lengths(minimum_ratio=0.3).of([50])
        assert_all_equal(shortest, [15])

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
