"""Plans which pairs share a batch, and the shape of each batch.

B batch   S source length   T target length
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from keras_transformer.data import packing

# If a batch has at least 8 rows, `rows_of` rounds the number of rows down to a
# multiple of 8. So 2, 4 or 8 replicas get equal numbers of rows.
ROWS = 8


class PlannedBatch(NamedTuple):
    """The shape and the pairs of a batch.

    shape: B, S and T.
    rows: for each row the indices of its pairs in `lengths`, the argument of
        `plan`. If `rows` has fewer than B elements, the other rows of the batch
        are empty.
    """

    shape: tuple[int, int, int]
    rows: Sequence[Sequence[int]] | np.ndarray


def bucket_lengths(max_length: int) -> list[int]:
    """Returns the lengths that batches are padded to.

    There are only a few lengths, since each new shape is traced or compiled.
    Up to 32 the lengths are 8, 10, 12 and so on. Each longer length exceeds the
    length before it by a sixteenth to an eighth. The last length is always
    `max_length`: it may exceed the length before it by less, or be below 8.

    Args:
        max_length: the maximum length of a row, at least 1.

    Example:

    >>> bucket_lengths(50)
    [8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 36, 40, 44, 48, 50]
    """
    lengths, step = [min(8, max_length)], 2
    while lengths[-1] < max_length:
        if lengths[-1] >= 16 * step:
            step *= 2
        lengths.append(min(lengths[-1] + step, max_length))
    return lengths


def rows_of(tokens_per_batch: int, length: int) -> int:
    """Returns the number of rows of a batch, at least 1.

    A number of 8 or more is rounded down to a multiple of 8.

    Args:
        tokens_per_batch: the maximum number of source tokens of a batch, and
            also of target tokens. Padding tokens are counted too. A batch of
            one row may have more tokens.
        length: the length of a row: the larger of S and T.
    """
    rows = max(1, tokens_per_batch // length)
    return rows // ROWS * ROWS if rows >= ROWS else rows


def check_batch(
    tokens_per_batch: int, max_length: int, rows_multiple_of: int = 1
) -> None:
    """Raises ValueError for sizes that `batching.TokenBatches` does not accept.

    The arguments are those of `TokenBatches`.
    """
    for name, value in (
        ("tokens_per_batch", tokens_per_batch),
        ("max_length", max_length),
        ("rows_multiple_of", rows_multiple_of),
    ):
        if value < 1:
            raise ValueError(f"`{name}` must be at least 1. Received: {value}.")
    rows = rows_of(tokens_per_batch, max_length)
    if tokens_per_batch < max_length or rows < rows_multiple_of:
        fewest = rows_multiple_of
        if fewest > ROWS:
            # `rows_of` rounds a number above `ROWS` down to a multiple of
            # `ROWS`. If `fewest` were not rounded up to such a multiple, the
            # message would name too few tokens.
            fewest = -(-fewest // ROWS) * ROWS
        raise ValueError(
            "A batch must hold one sentence of the longest bucket for "
            "each micro-batch of each replica. Received: tokens_per_batch="
            f"{tokens_per_batch}, max_length={max_length}, "
            f"rows_multiple_of={rows_multiple_of}. Expected at least "
            f"{max_length * fewest} tokens."
        )


class Buckets:
    """Planner of batches of pairs of similar lengths, one pair in each row.

    There is a bucket for each length of `bucket_lengths`. A pair goes to the
    shortest bucket into which its target fits. The pairs of a bucket are sorted
    by the lengths to which their sources are padded, so that a batch has
    sources of similar lengths too. Pairs that do not fill a batch go to the
    next longer bucket. Empty rows fill up the last batch.

    Args:
        tokens_per_batch: as for `rows_of`.
        max_length: the maximum length of a source and of a target.
    """

    def __init__(self, tokens_per_batch: int, max_length: int):
        self._tokens_per_batch = tokens_per_batch
        self._lengths = np.array(bucket_lengths(max_length))

    def plan(
        self, lengths: np.ndarray, generator: np.random.Generator | None = None
    ) -> list[PlannedBatch]:
        """Plans the batches of pairs.

        Args:
            lengths: integers `(pairs, 2)`, the lengths of source and target.
                The lengths must be at most `max_length`; this method does not
                check them.
            generator: a random generator. It decides which pairs of similar
                lengths share a batch. With `None`, nothing is random.

        Returns:
            All batches, roughly from short to long targets. The number of
            batches does not depend on the random numbers.
        """
        order = _order(len(lengths), generator)
        buckets = np.searchsorted(self._lengths, lengths)
        target_buckets = buckets[order, 1]
        batches, waiting = [], np.array([], "int64")
        for bucket in range(len(self._lengths)):
            waiting = np.concatenate([waiting, order[target_buckets == bucket]])
            by_source = np.argsort(buckets[waiting, 0], kind="stable")
            waiting = waiting[by_source]
            while len(waiting):
                shape = self._shape(buckets[waiting[-1], 0], bucket)
                if len(waiting) < shape[0]:
                    break
                rows = waiting[-shape[0] :, None]
                batches.append(PlannedBatch(shape, rows))
                waiting = waiting[: -shape[0]]
        if len(waiting):
            shape = self._shape(*buckets[waiting].max(axis=0))
            batches.append(PlannedBatch(shape, waiting[:, None]))
        return batches

    def _shape(self, source, target):
        length = int(self._lengths[max(source, target)])
        return (
            rows_of(self._tokens_per_batch, length),
            int(self._lengths[source]),
            int(self._lengths[target]),
        )


class Packing:
    """Planner of batches with several pairs in each row.

    All batches have one shape. Empty rows fill up the last batch.

    Args:
        tokens_per_batch: as for `rows_of`.
        room: the source length and the target length of a row.
    """

    def __init__(self, tokens_per_batch: int, room: tuple[int, int]):
        self._room = room
        self._shape = (rows_of(tokens_per_batch, max(room)), *room)

    def plan(
        self, lengths: np.ndarray, generator: np.random.Generator | None = None
    ) -> list[PlannedBatch]:
        """Plans the batches of pairs.

        Args:
            lengths: integers `(pairs, 2)`, the lengths of source and target.
            generator: a random generator. It decides which pairs share a row,
                and it decides the order of the rows. With `None`, rows with
                long pairs come first.

        Returns:
            All batches. Their number does not depend on the random numbers.

        Raises:
            ValueError: a pair is longer than a row.
        """
        order = _order(len(lengths), generator)
        rows = packing.pack(lengths[order], self._room)
        rows = [order[rows[i]] for i in _order(len(rows), generator)]
        size = self._shape[0]
        return [
            PlannedBatch(self._shape, rows[first : first + size])
            for first in range(0, len(rows), size)
        ]


def _order(number, generator):
    if generator is None:
        return np.arange(number)
    return generator.permutation(number)
