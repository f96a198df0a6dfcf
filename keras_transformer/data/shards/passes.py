"""The order in which the pairs of a corpus are read, epoch after epoch."""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np


class Slice(NamedTuple):
    """Consecutive pairs of a shard: those from `first` to `last` - 1.

    shard: the number of the shard, from 0.
    first: the number of the slice's first pair. The first pair of the shard has
        the number 0.
    last: the number of the slice's last pair, plus 1.
    """

    shard: int
    first: int
    last: int


class Passes:
    """A corpus that is read pass after pass, without end.

    Each pass reads every pair once, with the shards in a new order. An epoch
    reads the next `weight` passes. So a pair is read once in each epoch if the
    weight is 1, and once in two epochs if the weight is 1/2. The pairs of all
    passes are numbered from 0 without end. With n pairs and weight w, epoch e
    reads the pairs floor(e w n) to floor((e + 1) w n) - 1.

    Args:
        sizes: the number of pairs of each shard.
        weight: the number of passes that an epoch reads.
        seed: at least one integer. Together with the number of the pass, the
            integers seed the order of the shards.

    Example:

    >>> passes = Passes([3, 3], Fraction(1, 2), [0])
    >>> [passes.slices(epoch, 0, 1) for epoch in (0, 1)]
    [[Slice(shard=0, first=0, last=3)], [Slice(shard=1, first=0, last=3)]]
    """

    def __init__(
        self, sizes: Sequence[int], weight: Fraction, seed: Sequence[int]
    ):
        self._sizes = np.array(sizes, "int64")
        self._weight = weight
        self._seed = list(seed)
        self._num_pairs = int(self._sizes.sum())

    @property
    def pairs_per_epoch(self) -> Fraction:
        """The mean number of pairs of an epoch."""
        return self._weight * self._num_pairs

    def slices(self, epoch: int, part: int, num_parts: int) -> list[Slice]:
        """Returns the slices of shards that a part of an epoch reads.

        Args:
            epoch: the number of the epoch, from 0.
            part: the number of the part, from 0.
            num_parts: the number of parts of the epoch. The sizes of the parts
                differ by at most one pair.

        Returns:
            The slices in the order in which they are read.
        """
        begin = self._epoch_start(epoch)
        length = self._epoch_start(epoch + 1) - begin
        first = begin + length * part // num_parts
        last = begin + length * (part + 1) // num_parts
        slices = []
        while first < last:
            number, start = divmod(first, self._num_pairs)
            end = min(start + last - first, self._num_pairs)
            slices += self._slices_of_pass(number, start, end)
            first += end - start
        return slices

    def _epoch_start(self, epoch):
        return int(epoch * self.pairs_per_epoch)

    def _slices_of_pass(self, number, start, end):
        """Returns slices with pairs `start` to `end` - 1 of a pass."""
        first_seed, *seeds = self._seed
        generator = np.random.default_rng([first_seed, number, *seeds])
        order = generator.permutation(len(self._sizes))
        ends = np.cumsum(self._sizes[order])
        starts = ends - self._sizes[order]
        overlapping = np.flatnonzero((starts < end) & (ends > start))
        return [
            Slice(
                int(order[i]),
                int(max(start - starts[i], 0)),
                int(min(end, ends[i]) - starts[i]),
            )
            for i in overlapping
        ]
