"""Packed rows must hold every pair once, and be nearly full."""

import numpy as np
import pytest

from keras_transformer.data import packing
from tests.data.plans_test import random_lengths


class TestRoomOfRows:
    def test_four_pairs_of_mean_length(self):
        assert packing.room_of_rows(np.array([7.25, 11.0]), 17, 97) == (29, 44)

    def test_the_longest_sentence_fits_on_both_sides(self):
        room = packing.room_of_rows(np.array([10.0, 20.0]), 91, 97)
        assert room == (91, 91)

    def test_no_longer_than_the_limit_unless_a_pair_is(self):
        mean = np.array([10.0, 20.0])
        assert packing.room_of_rows(mean, 29, 60) == (30, 60)
        assert packing.room_of_rows(mean, 31, 5) == (31, 31)
        # Rounded to an even number, 127 would become 128.
        assert packing.room_of_rows(np.array([20, 40]), 31, 127) == (64, 127)


class TestPack:
    @pytest.mark.parametrize("room", [(61, 61), (64, 97), (211, 223)])
    def test_every_pair_once_in_a_row_with_room(self, room):
        lengths = random_lengths()
        rows = packing.pack(lengths, room)
        assert sorted(np.concatenate(rows)) == list(range(len(lengths)))
        for row in rows:
            assert (lengths[row].sum(0) <= room).all()

    @pytest.mark.parametrize("seed", range(3))
    def test_rows_are_nearly_full(self, seed):
        lengths = random_lengths(seed=seed)
        room = packing.room_of_rows(lengths.mean(0), lengths.max(), 97)
        rows = packing.pack(lengths, room)
        # Fewer rows than `least` would not hold the tokens.
        least = max(lengths.sum(0) / room)
        assert len(rows) < 1.04 * least

    def test_no_more_rows_than_an_exhaustive_search(self):
        # Each row is full in the best packing: a pair and its complement.
        room = np.array([19, 23])
        generator = np.random.default_rng(3)
        ones = generator.integers(1, room, (101, 2))
        lengths = np.concatenate([ones, room - ones])
        assert len(packing.pack(lengths, tuple(room))) == 101

    def test_equal_pairs_are_taken_in_their_order(self):
        rows = packing.pack(np.full((7, 2), 5), (16, 15))
        assert rows == [[0, 1, 2], [3, 4, 5], [6]]

    def test_no_pairs(self):
        assert packing.pack(np.zeros((0, 2), int), (7, 5)) == []

    def test_a_pair_that_fits_no_row_is_refused(self):
        with pytest.raises(
            ValueError, match=r"7 source and 5 target.*pair of 3 and 6"
        ):
            packing.pack(np.array([[7, 5], [3, 6]]), (7, 5))
