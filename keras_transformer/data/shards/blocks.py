"""Packs the token ids of a block of pairs into bytes, and unpacks them.

The bytes of a block are one record of a shard. A record consists of these
arrays of little-endian numbers, one after another:

header          two uint32: the number of pairs, and the number of bytes of an
                id
source lengths  uint16, the number of ids of each source
target lengths  uint16, the number of ids of each target
source ids      uint16 or uint32, the ids of all sources, one after another
target ids      uint16 or uint32, the ids of all targets, one after another
"""

import itertools
from collections.abc import Sequence

import numpy as np

# The maximum number of ids of a source or target, because a record stores this
# number as uint16.
MAX_LENGTH = 2**16 - 1
_HEADER: np.dtype = np.dtype("<u4")
_LENGTH: np.dtype = np.dtype("<u2")
_IDS: dict[int, np.dtype] = {2: np.dtype("<u2"), 4: np.dtype("<u4")}


def bytes_per_id(vocabulary_size: int) -> int:
    """Returns the number of bytes in which each id of a vocabulary fits.

    Example:

    >>> bytes_per_id(8000), bytes_per_id(100_000)
    (2, 4)
    """
    return 2 if vocabulary_size <= 2**16 else 4


def pack(
    sources: Sequence[np.ndarray], targets: Sequence[np.ndarray], id_bytes: int
) -> bytes:
    """Returns the bytes of the record for a block of pairs.

    Args:
        sources, targets: the ids of each source and target, without special
            ids, at most `MAX_LENGTH` ids each. There must be at least one pair.
        id_bytes: the number of bytes of an id, as `bytes_per_id` returns it.
            This function does not check whether all ids fit.
    """
    ids = _IDS[id_bytes]
    return b"".join(
        (
            np.array([len(sources), id_bytes], _HEADER).tobytes(),
            lengths_of(sources).tobytes(),
            lengths_of(targets).tobytes(),
            np.concatenate(sources).astype(ids).tobytes(),
            np.concatenate(targets).astype(ids).tobytes(),
        )
    )


def unpack(record: bytes) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Returns the ids of a record: a list of sources and a list of targets.

    Each source and each target is an int32 vector.

    Raises:
        ValueError: the bytes are not one complete record.

    Example:

    >>> ids = [np.array([5, 6]), np.array([7])]
    >>> unpack(pack(ids, ids, 2))[0]
    [array([5, 6], dtype=int32), array([7], dtype=int32)]
    """
    header_bytes = 2 * _HEADER.itemsize
    if len(record) < header_bytes:
        raise ValueError("A record is too short for its header.")
    count, id_bytes = np.frombuffer(record, _HEADER, 2).tolist()
    start = header_bytes + 2 * count * _LENGTH.itemsize
    if id_bytes not in _IDS or len(record) < start:
        raise ValueError("A record has a wrong header.")
    lengths = np.frombuffer(record, _LENGTH, 2 * count, header_bytes)
    lengths = lengths.astype("int64").reshape(2, count)
    if len(record) != start + id_bytes * lengths.sum():
        raise ValueError("A record does not have as many ids as it says.")
    ids = np.frombuffer(record, _IDS[id_bytes], -1, start).astype("int32")
    num_source_ids = lengths[0].sum()
    return (
        _split(ids[:num_source_ids], lengths[0]),
        _split(ids[num_source_ids:], lengths[1]),
    )


def lengths_of(ids: Sequence[np.ndarray]) -> np.ndarray:
    """Returns the number of ids of each sequence, a vector of uint16."""
    return np.fromiter(map(len, ids), _LENGTH, len(ids))


def _split(ids, lengths):
    ends = np.cumsum(lengths).tolist()
    return [ids[a:b] for a, b in itertools.pairwise([0, *ends])]
