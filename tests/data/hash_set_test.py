"""A hash set must be a set, at any size."""

from keras_transformer.data import hash_set
from tests.assertions import assert_all_equal


def test_is_a_set_while_it_grows():
    texts = hash_set.HashSet()
    # The set outgrows 2**16 slots: two thirds of them are 43,690.
    count = 50_021
    assert all(texts.add(f"text {i}") for i in range(count))
    assert len(texts) == count
    assert not any(texts.add(f"text {i}") for i in range(count))
    assert texts.add(f"text {count}")


def test_keys_that_meet_in_a_slot():
    slots = [0] * 8
    inserted = [hash_set._insert(slots, key) for key in (7, 15, 23, 15, 7)]
    assert inserted == [True, True, True, False, False]
    assert_all_equal(slots, [15, 23, 0, 0, 0, 0, 0, 7])


def test_bytes_that_are_not_utf8():
    texts = hash_set.HashSet()
    assert texts.add("a\udcff")
    assert texts.add("a\udcfe")
    assert not texts.add("a\udcff")
