"""Panels fill the figure and do not overlap."""

import pytest

from keras_transformer.summaries import panel_layout
from tests.assertions import assert_all_equal


def _layout(num_heads, num_rows, num_columns):
    return panel_layout.panel_layout(
        (num_heads, num_rows, num_columns),
        row_label=5.0,
        column_label=7.0,
        title=20.0,
    )


class TestPanelLayout:
    @pytest.mark.parametrize(
        ("num_heads", "num_rows", "num_columns"),
        [
            (1, 2, 3),
            (2, 5, 7),
            (3, 11, 5),
            (7, 13, 17),
            (8, 31, 29),
            (16, 83, 79),
        ],
    )
    def test_panels_are_inside_and_apart(
        self, num_heads, num_rows, num_columns
    ):
        layout = _layout(num_heads, num_rows, num_columns)
        rows, columns = layout.grid
        assert 1 <= num_heads <= rows * columns
        assert num_heads > (rows - 1) * columns
        height, width = layout.figure
        taken = set()
        for row in range(rows):
            for column in range(columns):
                y, x = layout.matrix_corner(row, column)
                top, left = y - layout.margin[0], x - layout.margin[1]
                bottom = y + layout.matrix[0]
                right = x + layout.matrix[1]
                assert top > panel_layout.TITLE_SIZE
                assert left >= 0
                assert bottom < height
                assert right < layout.matrix_corner(0, columns)[1]
                # Comparing the corners is enough to find overlaps of panels.
                for other_top, other_left, other_bottom, other_right in taken:
                    assert (
                        top >= other_bottom
                        or bottom <= other_top
                        or left >= other_right
                        or right <= other_left
                    )
                taken.add((top, left, bottom, right))
        assert layout.matrix_corner(0, columns)[1] < width

    def test_the_figure_grows_with_the_sentence_and_labels_stay_legible(self):
        sizes = [_layout(4, length, length) for length in (2, 5, 13, 31, 61)]
        areas = [layout.figure[0] * layout.figure[1] for layout in sizes]
        assert_all_equal(areas, sorted(set(areas)))
        for layout in sizes:
            assert layout.font >= 8
            assert layout.label_stride == 1

    @pytest.mark.parametrize(
        ("num_heads", "length"), [(1, 509), (8, 257), (16, 101), (64, 31)]
    )
    def test_no_side_is_longer_than_allowed(self, num_heads, length):
        layout = _layout(num_heads, length, length)
        assert max(layout.figure) <= panel_layout.MAX_SIDE
        assert layout.font >= 8
        room = layout.label_stride * layout.cell
        assert room >= layout.font

    def test_an_endless_number_of_heads_ends(self):
        layout = _layout(4001, 2, 3)
        assert layout.cell < 0.5

    def test_a_wide_title_widens_a_narrow_figure(self):
        narrow = panel_layout.panel_layout((1, 2, 3), 1.0, 1.0, 1.0)
        wide = panel_layout.panel_layout((1, 2, 3), 1.0, 1.0, 30.0)
        assert narrow.figure[1] < 30 * panel_layout.TITLE_SIZE
        assert wide.figure[1] > 30 * panel_layout.TITLE_SIZE
        assert wide.figure[0] == narrow.figure[0]

    @pytest.mark.parametrize(
        ("num_heads", "grid"),
        [(1, (1, 1)), (2, (1, 2)), (4, (2, 2)), (8, (2, 4))],
    )
    def test_usual_numbers_of_heads_leave_no_gap(self, num_heads, grid):
        assert _layout(num_heads, 23, 23).grid == grid
