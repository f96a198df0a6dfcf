"""Finds letters and numbers among code points, in the graph.

Python's tables of Unicode give the ranges of code points. A graph holds these
ranges as a constant.
"""

import functools
import sys
import unicodedata

import numpy as np
import tensorflow as tf


@functools.cache
def _boundaries() -> np.ndarray:
    """Returns the code points at which ranges begin and end, in turn."""
    kinds = np.array(
        [
            unicodedata.category(chr(code))[0] in "LN"
            for code in range(sys.maxunicode + 1)
        ]
    )
    return np.flatnonzero(kinds[1:] != kinds[:-1]) + 1


def are_alphanumeric(codes: tf.Tensor) -> tf.Tensor:
    """Returns a vector of booleans: which code points are letters or numbers.

    Args:
        codes: an int32 vector.

    Example:

    >>> are_alphanumeric(tf.constant([32, 65, 0x4E2D, 33])).numpy().tolist()
    [False, True, True, False]
    """
    boundaries = tf.constant(_boundaries(), tf.int32)
    crossed = tf.searchsorted(boundaries, codes, side="right")
    return crossed % 2 == 1
