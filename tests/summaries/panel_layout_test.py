"""Panels must fill the figure without covering each other."""

import tensorflow as tf
from absl.testing import parameterized

from keras_transformer.summaries import panel_layout


def _layout(num_heads, num_rows, num_columns):
    return panel_layout.panel_layout(
        (num_heads, num_rows, num_columns),
        row_label=5.0,
        column_label=7.0,
        title=20.0,
    )


class PanelLayoutTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        (1, 2, 3), (2, 5, 7), (3, 11, 5), (7, 13, 17), (8, 31, 29), (16, 83, 79)
    )
    def test_panels_are_inside_and_apart(
        self, num_heads, num_rows, num_columns
    ):
        layout = _layout(num_heads, num_rows, num_columns)
        rows, columns = layout.grid
        self.assertBetween(num_heads, 1, rows * columns)
        self.assertGreater(num_heads, (rows - 1) * columns)
        height, width = layout.figure
        taken = set()
        for row in range(rows):
            for column in range(columns):
                y, x = layout.matrix_corner(row, column)
                top, left = y - layout.margin[0], x - layout.margin[1]
                bottom = y + layout.matrix[0]
                right = x + layout.matrix[1]
                self.assertGreater(top, panel_layout.TITLE_SIZE)
                self.assertGreaterEqual(left, 0)
                self.assertLess(bottom, height)
                self.assertLess(right, layout.matrix_corner(0, columns)[1])
                # The corners of a grid this coarse tell overlaps apart.
                for other_top, other_left, other_bottom, other_right in taken:
                    self.assertTrue(
                        top >= other_bottom
                        or bottom <= other_top
                        or left >= other_right
                        or right <= other_left
                    )
                taken.add((top, left, bottom, right))
        self.assertLess(layout.matrix_corner(0, columns)[1], width)

    def test_the_figure_grows_with_the_sentence_and_labels_stay_legible(self):
        sizes = [_layout(4, length, length) for length in (2, 5, 13, 31, 61)]
        areas = [layout.figure[0] * layout.figure[1] for layout in sizes]
        self.assertAllEqual(areas, sorted(set(areas)))
        for layout in sizes:
            self.assertGreaterEqual(layout.font, 8)
            self.assertEqual(layout.label_stride, 1)

    @parameterized.parameters((1, 509), (8, 257), (16, 101), (64, 31))
    def test_no_side_is_longer_than_allowed(self, num_heads, length):
        layout = _layout(num_heads, length, length)
        self.assertLessEqual(max(layout.figure), panel_layout.MAX_SIDE)
        self.assertGreaterEqual(layout.font, 8)
        room = layout.label_stride * layout.cell
        self.assertGreaterEqual(room, layout.font)

    def test_an_endless_number_of_heads_ends(self):
        layout = _layout(4001, 2, 3)
        self.assertLess(layout.cell, 0.5)

    def test_a_wide_title_widens_a_narrow_figure(self):
        narrow = panel_layout.panel_layout((1, 2, 3), 1.0, 1.0, 1.0)
        wide = panel_layout.panel_layout((1, 2, 3), 1.0, 1.0, 30.0)
        self.assertLess(narrow.figure[1], 30 * panel_layout.TITLE_SIZE)
        self.assertGreater(wide.figure[1], 30 * panel_layout.TITLE_SIZE)
        self.assertEqual(wide.figure[0], narrow.figure[0])

    @parameterized.parameters(
        (1, (1, 1)), (2, (1, 2)), (4, (2, 2)), (8, (2, 4))
    )
    def test_usual_numbers_of_heads_leave_no_gap(self, num_heads, grid):
        self.assertEqual(_layout(num_heads, 23, 23).grid, grid)


if __name__ == "__main__":
    tf.test.main()
