"""Draws attention scores as figures, with one panel for each head.

L layers   H heads   T query/target length   S key/source length
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from keras_transformer.summaries import (
    figure_style,
    panel_layout,
    token_labels,
)


class Attention(Protocol):
    """The fields that figures need, as in `kt.translation.Explanation`.

    `encoder`, `decoder` and `cross` have the shape `(L, H, T, S)`: T rows and S
    columns. `encoder` is the self-attention of the encoder. Its rows and
    columns are the source tokens. `decoder` is the self-attention of the
    decoder. Its rows and columns are the tokens that the decoder reads. `cross`
    is the encoder-decoder attention. Its columns are the source tokens. Its
    rows are the tokens that the decoder emits: a row shows where the decoder
    attended when it emitted the token.
    """

    @property
    def source_tokens(self) -> Sequence[str]: ...
    @property
    def target_tokens(self) -> Sequence[str]: ...
    @property
    def target_input_tokens(self) -> Sequence[str]: ...
    @property
    def encoder(self) -> np.ndarray: ...
    @property
    def decoder(self) -> np.ndarray: ...
    @property
    def cross(self) -> np.ndarray: ...


class _Kind(NamedTuple):
    """One of the paper's three uses of attention (section 3.2.3).

    `scores`, `rows` and `columns` are names of fields of `Attention`.
    """

    name: str
    title: str
    scores: str
    rows: str
    columns: str


KINDS = (
    _Kind(
        "encoder",
        "Encoder self-attention",
        scores="encoder",
        rows="source_tokens",
        columns="source_tokens",
    ),
    _Kind(
        "decoder",
        "Decoder self-attention",
        scores="decoder",
        rows="target_input_tokens",
        columns="target_input_tokens",
    ),
    _Kind(
        "encoder-decoder",
        "Encoder-decoder attention",
        scores="cross",
        rows="target_tokens",
        columns="source_tokens",
    ),
)


def attention_figures(
    explanation: Attention, draw: Callable[..., Any] | None = None
) -> Iterator[tuple[str, Any]]:
    """Draws one figure for each kind of attention and layer.

    Args:
        explanation: the result of `kt.translation.explain`, or any object
            with the same fields.
        draw: a function with the arguments of `attention_figure`, such as
            `attention_cards`; `None` for `attention_figure`.

    Yields:
        Pairs of a name, such as `"encoder-decoder/layer_2"`, and the result of
        `draw` for that layer.

    Raises:
        ValueError: the shape of scores is not `(L, H, T, S)`; T or S is not the
            number of row or column tokens; or one of H, T and S is 0.

    Example:

    >>> import numpy as np
    >>> from keras_transformer import summaries, translation
    >>> encoder = np.full((1, 2, 3, 3), 1 / 3)
    >>> decoder = np.full((1, 2, 2, 2), 1 / 2)
    >>> cross = np.full((1, 2, 2, 3), 1 / 3)
    >>> explanation = translation.Explanation(
    ...     ["a", "cat", "</s>"], ["chat", "</s>"], ["<s>", "chat"],
    ...     encoder, decoder, cross)
    >>> [name for name, _ in summaries.attention_figures(explanation)]
    ['encoder/layer_1', 'decoder/layer_1', 'encoder-decoder/layer_1']
    """
    for kind in KINDS:
        scores_LHTS = np.asarray(getattr(explanation, kind.scores), np.float32)
        if scores_LHTS.ndim != 4:
            raise ValueError(
                f"The {kind.scores} scores must have the shape (layers, heads, "
                f"rows, columns). Received: shape={scores_LHTS.shape}. Pass "
                "the scores of one sentence, without a batch axis."
            )
        num_layers = len(scores_LHTS)
        for layer, scores_HTS in enumerate(scores_LHTS, start=1):
            figure = (draw or attention_figure)(
                scores_HTS,
                getattr(explanation, kind.rows),
                getattr(explanation, kind.columns),
                f"{kind.title}, layer {layer} of {num_layers}",
            )
            yield f"{kind.name}/layer_{layer}", figure


def attention_figure(
    scores: np.ndarray,
    row_tokens: Sequence[str],
    column_tokens: Sequence[str],
    title: str,
) -> Figure:
    """Draws the attention of all heads of one layer, one panel per head.

    A row of a panel is a token that attends. A column is a token that is
    attended to. The colour of a cell shows the attention weight, on a scale
    from 0 to 1 in all figures, so figures can be compared. NaN is grey.

    With more tokens, the cells shrink at first. Next the figure grows, until a
    side has 4000 pixels. Then the cells shrink to half a pixel at least. If not
    all labels fit, only every n-th token has a label.

    The figure does not use pyplot or other global state. So any thread may draw
    it, and it need not be closed.

    Args:
        scores: attention weights, shape `(H, T, S)`.
        row_tokens: the T tokens that attend.
        column_tokens: the S tokens that are attended to.
        title: the text above the panels.

    Returns:
        A `matplotlib.figure.Figure`. Each panel is an axes labelled `"head 1"`,
        `"head 2"`, ...; the last axes is the colour bar.

    Raises:
        ValueError: the scores do not have the shape `(H, T, S)`, or are empty.

    Example:

    >>> import numpy as np
    >>> from keras_transformer import summaries
    >>> scores = np.array([[[0.9, 0.1], [0.2, 0.8]]])
    >>> figure = summaries.attention_figure(
    ...     scores, ["le", "chat"], ["the", "cat"], "Layer 1")
    >>> [axes.get_label() for axes in figure.axes]
    ['head 1', 'colour bar']
    """
    scores_HTS = figure_style.checked_scores(
        scores, len(row_tokens), len(column_tokens)
    )
    figure, renderer = figure_style.blank_figure()
    rows = [token_labels.label(token) for token in row_tokens]
    columns = [token_labels.label(token) for token in column_tokens]
    title = token_labels.drawable(title)
    layout = panel_layout.panel_layout(
        scores_HTS.shape,
        row_label=token_labels.longest(rows, renderer),
        column_label=token_labels.longest(columns, renderer),
        title=token_labels.longest([title], renderer, "bold"),
    )
    _draw_title(figure, layout, title)
    for head, scores_TS in enumerate(scores_HTS):
        image = _draw_panel(figure, layout, head, scores_TS, rows, columns)
    _draw_colour_bar(figure, layout, image)
    return figure


def _draw_title(figure, layout, title):
    """Sets the figure's size and writes the title above the panels."""
    height, width = layout.figure
    figure.set_size_inches(width / figure_style.DPI, height / figure_style.DPI)
    padding = panel_layout.PADDING
    figure.text(
        padding / width,
        1 - padding / height,
        title,
        va="top",
        weight="bold",
        **figure_style.text(panel_layout.TITLE_SIZE),
    )


