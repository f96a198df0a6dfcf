"""The largest of many numbers.

R rows   V numbers of a row   C numbers of a chunk
"""

import math

import tensorflow as tf


def largest(values, count):
    """The `count` largest numbers of each row and their places, descending.

    As `tf.math.top_k`, but for places of equal numbers, and several times
    faster on a CPU where rows are long: the largest numbers are in the chunks
    that have the largest maxima, so all others are left out at once.

    Args:
        values: shape `(R, V)`.
        count: how many, an int.

    Returns:
        The pair (numbers `(R, count)`, int32 places `(R, count)`).

    Example:

    >>> numbers, places = largest(tf.constant([[3.0, 9.0, 5.0]]), 2)
    >>> numbers.numpy().tolist(), places.numpy().tolist()
    ([[9.0, 5.0]], [[1, 2]])
    """
    size = values.shape[-1]
    chunk = _chunk_of(size, count)
    if chunk is None:
        return tf.math.top_k(values, count)
    chunks_RNC = tf.reshape(values, [-1, size // chunk, chunk])
    _, best = tf.math.top_k(tf.reduce_max(chunks_RNC, axis=-1), count)
    # In order of their places, so that of equal numbers the first is taken.
    best = tf.sort(best, axis=-1)
    numbers, places = tf.math.top_k(
        tf.reshape(
            tf.gather(chunks_RNC, best, batch_dims=1), [-1, count * chunk]
        ),
        count,
    )
    chunks = tf.gather(best, places // chunk, batch_dims=1)
    return numbers, chunks * chunk + places % chunk


def log_normalizer(logits, best=None):
    """The logarithm of the sum of exponentials of each row.

    Args:
        logits: float32, shape `(R, V)`.
        best: int32 `(R,)`, the place of each row's largest number, where it
            is known. Its probability then tells the sum: TensorFlow has one
            operation for the softmax, and four for this.

    Returns:
        float32 `(R,)`.

    Example:

    >>> logits = tf.math.log([[1.0, 6.0, 1.0]])
    >>> round(float(log_normalizer(logits, tf.constant([1]))[0]), 4)  # log(8)
    2.0794
    """
    if best is None:
        return tf.reduce_logsumexp(logits, axis=-1)
    largest_, probability = (
        tf.gather(x, best, batch_dims=1)
        for x in (logits, tf.nn.softmax(logits))
    )
    return largest_ - tf.math.log(probability)


def _chunk_of(size, count):
    """Numbers of a chunk, or `None` where chunks save little.

    The divisor of `size` that leaves the fewest numbers to sort: the maxima
    of size / chunk chunks, and then the numbers of `count` chunks.
    """
    if size is None:
        return None
    divisors = [n for n in range(2, math.isqrt(size) + 1) if size % n == 0]
    sorted_by = {n: size // n + count * n for n in divisors}
    chunk = min(divisors, key=sorted_by.get, default=None)
    return chunk if chunk and 4 * sorted_by[chunk] < size else None
