"""Fits a non-decreasing curve to pairs of numbers (isotonic regression)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

# `fit` averages at least this number of pairs to a point, if there are enough
# pairs. A point from only a few pairs would depend too much on chance.
_GROUP = 20


class Curve(NamedTuple):
    """A non-decreasing curve through points.

    It is linear between two points. Before the first point it has the y of the
    first point, and after the last point the y of the last point.

    x: the x of each point, ascending.
    y: the y of each point, never below the y of the point before.

    Example:

    >>> curve = Curve((0.0, 2.0), (0.5, 1.0))
    >>> curve.at([-1.0, 1.0, 5.0]).tolist()
    [0.5, 0.75, 1.0]
    """

    x: tuple[float, ...]
    y: tuple[float, ...]

    def at(self, values: npt.ArrayLike) -> np.ndarray:
        """Returns the y at each x in `values`, float64 of the same shape."""
        return np.interp(np.asarray(values, "float64"), self.x, self.y)

    def in_graph(self, values: tf.Tensor) -> tf.Tensor:
        """Returns the y at each x of a float32 vector, in a graph."""
        x, y = (tf.constant(each, tf.float32) for each in self)
        after = tf.searchsorted(x, values, side="right")
        last = len(self.x) - 1
        left = tf.clip_by_value(after - 1, 0, last)
        right = tf.clip_by_value(after, 0, last)
        x_left, x_right, y_left, y_right = (
            tf.gather(table, index)
            for table in (x, y)
            for index in (left, right)
        )
        # Outside of the points, the left and the right point are the same. Then
        # their distance is 0, and `divide_no_nan` returns 0.
        share = tf.math.divide_no_nan(values - x_left, x_right - x_left)
        return y_left + tf.clip_by_value(share, 0.0, 1.0) * (y_right - y_left)


def fit(x: Sequence[float], y: Sequence[float]) -> Curve:
    """Fits a non-decreasing curve by the pool-adjacent-violators algorithm.

    The pairs are sorted by x and divided into groups of at least 20 pairs. If
    there are fewer pairs, there is one group. Pairs with the same x are in the
    same group. Each group is averaged to one point. If a point is not higher
    than the point before it, their weighted mean replaces the two points. This
    is repeated until each point is higher than the point before it (Ayer et al.
    1955). The curve goes through the remaining points.

    Args:
        x: at least one number, in any order.
        y: a number for each x.

    Raises:
        ValueError: there are no pairs, or the numbers of x and y differ.

    Example:

    >>> fit([1.0] * 20 + [2.0] * 20, [0.0] * 15 + [1.0] * 25).y
    (0.25, 1.0)
    """
    if not len(x) or len(x) != len(y):
        raise ValueError(
            "A curve needs pairs of numbers. Received: "
            f"{len(x)} x, {len(y)} y. Give at least one pair, and the "
            "same number of x and y."
        )
    blocks: list[tuple[float, float, int]] = []
    for block in _groups(np.asarray(x, "float64"), np.asarray(y, "float64")):
        blocks.append(block)
        while len(blocks) > 1 and blocks[-1][1] <= blocks[-2][1]:
            last, before = blocks.pop(), blocks.pop()
            blocks.append(_mean(before, last))
    return Curve(
        tuple(float(block[0]) for block in blocks),
        tuple(float(block[1]) for block in blocks),
    )


def _groups(x, y):
    """Yields the mean x, the mean y and the size of each group of pairs."""
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    start = 0
    while start < len(x):
        end = min(start + _GROUP, len(x))
        end = int(np.searchsorted(x, x[end - 1], side="right"))
        if len(x) - end < _GROUP:
            # The remaining pairs are too few for a group of their own.
            end = len(x)
        yield x[start:end].mean(), y[start:end].mean(), end - start
        start = end


def _mean(first, second):
    """Merges two blocks; a block is a mean x, a mean y and a size."""
    size = first[2] + second[2]
    return (
        (first[0] * first[2] + second[0] * second[2]) / size,
        (first[1] * first[2] + second[1] * second[2]) / size,
        size,
    )
