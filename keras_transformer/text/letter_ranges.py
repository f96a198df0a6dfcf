"""Which characters are letters or numbers, in the graph.

Python's tables of Unicode say it, as ranges of code points that a graph holds.
"""

import functools
import sys
import unicodedata

import numpy as np
import tensorflow as tf


@functools.cache
def _boundaries() -> np.ndarray:
    """Where ranges begin and end: 0 is not in one, the next is, and so on."""
    kinds = np.array(
        [
            unicodedata.category(chr(code))[0] in "LN"
            for code in range(sys.maxunicode + 1)
        ]
    )
    return np.flatnonzero(kinds[1:] != kinds[:-1]) + 1


def are_alphanumeric(codes: tf.Tensor) -> tf.Tensor:
    """Returns which code points are letters or numbers, booleans.

    Args:
        codes: int32, one axis.

    Example:

    >>> are_alphanumeric(tf.constant([32, 65, 0x4E2D, 33])).numpy().tolist()
    [False, True, True, False]
    """
    boundaries = tf.constant(_boundaries(), tf.int32)
    crossed = tf.searchsorted(boundaries, codes, side="right")
    return crossed % 2 == 1
