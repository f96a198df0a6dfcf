"""Selects the largest numbers of each row; computes softmax normalizers.

R rows of a step   V vocabulary_size
"""

import math

import tensorflow as tf


def largest(
    values: tf.Tensor, count: int | tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the `count` largest numbers of each row, and their indices.

    The result is that of `tf.math.top_k`: of equal numbers, the one with the
    lower index comes first. For long rows this function is several times faster
    on a CPU. It divides a row into chunks of equal size. The largest numbers
    are in the `count` chunks with the largest maxima, so all other chunks are
    left out.

    Args:
        values: shape `(R, V)`.
        count: how many numbers of each row, at most V; an int if V is known.

    Returns:
        The numbers, descending, and int32 indices, both `(R, count)`.

    Example:

    >>> numbers, indices = largest(tf.constant([[3.0, 9.0, 5.0]]), 2)
    >>> numbers.numpy().tolist(), indices.numpy().tolist()
    ([[9.0, 5.0]], [[1, 2]])
    """
    size = values.shape[-1]
    chunk = _chunk_size(size, count)
    if chunk is None:
        return tf.math.top_k(values, count)
    # Chunks have the shape (R, V / chunk, chunk).
    chunks = tf.reshape(values, [-1, size // chunk, chunk])
    _, best = tf.math.top_k(tf.reduce_max(chunks, axis=-1), count)
    # The chosen chunks are sorted by their index, not by their maxima. So of
    # equal numbers, `top_k` puts the one with the lower index first.
    best = tf.sort(best, axis=-1)
    numbers, indices = tf.math.top_k(
        tf.reshape(tf.gather(chunks, best, batch_dims=1), [-1, count * chunk]),
        count,
    )
    numbers_of_chunks = tf.gather(best, indices // chunk, batch_dims=1)
    return numbers, numbers_of_chunks * chunk + indices % chunk


def log_normalizer(
    logits: tf.Tensor, best: tf.Tensor | None = None
) -> tf.Tensor:
    """Returns the logarithm of the sum of exponentials of each row.

    Args:
        logits: float32, shape `(R, V)`.
        best: int32 `(R,)`, the index of the largest number of each row; `None`
            if it is not known. With `best`, the result is computed from the
            softmax at this index. TensorFlow computes a softmax with one
            operation. The logarithm of a sum of exponentials needs four
            operations of `(R, V)` numbers.

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


def _chunk_size(size, count):
    """Returns the size of a chunk; `None` for no chunks.

    There are no chunks if V is unknown or prime, or if chunks save little time.

    `largest` sorts the maxima of all chunks, and then the numbers of `count`
    chunks. The chunk size is the divisor of V, at most the square root of V,
    for which the fewest numbers must be sorted.
    """
    if size is None:
        return None
    divisors = [n for n in range(2, math.isqrt(size) + 1) if size % n == 0]
    numbers_to_sort = {n: size // n + count * n for n in divisors}
    chunk = min(divisors, key=lambda n: numbers_to_sort[n], default=None)
    return chunk if chunk and 4 * numbers_to_sort[chunk] < size else None
