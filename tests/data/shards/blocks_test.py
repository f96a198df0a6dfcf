"""Records must hold the ids of their pairs; other bytes must be refused."""

import numpy as np
import pytest

from keras_transformer.data.shards import blocks
from tests.assertions import assert_all_equal
from tests.data.shards import directories


@pytest.mark.parametrize(("id_bytes", "most"), [(2, 2**16 - 1), (4, 2**24)])
def test_ids_come_back(id_bytes, most):
    sources = [np.array(ids) for ids in ([5, most, 7], [11], [13, 17])]
    targets = [np.array(ids) for ids in ([most], [3, 2, 1], [0])]
    record = blocks.pack(sources, targets, id_bytes)
    # A header, 3 lengths of each side, 11 ids.
    assert len(record) == 8 + 2 * 3 * 2 + 11 * id_bytes
    for side, expected in zip(
        blocks.unpack(record), (sources, targets), strict=True
    ):
        assert len(side) == 3
        for ids, expected_ids in zip(side, expected, strict=True):
            assert ids.dtype == np.int32
            assert_all_equal(ids, expected_ids)


def test_bytes_are_little_endian():
    ids = [np.array([258])]
    assert blocks.pack(ids, ids, 2) == bytes(
        [1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 1, 0, 2, 1, 2, 1]
    )


def test_large_vocabularies_have_wider_ids():
    assert blocks.bytes_per_id(2**16) == 2
    assert blocks.bytes_per_id(2**16 + 1) == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda record: b"", "too short for its header"),
        (lambda record: record[:7], "too short for its header"),
        (lambda record: record[:-1], "as many ids as it says"),
        (lambda record: record + b"\0", "as many ids as it says"),
        (lambda record: record[:4] + b"\3" + record[5:], "wrong header"),
        (lambda record: b"\xff\xff" + record[2:], "wrong header"),
    ],
    ids=["empty", "cut", "short", "long", "width", "count"],
)
def test_other_bytes(change, message):
    pairs = directories.random_pairs(5)
    record = blocks.pack(pairs.sources, pairs.targets, 2)
    with pytest.raises(ValueError, match=message):
        blocks.unpack(change(record))
