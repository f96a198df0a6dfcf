"""What of a source a model is given to read: words that have a known part.

A character without a piece of its own is spelled in bytes, so nothing is
unknown to a vocabulary. But a model can say nothing of a word of such
characters alone, and less of the words around it.

B batch   T length in tokens (ragged)
"""

import tensorflow as tf


def known_parts(ids, is_byte, is_start, is_space) -> tf.RaggedTensor:
    """Tells what is not spelled in bytes at the ends of words or alone.

    Bytes between known pieces of one word are a part of it.

    Args:
        ids: int32 `(B, T)`, ragged.
        is_byte: boolean `(V,)`, which pieces are bytes.
        is_start: boolean `(V,)`, which pieces begin a word.
        is_space: boolean `(V,)`, which piece is a space and nothing else.

    Returns:
        Boolean `(B, T)`, ragged.

    Example:

    >>> ids = tf.ragged.constant([[3, 0, 1, 2, 0, 2, 0]], dtype=tf.int32)
    >>> kinds = ([True, False, False, False], [False, True, False, True],
    ...     [False, False, False, True])
    >>> known_parts(ids, *kinds).to_list()
    [[False, False, True, True, True, True, False]]
    """
    byte, start, space = (
        tf.gather(tf.constant(kind), ids.values)
        for kind in (is_byte, is_start, is_space)
    )
    # A row begins a word too.
    rows = tf.cast(ids.value_rowids(), tf.int32)
    begins_row = tf.concat([[-1], rows[:-1]], 0)[: tf.size(rows)] != rows
    words = tf.cumsum(tf.cast(start | begins_row, tf.int32)) - 1
    count = tf.size(words)
    known = tf.cast(~byte & ~space, tf.int32)
    all_before = tf.cumsum(known, exclusive=True)
    before = all_before - tf.gather(
        tf.math.unsorted_segment_min(all_before, words, count), words
    )
    in_word = tf.gather(
        tf.math.unsorted_segment_sum(known, words, count), words
    )
    is_between = (before > 0) & (before < in_word)
    return ids.with_values(tf.where(byte, is_between, in_word > 0))
