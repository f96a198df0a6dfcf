"""Isotonic regression: a curve that only rises, fitted to pairs of numbers."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

# Pairs whose mean makes one point, so that a point is not the luck of a few.
_GROUP = 20


class Curve(NamedTuple):
    """A curve through points, straight between them, and flat outside.

    x: where the points are, rising.
    y: their heights, which do not fall.

    Example:

    >>> curve = Curve((0.0, 2.0), (0.5, 1.0))
    >>> curve.at([-1.0, 1.0, 5.0]).tolist()
    [0.5, 0.75, 1.0]
    """

    x: tuple[float, ...]
    y: tuple[float, ...]

    def at(self, values: npt.ArrayLike) -> np.ndarray:
        """Returns the heights at values of any shape, float64."""
        return np.interp(np.asarray(values, "float64"), self.x, self.y)

    def in_graph(self, values: tf.Tensor) -> tf.Tensor:
        """Returns the heights at float32 values `(N,)`, in a graph."""
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
        # At both ends the two points are the same, so their distance is 0.
        share = tf.math.divide_no_nan(values - x_left, x_right - x_left)
        return y_left + tf.clip_by_value(share, 0.0, 1.0) * (y_right - y_left)


def fit(x: Sequence[float], y: Sequence[float]) -> Curve:
    """Fits a curve that does not fall, by pool-adjacent-violators.

    Neighbours in x are first averaged in groups of 20. Then every point that is
    lower than the one before it is averaged with that one, until none is lower
    (Ayer et al. 1955). No other rising curve through these x is closer to y.

    Args:
        x: at least one number, in any order.
        y: as many numbers.

    Raises:
        ValueError: there are no pairs, or not as many y as x.

    Example:

    >>> fit([1.0] * 20 + [2.0] * 20, [0.0] * 15 + [1.0] * 25).y
    (0.25, 1.0)
    """
    if not len(x) or len(x) != len(y):
        raise ValueError(
            "A curve needs pairs of numbers. Received: "
            f"{len(x)} x, {len(y)} y. Give at least one of each, as many y as "
            "x."
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
    """Yields mean x, mean y and size of groups; equal x stay together."""
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    start = 0
    while start < len(x):
        end = min(start + _GROUP, len(x))
        end = int(np.searchsorted(x, x[end - 1], side="right"))
        if len(x) - end < _GROUP:  # What is left is no group of its own.
            end = len(x)
        yield x[start:end].mean(), y[start:end].mean(), end - start
        start = end


def _mean(first, second):
    """Returns the block that two blocks make together."""
    size = first[2] + second[2]
    return (
        (first[0] * first[2] + second[0] * second[2]) / size,
        (first[1] * first[2] + second[1] * second[2]) / size,
        size,
    )
