"""A set of hashes in little memory, to find duplicates in a large corpus."""

import hashlib
from array import array

# The number of elements of a new table. `_insert` needs a power of two.
_SLOTS = 2**16


class HashSet:
    """A set of texts that stores only a hash of eight bytes of each text.

    The table of hashes is an array with elements of eight bytes. When more than
    two thirds of the elements are filled, the table grows to twice its size. So
    a large set takes 12 to 24 bytes a text, and 36 bytes a text while the table
    grows. A new text counts as a duplicate if a different text in the set has
    the same hash. For a hundred million different texts, the probability that
    two have the same hash is below 0.001.

    Example:

    >>> texts = HashSet()
    >>> [texts.add(text) for text in ("a cat", "a dog", "a cat")]
    [True, True, False]
    """

    def __init__(self) -> None:
        self._slots = array("Q", bytes(8 * _SLOTS))
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, text: str) -> bool:
        """Adds a text; returns True if the set did not have the text before."""
        digest = hashlib.blake2b(
            text.encode("utf-8", "surrogatepass"), digest_size=8
        ).digest()
        # 0 marks an empty element, so 1 is stored for a hash of 0.
        key = int.from_bytes(digest, "little") or 1
        if not _insert(self._slots, key):
            return False
        self._count += 1
        if 3 * self._count > 2 * len(self._slots):
            self._grow()
        return True

    def _grow(self):
        slots = array("Q", bytes(16 * len(self._slots)))
        for key in self._slots:
            if key:
                _insert(slots, key)
        self._slots = slots


def _insert(slots, key):
    """Adds a key to a table; returns False if the table has the key already.

    A key is the hash of a text, but never 0. The lowest bits of the key are an
    index. The key is stored in the first empty element from this index on. If
    no element up to the end is empty, the search continues at element 0.
    """
    mask = len(slots) - 1
    slot = key & mask
    while slots[slot]:
        if slots[slot] == key:
            return False
        slot = (slot + 1) & mask
    slots[slot] = key
    return True
