"""Packs several sentence pairs into each row, so that little padding is left.

Krell et al. 2021 ("Efficient sequence packing without cross-contamination")
pack a histogram of lengths instead of one sentence after the other. In the same
way, this module packs kinds of pairs: pairs with the same source length and the
same target length are of one kind. The time depends mostly on the number of
kinds, not on the number of pairs. Source and target are the two sides of a row.
Each side has room for its own number of tokens.
"""

import collections

import numpy as np

# A row has room for about this many pairs of mean length; see `room_of_rows`.
_PAIRS_IN_ROW = 4
# If a row is nearly full, the next pair is chosen so that little room stays
# free, with this pair alone or with another pair after it. The other pair
# counts only if it leaves at most this number of tokens free on each side.
_MAX_REST = 3
# A row is nearly full if its source side has fewer free tokens than this factor
# times the mean length of all sources, or if its target side has fewer free
# tokens than this factor times the mean length of all targets.
_NEARLY_FULL = 3.2


def room_of_rows(
    mean: np.ndarray, longest: int, max_length: int
) -> tuple[int, int]:
    """Returns the lengths of rows into which pairs can be packed well.

    A row has two lengths: the number of source tokens, and the number of target
    tokens, that fit into it. The ratio of these two lengths is about the ratio
    of the mean lengths. A row has room for about four pairs of mean length, or
    for fewer pairs if four pairs are longer than `max_length`. But each length
    is at least `longest`, so that every pair fits into a row.

    Args:
        mean: the mean lengths of source and target, `(2,)`.
        longest: the length of the longest sentence, source or target.
        max_length: the maximum of each of the two lengths. If `longest` is
            larger than `max_length`, `longest` is the maximum.

    Returns:
        The source length and the target length of a row.

    Example:

    >>> room_of_rows(np.array([15, 30]), longest=40, max_length=128)
    (60, 120)
    """
    pairs = min(_PAIRS_IN_ROW, max_length / max(mean))
    even = 2 * round(pairs * max(mean) / 2)
    length = max(longest, min(even, max_length))
    # A row is full when one of its sides is full. The sides have the ratio of
    # the mean lengths, so that the other side is then almost full too.
    source, target = np.ceil(length * (mean / max(mean)))
    return int(max(longest, source)), int(max(longest, target))


def pack(lengths: np.ndarray, room: tuple[int, int]) -> list[list[int]]:
    """Chooses the pairs of each row.

    Each row begins with the longest pair that is left. Here the length of a
    pair is the larger of two shares: source length / source room, and target
    length / target room. Pairs with the same source length and the same target
    length are taken in the order of `lengths`. So this order decides which
    pairs share a row, but not the number of rows.

    Args:
        lengths: integers `(pairs, 2)`, the lengths of source and target.
        room: the numbers of source and target tokens that fit into a row.

    Returns:
        The indices of the pairs of each row. Each pair is in one row.

    Raises:
        ValueError: a pair does not fit into a row.

    Example:

    >>> pack(np.array([[3, 5], [2, 2], [4, 4], [1, 1]]), (6, 6))
    [[0, 3], [2, 1]]
    """
    too_long = (lengths > room).any(axis=1)
    if too_long.any():
        source, target = lengths[too_long][0].tolist()
        raise ValueError(
            f"A row has room for {room[0]} source and {room[1]} target tokens. "
            f"Received: a pair of {source} and {target} tokens. Give longer "
            "rows."
        )
    kinds, kind_of = np.unique(lengths, axis=0, return_inverse=True)
    longest_first = np.argsort(-(kinds / room).max(axis=1), kind="stable")
    kinds = kinds[longest_first]
    kind_of = np.argsort(longest_first)[kind_of.ravel()]
    counts = np.bincount(kind_of, minlength=len(kinds))
    by_kind = np.argsort(kind_of, kind="stable")
    pairs_of = [
        iter(pairs.tolist())
        for pairs in np.split(by_kind, np.cumsum(counts)[:-1])
    ]
    return [
        [next(pairs_of[kind]) for kind in pattern]
        for pattern, times in _Patterns(kinds, counts, np.array(room)).choose()
        for _ in range(times)
    ]


class _Patterns:
    """The choice of a pattern for each row.

    A pattern is the list of the kinds of the pairs in a row. Pairs with the
    same two lengths are of one kind. A kind is an index into `kinds`.

    Args:
        kinds: integers `(kinds, 2)`, the source length and the target length of
            the pairs of each kind. The longest kind is first, see `pack`.
        counts: integers `(kinds,)`, the number of pairs of each kind.
        room: integers `(2,)`, the numbers of source and target tokens that fit
            into a row.
    """

    def __init__(self, kinds, counts, room):
        self.kinds = kinds
        self.left = counts.copy()
        self.room = room
        self.mean = counts @ kinds / max(1, counts.sum())

    def choose(self):
        """Yields each pattern, and the number of rows with this pattern."""
        for longest in range(len(self.kinds)):
            while self.left[longest]:
                pattern = self._pattern(longest)
                counts = collections.Counter(pattern)
                times = min(
                    int(self.left[kind]) // count
                    for kind, count in counts.items()
                )
                for kind, count in counts.items():
                    self.left[kind] -= times * count
                yield pattern, times

    def _pattern(self, kind):
        """Returns the pattern of a row that begins with a pair of this kind."""
        pattern, left, free = [], self.left.copy(), self.room
        while kind is not None:
            pattern.append(kind)
            left[kind] -= 1
            free = free - self.kinds[kind]
            kind = self._next(left, free)
        return pattern

    def _next(self, left, free):
        """Returns the kind of the next pair in a row; `None` if none fits."""
        candidates = np.flatnonzero(
            (left > 0) & (self.kinds <= free).all(axis=1)
        )
        if not len(candidates):
            return None
        rest = free - self.kinds[candidates]
        if (free < _NEARLY_FULL * self.mean).any():
            cost = self._rest_after_another(left, rest)
        else:
            # The cost is low for a long pair, and for a pair that leaves equal
            # shares of the two sides free.
            share = rest / self.room
            cost = share.max(axis=1) + abs(share[:, 0] - share[:, 1])
        return int(candidates[cost.argmin()])

    def _rest_after_another(self, left, rest):
        """Returns how many tokens a candidate and another pair leave free.

        A candidate is a kind of pairs that fit into the row. The result is
        approximate: the other pair may be of the same kind as the candidate,
        even if only one pair of this kind is left.

        Args:
            left: integers `(kinds,)`, the number of pairs left of each kind.
            rest: integers `(candidates, 2)`, the numbers of tokens of both
                sides that each candidate leaves free.

        Returns:
            Integers `(candidates,)`: the number of tokens, of both sides
            together, that stay free with the best other pair. If no other pair
            fits and leaves at most `_MAX_REST` tokens free on each side, the
            number is the sum of the candidate's `rest`.
        """
        exists = np.zeros(self.room + 1 + _MAX_REST, bool)
        source, target = self.kinds[left > 0].T + _MAX_REST
        exists[source, target] = True
        cost = rest.sum(axis=1)
        for i in range(_MAX_REST + 1):
            for j in range(_MAX_REST + 1):
                # If the other pair leaves i source tokens and j target tokens
                # free, its lengths are `rest` - (i, j). They can be as low as
                # -`_MAX_REST`, so `_MAX_REST` is added to each index.
                source, target = rest.T + _MAX_REST
                is_filled = exists[source - i, target - j]
                cost = np.where(is_filled, np.minimum(cost, i + j), cost)
        return cost
