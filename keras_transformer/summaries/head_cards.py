"""Draws attention scores at the size in which TensorBoard shows images.

TensorBoard shows each image in a card. If an image is larger than the card,
TensorBoard scales it down, and the labels become too small to read. So each
head has its own image, of the size of a card.

H heads   T query/target length   S key/source length
"""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from keras_transformer.summaries import figure_style, token_labels

# The size of a figure in pixels, which is the size of a card in TensorBoard's
# dashboard Time Series. A card in the dashboard Images has the same width, and
# is as high as its image.
WIDTH, HEIGHT = 324, 212
_FONT = 8.5
_PADDING = 3
_MOST_LABEL = 72


def attention_cards(
    scores: np.ndarray,
    row_tokens: Sequence[str],
    column_tokens: Sequence[str],
    title: str,
) -> list[Figure]:
    """Draws the attention of each head of one layer as a small figure.

    The arguments and errors are the same as in `attention_figure`. If there is
    no room for all labels, only every n-th token has a label.
    There is room for the labels of at least 12 rows and 12 columns.

    Returns:
        The figures of the H heads, all of the same size.

    Example:

    >>> import numpy as np
    >>> from keras_transformer import summaries
    >>> scores = np.array([[[0.9, 0.1], [0.2, 0.8]]])
    >>> (figure,) = summaries.attention_cards(
    ...     scores, ["le", "chat"], ["the", "cat"], "Layer 1")
    >>> figure.texts[0].get_text()
    'Layer 1, head 1'
    """
    scores_HTS = figure_style.checked_scores(
        scores, len(row_tokens), len(column_tokens)
    )
    rows = [token_labels.label(token) for token in row_tokens]
    columns = [token_labels.label(token) for token in column_tokens]
    return [
        _card(scores_TS, rows, columns, f"{title}, head {head}")
        for head, scores_TS in enumerate(scores_HTS, start=1)
    ]


def _card(scores_TS, rows, columns, title):
    """Draws the figure of one head."""
    figure, renderer = figure_style.blank_figure()
    dpi = figure_style.DPI
    figure.set_size_inches(WIDTH / dpi, HEIGHT / dpi)
    left, top = (
        min(token_labels.longest(labels, renderer) * _FONT, _MOST_LABEL)
        + 2 * _PADDING
        for labels in (rows, columns)
    )
    top += _FONT + _PADDING  # Room for the title.
    width, height = WIDTH - left - _PADDING, HEIGHT - top - _PADDING
    figure.text(
        _PADDING / WIDTH,
        1 - _PADDING / HEIGHT,
        token_labels.drawable(title),
        va="top",
        weight="bold",
        **figure_style.text(_FONT),
    )
    axes = figure.add_axes(
        (
            left / WIDTH,
            _PADDING / HEIGHT,
            width / WIDTH,
            height / HEIGHT,
        )
    )
    axes.spines[:].set_visible(False)
    axes.imshow(scores_TS, figure_style.COLOURS, vmin=0, vmax=1, aspect="auto")
    text = figure_style.text(_FONT) | {
        "rotation_mode": "anchor",
        "va": "center_baseline",
    }
    stride = _stride(height / len(rows))
    axes.set_yticks(range(0, len(rows), stride), rows[::stride], **text)
    stride = _stride(width / len(columns))
    text |= {"rotation": 90, "ha": "left"}
    axes.set_xticks(range(0, len(columns), stride), columns[::stride], **text)
    axes.xaxis.tick_top()
    axes.tick_params(length=0, pad=_PADDING * 72 / dpi)
    return figure


def _stride(size):
    """Returns the smallest n for which labels of every n-th token fit.

    Args:
        size: the room for each token, in pixels.
    """
    return math.ceil(1.15 * _FONT / size)
