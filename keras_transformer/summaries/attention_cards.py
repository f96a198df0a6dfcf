"""Draws attention scores at the size in which TensorBoard shows images.

A card of TensorBoard is narrow and scrolls down. So the heads stand below each
other, and share the labels of their columns.

H heads   T query/target length   S key/source length
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from keras_transformer.summaries import figure_style, token_labels

# The width of an image in a card, in pixels. A wider image would be scaled
# down, and its labels with it.
WIDTH = 328
# The height that a card shows without a scroll bar.
_HEIGHT = 960
_FONT = 11
_TITLE = 12
_PADDING = 4
_LEAST_ROW, _MOST_ROW = 5, 16
_MOST_LABEL = 96


def attention_card(
    scores: np.ndarray,
    row_tokens: Sequence[str],
    column_tokens: Sequence[str],
    title: str,
) -> Figure:
    """Draws the attention of all heads of one layer, one below the other.

    The arguments and errors are those of `attention_figure`. The image is
    `WIDTH` pixels wide. With 4 heads and 15 tokens it is not higher than a
    card. If there is no room for all labels, only every second, third, ...
    token has a label.

    Example:

    >>> import numpy as np
    >>> from keras_transformer import summaries
    >>> scores = np.array([[[0.9, 0.1], [0.2, 0.8]]])
    >>> figure = summaries.attention_card(
    ...     scores, ["le", "chat"], ["the", "cat"], "Layer 1")
    >>> [axes.get_label() for axes in figure.axes]
    ['head 1']
    """
    scores_HTS = figure_style.checked_scores(
        scores, len(row_tokens), len(column_tokens)
    )
    figure, renderer = figure_style.blank_figure()
    rows = [token_labels.label(token) for token in row_tokens]
    columns = [token_labels.label(token) for token in column_tokens]
    layout = _layout(
        scores_HTS.shape,
        token_labels.longest(rows, renderer) * _FONT,
        token_labels.longest(columns, renderer) * _FONT,
    )
    dpi = figure_style.DPI
    figure.set_size_inches(WIDTH / dpi, layout.height / dpi)
    figure.text(
        _PADDING / WIDTH,
        1 - _PADDING / layout.height,
        token_labels.drawable(title),
        va="top",
        weight="bold",
        **figure_style.text(_TITLE),
    )
    for head, scores_TS in enumerate(scores_HTS):
        _draw_head(figure, layout, head, scores_TS, rows, columns)
    return figure


class _Layout(NamedTuple):
    """Sizes in pixels.

    row: the height of a row of cells.
    left: where the cells begin.
    top: where the cells of the first head begin.
    head: from the cells of a head to those of the next.
    width: the width of all columns.
    height: the height of the figure.
    """

    row: float
    left: float
    top: float
    head: float
    width: float
    height: float


def _layout(shape, row_label, column_label):
    heads, rows, _ = shape
    left = min(row_label, _MOST_LABEL) + 2 * _PADDING + _FONT
    top = 2 * _PADDING + _TITLE + min(column_label, _MOST_LABEL) + 2 * _PADDING
    between = 2 * _PADDING
    row = (_HEIGHT - top) / heads - between
    row = min(max(row / rows, _LEAST_ROW), _MOST_ROW)
    head = row * rows + between
    return _Layout(
        row, left, top, head, WIDTH - left - _PADDING, top + heads * head
    )


def _draw_head(figure, layout, head, scores_TS, rows, columns):
    """Adds the cells of a head, with its number at their left."""
    num_rows, num_columns = scores_TS.shape
    height = layout.row * num_rows
    y = layout.top + head * layout.head
    axes = figure.add_axes(
        (
            layout.left / WIDTH,
            1 - (y + height) / layout.height,
            layout.width / WIDTH,
            height / layout.height,
        )
    )
    axes.set_label(f"head {head + 1}")
    axes.spines[:].set_visible(False)
    axes.imshow(scores_TS, figure_style.COLOURS, vmin=0, vmax=1, aspect="auto")
    labels = figure_style.text(_FONT) | {"rotation_mode": "anchor"}
    labels["va"] = "center_baseline"
    stride = _stride(layout.row)
    axes.set_yticks(range(0, num_rows, stride), rows[::stride], **labels)
    axes.xaxis.tick_top()
    if head == 0:
        stride = _stride(layout.width / num_columns)
        labels |= {"rotation": 90, "ha": "left"}
        axes.set_xticks(
            range(0, num_columns, stride), columns[::stride], **labels
        )
    else:
        axes.set_xticks([])
    axes.tick_params(length=0, pad=_PADDING * 72 / figure_style.DPI)
    figure.text(
        _PADDING / WIDTH,
        1 - (y + height / 2) / layout.height,
        f"head {head + 1}",
        va="center",
        rotation=90,
        **figure_style.text(_FONT, figure_style.QUIET_COLOUR),
    )


def _stride(size):
    """Returns the number of tokens per label, so that labels do not overlap."""
    return math.ceil(1.1 * _FONT / size)
