"""The fitted curve never falls, and no other such curve is closer."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from keras_transformer.translation import isotonic


def slow_fit(y):
    """Fits rising levels to y by the max-min formula of isotonic regression.

    A level is the largest, over starts at or before it, of the smallest mean
    over ends at or after it.
    """
    count = len(y)
    return [
        max(
            min(np.mean(y[start:end]) for end in range(i + 1, count + 1))
            for start in range(i + 1)
        )
        for i in range(count)
    ]


class TestFit:
    def test_equals_the_formula(self):
        generator = np.random.default_rng(0)
        x = np.repeat(np.arange(23.0), 20)
        y = generator.normal(0.1 * x, 1.0)
        curve = isotonic.fit(x, y)
        means = y.reshape(23, 20).mean(axis=1)
        levels = slow_fit(means)
        assert 3 < len(curve.y) < 23
        np.testing.assert_allclose(
            curve.y, [level for level, _ in itertools.groupby(levels)]
        )
        assert list(curve.x) == [
            np.mean([x for x, level in enumerate(levels) if level == each])
            for each, _ in itertools.groupby(levels)
        ]

    def test_the_order_of_pairs_does_not_count(self):
        generator = np.random.default_rng(1)
        x = generator.normal(size=211)
        y = (generator.random(211) < 1 / (1 + np.exp(-x))).astype(float)
        order = generator.permutation(211)
        assert isotonic.fit(x, y) == isotonic.fit(x[order], y[order])

    def test_few_pairs_are_one_point(self):
        assert isotonic.fit([3.0, 1.0], [1.0, 0.0]) == ((2.0,), (0.5,))

    def test_equal_x_stay_together(self):
        curve = isotonic.fit([0.0] * 37 + [1.0] * 23, [0.0] * 37 + [1.0] * 23)
        assert curve == ((0.0, 1.0), (0.0, 1.0))

    @pytest.mark.parametrize(("x", "y"), [([], []), ([1.0], [1.0, 2.0])])
    def test_refuses_what_are_no_pairs(self, x, y):
        with pytest.raises(ValueError, match=f"Received: {len(x)} x, {len(y)}"):
            isotonic.fit(x, y)


class TestCurve:
    def test_in_a_graph_and_outside(self):
        curve = isotonic.Curve((-3.0, -1.0, 0.5), (0.125, 0.25, 0.875))
        values = [-9.0, -3.0, -2.0, -1.0, 0.0, 0.5, 7.0]
        found = tf.function(curve.in_graph)(tf.constant(values))
        expected = [0.125, 0.125, 0.1875, 0.25, 2 / 3, 0.875, 0.875]
        np.testing.assert_allclose(curve.at(values), expected, rtol=1e-6)
        np.testing.assert_allclose(found, expected, rtol=1e-6)

    def test_one_point(self):
        curve = isotonic.Curve((2.0,), (0.5,))
        found = curve.in_graph(tf.constant([1.0, 2.0, 3.0]))
        assert found.numpy().tolist() == [0.5, 0.5, 0.5]
        assert curve.in_graph(tf.zeros([0])).shape == (0,)
