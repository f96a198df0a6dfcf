"""Finds translations that repeat themselves or have an unusual length.

B batch   S source length   T target length
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from keras_transformer.search import contract
from keras_transformer.text import SpecialIds

# A repetition is a loop only if the repeated part has at most this number of
# tokens.
_LONGEST_PERIOD = 32
# A length is unusual if it differs from the expected length by more than this
# number of standard deviations, and by more than one token.
_DEVIATIONS = 5.0


class LengthModel(NamedTuple):
    """The expected length of a translation, for a source of S tokens.

    The expected length is S times `ratio`. The standard deviation is
    `deviation` times the square root of S, as for a sum of S independent terms.

    ratio: the mean number of target tokens for each source token.
    deviation: the standard deviation for a source of one token.

    Example:

    >>> model = LengthModel(ratio=1.5, deviation=1.0)
    >>> model.are_unusual(tf.constant([4, 4]), tf.constant([7, 17]))
    <tf.Tensor: shape=(2,), dtype=bool, numpy=array([False,  True])>
    """

    ratio: float
    deviation: float

    def are_unusual(
        self,
        source_lengths: contract.TensorLike,
        target_lengths: contract.TensorLike,
    ) -> tf.Tensor:
        """Tells which translations are far too long or short, boolean `(B,)`.

        A length is unusual if it differs from the expected length by more than
        5 standard deviations, and by more than one token.

        Args:
            source_lengths: `(B,)`, the number of tokens of each source, without
                special ids.
            target_lengths: `(B,)`, the number of tokens of each translation,
                without special ids.
        """
        source, target = (
            tf.cast(lengths, tf.float32)
            for lengths in (source_lengths, target_lengths)
        )
        distance = tf.abs(target - self.ratio * source)
        allowed = _DEVIATIONS * self.deviation * tf.sqrt(source)
        return distance > tf.maximum(allowed, 1.0)


def fit_lengths(
    source_lengths: contract.TensorLike, target_lengths: contract.TensorLike
) -> LengthModel:
    """Fits a `LengthModel` to the lengths of good translations.

    Args:
        source_lengths: a vector, the number of tokens of each source, without
            special ids; at least 1.
        target_lengths: a vector, the number of tokens of each translation,
            without special ids; at least 0.
    """
    source = np.asarray(source_lengths, "float64")
    target = np.asarray(target_lengths, "float64")
    ratio = target.sum() / source.sum()
    squares = (target - ratio * source) ** 2 / source
    return LengthModel(float(ratio), float(np.sqrt(squares.mean())))


def of_translations(
    source_ids: tf.Tensor,
    ids: tf.Tensor,
    lengths: contract.TensorLike,
    special_ids: tuple[SpecialIds, SpecialIds],
    expected: LengthModel,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Tells which translations have a loop or an unusual length.

    If the source has a loop too, the loop of the translation is not reported.
    The translation of a blank source has no defect.

    Args:
        source_ids: int32 `(B, S)`, with special ids, padded.
        ids: int32 `(B, T)`, the translations. Instead of ids, other numbers may
            identify the tokens.
        lengths: int32 `(B,)`, the number of tokens of each translation, special
            ids included. A translation of length 0 has no defect.
        special_ids: the special ids of the sources, and of the translations.
        expected: the `LengthModel` of good translations.

    Returns:
        Two boolean tensors `(B,)`: whether the translation has a loop and its
        source has none, and whether the translation has an unusual length.
    """
    lengths = tf.convert_to_tensor(lengths, tf.int32)
    of_source, of_target = special_ids
    is_text = of_source.are_of_text(source_ids)
    source_lengths = tf.reduce_sum(tf.cast(is_text, tf.int32), axis=1)
    lengths = tf.where(source_lengths > 0, lengths, 0)
    is_token = tf.cast(tf.not_equal(source_ids, of_source.pad), tf.int32)
    repeats = have_loops(source_ids, tf.reduce_sum(is_token, axis=1))
    has_loop = have_loops(ids, lengths) & ~repeats
    # `lengths` counts the end token and the prefix with which every target
    # begins. `expected` does not count these special ids. A translation that
    # was cut at its length limit has no end token, so here it is one token too
    # short.
    num_special = 1 + len(of_target.target_prefix)
    is_unusual = expected.are_unusual(
        source_lengths, tf.maximum(lengths - num_special, 0)
    )
    return has_loop, is_unusual & (lengths > 0)


def have_loops(
    ids: contract.TensorLike, lengths: contract.TensorLike
) -> tf.Tensor:
    """Tells which sequences have a loop, boolean `(B,)`.

    A sequence has a loop if four tokens, one after another, are the same, or if
    a part of 2 to 32 tokens is repeated directly after itself. The number of
    tokens that repeat the part must be at least four, and at least the number
    of tokens in the part.

    Args:
        ids: int32 `(B, T)`, any numbers that identify tokens.
        lengths: int32 `(B,)`, the number of tokens of each row.

    Example:

    >>> ids = tf.constant([[5, 6, 5, 6, 5, 6, 0], [7, 5, 6, 5, 6, 8, 9]])
    >>> have_loops(ids, tf.constant([6, 7])).numpy().tolist()
    [True, False]
    """
    ids = tf.convert_to_tensor(ids)
    columns = tf.range(tf.shape(ids)[1])
    periods = tf.range(1, _LONGEST_PERIOD + 1)
    # A period is the length of the repeated part. The axes of `earlier`,
    # `is_repeated` and `counts` are rows, periods and positions.
    before = columns[None, :] - periods[:, None]
    earlier = tf.gather(ids, tf.maximum(before, 0), axis=1)
    is_token = tf.sequence_mask(lengths, tf.shape(ids)[1])
    is_repeated = (
        (earlier == ids[:, None, :])
        & (before >= 0)[None]
        & is_token[:, None, :]
    )
    # `windows` has, for each period, the smallest number of repeated tokens,
    # one after another, that make a loop.
    windows = tf.where(periods == 1, 3, tf.maximum(periods, 4))
    counts = tf.cumsum(tf.cast(is_repeated, tf.int32), axis=2)
    start = columns[None, :] - windows[:, None]
    counts_before = tf.gather(
        counts,
        tf.tile(tf.maximum(start, 0)[None], [tf.shape(ids)[0], 1, 1]),
        batch_dims=2,
    )
    counts_before = tf.where((start >= 0)[None], counts_before, 0)
    is_loop = counts - counts_before >= windows[None, :, None]
    return tf.reduce_any(is_loop, axis=[1, 2])
