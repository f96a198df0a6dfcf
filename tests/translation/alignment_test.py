"""Alignments of words equal sums and means computed by hand."""

import numpy as np
import pytest

from keras_transformer.translation import alignment
from tests.assertions import assert_all_close, assert_all_equal


class TestAlignWords:
    def test_one_piece_a_word(self):
        attention = [[0.7, 0.2, 0.1], [0.5, 0.0, 0.5]]
        found = alignment.align_words(
            attention, ["▁a", "▁b", "▁c"], ["▁x", "▁y"]
        )
        assert_all_close(found, attention)

    def test_sources_add_up_and_targets_are_averaged(self):
        # The source is "ab c", the target "x yz". Rows are target pieces, and
        # columns are source pieces.
        attention = [[0.5, 0.3, 0.2], [0.1, 0.1, 0.8], [0.3, 0.1, 0.6]]
        found = alignment.align_words(
            attention, ["▁a", "b", "▁c"], ["▁x", "▁y", "z"]
        )
        assert_all_close(found, [[0.8, 0.2], [0.3, 0.7]])

    def test_what_the_end_got_is_shared_out(self):
        # The last row and the last column belong to end tokens.
        attention = [[0.2, 0.2, 0.6], [0.0, 0.3, 0.7], [0.1, 0.8, 0.1]]
        found = alignment.align_words(attention, ["▁a", "▁b"], ["▁x", "▁y"])
        assert_all_close(found, [[0.5, 0.5], [0.0, 1.0]])

    def test_padding_beyond_is_ignored(self):
        attention = np.full([5, 7], 9.0)
        attention[:2, :3] = [[0.2, 0.5, 0.3], [1.0, 0.0, 0.0]]
        found = alignment.align_words(
            attention, ["▁a", "▁b", "c"], ["▁x", "▁y"]
        )
        assert_all_close(found, [[0.2, 0.8], [1.0, 0.0]])

    def test_nothing_to_look_at(self):
        found = alignment.align_words([[0.0, 1.0]], ["▁a"], ["▁x"])
        assert_all_equal(found, [[0.0]])
        for sources, targets in ((["▁a"], []), ([], ["▁x"]), ([], [])):
            found = alignment.align_words([[1.0]], sources, targets)
            assert found.shape == (len(targets), len(sources))

    def test_any_shape_against_loops(self):
        generator = np.random.default_rng(0)
        sources = ["▁a", "b", "▁c", "▁", "d", "▁e", "f"]
        targets = ["▁u", "▁v", "w", "x", "▁y"]
        in_source, in_target = [0, 0, 1, 2, 2, 3, 3], [0, 1, 1, 1, 2]
        attention = generator.dirichlet(np.ones(8), 6)
        expected = np.zeros([3, 4])
        for t, target in enumerate(in_target):
            for s, source in enumerate(in_source):
                expected[target, source] += attention[t, s]
        for row in expected:
            row /= sum(row)
        found = alignment.align_words(attention, sources, targets)
        assert_all_close(found, expected)

    @pytest.mark.parametrize(
        ("pieces", "expected"),
        [
            ([], []),
            (["▁un", "▁chat"], [0, 1]),
            (["▁ch", "at"], [0, 0]),
            # The first piece of a text may have no space mark.
            (["ch", "at", "▁noir"], [0, 0, 1]),
            (["▁", "chat", "▁", "noir"], [0, 0, 1, 1]),
            # Several spaces begin one word. Spaces at the end begin no word.
            (["▁a", "▁", "▁b"], [0, 1, 1]),
            (["▁a", "▁▁b", "▁", "▁"], [0, 1, 1, 1]),
            (["▁", "▁"], [0, 0]),
        ],
    )
    def test_words_of(self, pieces, expected):
        assert alignment.words_of(pieces) == expected
        text = "".join(pieces).replace("▁", " ")
        if text.strip():
            assert len(text.split()) == max(expected) + 1


class TestFormats:
    def test_pharaoh(self):
        soft = np.array([[0.1, 0.7, 0.2], [0.6, 0.3, 0.1]])
        # The source word is written first: not "0-1 1-0".
        assert alignment.pharaoh(soft) == "1-0 0-1"
        soft = np.array([[0.1, 0.2, 0.7], [0.0, 0.0, 0.0], [0.1, 0.8, 0.1]])
        assert alignment.pharaoh(soft) == "2-0 1-2"
        assert alignment.pharaoh(np.zeros([0, 0])) == ""
        assert alignment.pharaoh(np.zeros([2, 0])) == ""
        assert alignment.pharaoh(()) == ""

    def test_soft_pharaoh(self):
        soft = np.array([[0.1, 0.9], [0.75, 0.25], [0.00004, 1.0]])
        assert (
            alignment.soft_pharaoh(soft)
            == "0.1000,0.9000 0.7500,0.2500 0.0000,1.0000"
        )
        assert alignment.soft_pharaoh(np.zeros([0, 0])) == ""
