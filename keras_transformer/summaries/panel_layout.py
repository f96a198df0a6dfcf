"""Computes where the panels of a figure are, and how large they are.

A panel shows the attention scores of one head.

H heads   T query/target length   S key/source length
"""

import math
from typing import NamedTuple

# The height and width of a figure are at most this number of pixels, unless the
# smallest cells or the labels need more. TensorBoard keeps images in memory,
# and browsers scale larger images down.
MAX_SIDE = 4000

TITLE_SIZE = 16
PADDING = 14
_HEADER = 3 * PADDING
_COLOUR_BAR = 84  # The width of the colour bar, with its labels.


class PanelLayout(NamedTuple):
    """A grid of equal panels, below a title and left of a colour bar.

    All sizes are in pixels. In all pairs the vertical number is first, as in an
    array.

    Attributes:
        cell: the side of a cell, which shows one attention score.
        font: the size of the tokens' font.
        grid: the number of rows and of columns of panels.
        matrix: the height and width of all cells of a panel together.
        margin: the height of the texts above the cells, and the width of the
            texts left of the cells.
        figure: the height and width of the figure.
    """

    cell: float
    font: float
    grid: tuple[int, int]
    matrix: tuple[int, int]
    margin: tuple[int, int]
    figure: tuple[int, int]

    @property
    def label_stride(self) -> int:
        """The number of tokens from one label to the next.

        Other tokens have no label, so that labels do not overlap.
        """
        return math.ceil(1.1 * self.font / self.cell)

    def matrix_corner(self, row: int, column: int) -> tuple[int, int]:
        """Returns the upper left corner, (y, x), of the cells of one panel.

        Args:
            row: the row of the panel in the grid, counted from 0.
            column: the column of the panel, counted from 0. With `grid[1]`,
                the number of columns, the result is the corner of the colour
                bar.
        """
        height, width = _panel(self.margin, self.matrix)
        y = _HEADER + row * height + self.margin[0]
        x = PADDING + column * width
        is_panel = column < self.grid[1]
        return y, x + self.margin[1] if is_panel else x


def panel_layout(
    shape: tuple[int, int, int],
    row_label: float,
    column_label: float,
    title: float,
) -> PanelLayout:
    """Arranges the panels of all heads in a figure.

    Up to 6 tokens, the cells have their full size. With more tokens the cells
    shrink, until labels would be hard to read. With still more tokens the
    figure grows. When a side of the figure reaches `MAX_SIDE`, the cells shrink
    further.

    Args:
        shape: the shape of the scores, `(H, T, S)`.
        row_label: the length of the longest row label, in units of the font
            size.
        column_label: the length of the longest column label, in the same unit.
        title: the length of the title, in units of `TITLE_SIZE`.

    Example:

    >>> layout = panel_layout((4, 11, 13), 5.0, 5.0, 20.0)
    >>> layout.grid, layout.label_stride
    ((2, 2), 1)
    """
    num_heads, num_rows, num_columns = shape
    title_width = min(round(title * TITLE_SIZE) + 2 * PADDING, 1000)
    cell = min(max(300 / max(num_rows, num_columns), 22), 44)
    while True:
        font = min(max(0.55 * cell, 8), 13)
        # The head's number and an axis label stand above the column labels.
        # Another axis label stands to the left of the row labels.
        margin = (
            round((column_label + 4.2) * font),
            round((row_label + 2.4) * font),
        )
        matrix = (round(cell * num_rows), round(cell * num_columns))
        panel = _panel(margin, matrix)
        grid = _grid(num_heads, panel)
        width = PADDING + grid[1] * panel[1] + _COLOUR_BAR
        figure = (_HEADER + grid[0] * panel[0], max(width, title_width))
        # With hundreds of heads or very long labels, the labels alone can
        # exceed `MAX_SIDE`. Then smaller cells do not help, and the loop must
        # end.
        if max(figure) <= MAX_SIDE or cell < 0.5:
            return PanelLayout(cell, font, grid, matrix, margin, figure)
        cell *= 0.97


def _panel(margin: tuple[int, int], matrix: tuple[int, int]) -> tuple[int, int]:
    return (
        margin[0] + matrix[0] + PADDING,
        margin[1] + matrix[1] + PADDING,
    )


def _grid(num_heads: int, panel: tuple[int, int]) -> tuple[int, int]:
    """Returns the numbers of rows and columns of the grid of panels.

    The grid has about the shape of a screen, and few empty panels.
    """

    def badness(columns: int) -> float:
        rows = math.ceil(num_heads / columns)
        aspect = columns * panel[1] / (rows * panel[0])
        gaps = rows * columns / num_heads - 1
        return abs(math.log(aspect / 1.5)) + 2 * gaps

    columns = min(range(1, num_heads + 1), key=badness)
    return math.ceil(num_heads / columns), columns
