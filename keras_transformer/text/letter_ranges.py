"""Finds letters and numbers among code points, in the graph.

Letters and numbers are the code points of the categories L and N of Unicode.
Python's tables of Unicode give the ranges of these code points. A graph holds
the ranges as a constant.
"""

import functools
import sys
import unicodedata

import numpy as np
import tensorflow as tf


@functools.cache
def _boundaries() -> np.ndarray:
    """Returns where ranges begin and end, as code points in ascending order.

    The result has two code points for each range: the first code point of the
    range, and the first code point after the range.
    """
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
        codes: code points, an int32 vector.

    Example:

    >>> are_alphanumeric(tf.constant([32, 65, 0x4E2D, 33])).numpy().tolist()
    [False, True, True, False]
    """
    boundaries = tf.constant(_boundaries(), tf.int32)
    crossed = tf.searchsorted(boundaries, codes, side="right")
    return crossed % 2 == 1
