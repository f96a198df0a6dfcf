"""Finds the words of a source that have no known piece, to leave them out.

If a character has no piece of its own, the vocabulary spells it in bytes. A
model cannot translate a word of such characters only, and also translates the
words around it worse. So such words are left out. A known piece is a piece that
is neither a byte nor only a space.

B batch   T length in tokens (ragged)   V vocabulary_size
"""

from collections.abc import Sequence

import tensorflow as tf


def known_pieces(
    ids: tf.RaggedTensor,
    is_byte: Sequence[bool],
    is_start: Sequence[bool],
    is_space: Sequence[bool],
) -> tf.RaggedTensor:
    """Returns which pieces of each word are given to a model.

    Words without a known piece are left out. In the other words, bytes before
    the first known piece and after the last known piece are left out. All other
    pieces are kept: known pieces, the bytes between known pieces, and the space
    before a word.

    Args:
        ids: int32 `(B, T)`, ragged.
        is_byte: boolean `(V,)`, which pieces are bytes.
        is_start: boolean `(V,)`, which pieces begin a word.
        is_space: boolean `(V,)`, which piece is a space and nothing else.

    Returns:
        Boolean `(B, T)`, ragged: True for a piece that is given to a model.

    Example:

    >>> ids = tf.ragged.constant([[3, 0, 1, 2, 0, 2, 0]], dtype=tf.int32)
    >>> kinds = ([True, False, False, False], [False, True, False, True],
    ...     [False, False, False, True])
    >>> known_pieces(ids, *kinds).to_list()
    [[False, False, True, True, True, True, False]]
    """
    byte, start, space = (
        tf.gather(tf.constant(kind), ids.values)
        for kind in (is_byte, is_start, is_space)
    )
    # The first piece of a row begins a word, even if its `is_start` is False.
    rows = tf.cast(ids.value_rowids(), tf.int32)
    begins_row = tf.concat([[-1], rows[:-1]], 0)[: tf.size(rows)] != rows
    words = tf.cumsum(tf.cast(start | begins_row, tf.int32)) - 1
    count = tf.size(words)
    known = tf.cast(~byte & ~space, tf.int32)
    # For each piece, `before_in_word` is the number of known pieces before it
    # in its word, and `in_word` is the number of all known pieces of its word.
    before_in_batch = tf.cumsum(known, exclusive=True)
    before_in_word = before_in_batch - tf.gather(
        tf.math.unsorted_segment_min(before_in_batch, words, count), words
    )
    in_word = tf.gather(
        tf.math.unsorted_segment_sum(known, words, count), words
    )
    is_between = (before_in_word > 0) & (before_in_word < in_word)
    return ids.with_values(tf.where(byte, is_between, in_word > 0))