def figure_to_image(figure: Figure) -> np.ndarray:
    """Renders a figure to pixels.

    Args:
        figure: a matplotlib figure.

    Returns:
        A uint8 array of red, green and blue, shape `(height, width, 3)`.

    Example:

    >>> from matplotlib.figure import Figure
    >>> from keras_transformer import summaries
    >>> summaries.figure_to_image(Figure(figsize=(3, 2), dpi=100)).shape
    (200, 300, 3)
    """
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[:, :, :3].copy()


def _draw_panel(
    figure: Figure,
    layout: panel_layout.PanelLayout,
    head: int,
    scores_TS: np.ndarray,
    rows: list[str],
    columns: list[str],
) -> AxesImage:
    """Adds the panel of one head; returns the image of its scores."""
    corner = layout.matrix_corner(*divmod(head, layout.grid[1]))
    axes = _add_axes(figure, corner, layout.matrix)
    axes.set_label(f"head {head + 1}")
    axes.spines[:].set_visible(False)
    image = axes.imshow(
        scores_TS,
        figure_style.COLOURS,
        vmin=0,
        vmax=1,
        aspect="auto",
        origin="upper",
    )
    num_rows, num_columns = scores_TS.shape
    if layout.cell >= 12:
        lines: dict[str, Any] = {"colors": "white", "linewidth": 0.4}
        between_rows = np.arange(1, num_rows) - 0.5
        between_columns = np.arange(1, num_columns) - 0.5
        axes.hlines(between_rows, -0.5, num_columns - 0.5, **lines)
        axes.vlines(between_columns, -0.5, num_rows - 0.5, **lines)

    # With "center_baseline", a "_" or "'" in a label does not move the label.
    stride = layout.label_stride
    text = figure_style.text(layout.font) | {
        "rotation_mode": "anchor",
        "va": "center_baseline",
    }
    axes.set_yticks(range(0, num_rows, stride), rows[::stride], **text)
    text |= {"rotation": 90, "ha": "left"}
    axes.set_xticks(range(0, num_columns, stride), columns[::stride], **text)
    axes.xaxis.tick_top()
    axes.tick_params(length=0, pad=0.25 * layout.font * 72 / figure_style.DPI)

    # Matplotlib can place the axis labels and the title itself, but that takes
    # far longer than drawing the panel.
    top, left = layout.margin
    height, width = layout.matrix
    quiet = figure_style.text(layout.font, figure_style.QUIET_COLOUR)
    axes.set_xlabel("attends to", **quiet)
    axes.xaxis.set_label_position("top")
    axes.xaxis.set_label_coords(0.5, 1 + (top - 2.8 * layout.font) / height)
    axes.set_ylabel("attends from", **quiet)
    axes.yaxis.set_label_coords(-(left - 1.6 * layout.font) / width, 0.5)
    axes.set_title(
        f"head {head + 1}",
        loc="left",
        y=1 + (top - 1.6 * layout.font) / height,
        pad=0,
        **figure_style.text(1.15 * layout.font),
    )
    return image


def _draw_colour_bar(
    figure: Figure, layout: panel_layout.PanelLayout, image: AxesImage
) -> None:
    """Adds one colour bar for all panels, right of the first row of panels."""
    corner = layout.matrix_corner(0, layout.grid[1])
    axes = _add_axes(figure, corner, (min(layout.matrix[0], 300), 14))
    axes.set_label("colour bar")
    figure.colorbar(image, cax=axes).outline.set_visible(False)
    size = min(layout.font, 12)
    axes.set_yticks([0, 0.5, 1], ["0", "0.5", "1"], **figure_style.text(size))
    axes.tick_params(length=0)
    axes.set_ylabel(
        "weight", **figure_style.text(size, figure_style.QUIET_COLOUR)
    )


def _add_axes(
    figure: Figure, corner: tuple[int, int], size: tuple[int, int]
) -> Axes:
    """Adds an axes with this upper left corner and this size, in pixels."""
    figure_width, figure_height = figure.get_size_inches() * figure_style.DPI
    (y, x), (height, width) = corner, size
    return figure.add_axes(
        (
            x / figure_width,
            1 - (y + height) / figure_height,
            width / figure_width,
            height / figure_height,
        )
    )
