"""Draws position encodings as images.

The article The Illustrated Transformer has such images.

D model_dim
"""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from keras_transformer.summaries import figure_style

_PANEL_INCHES = 1.75


def position_figure(tables: Mapping[str, np.ndarray], width: int) -> Figure:
    """Draws tables of position encodings, one below the other.

    Args:
        tables: a dict from the title of each table to an array
            `(positions, D)`, a position encoding. The dict is not empty. Values
            below -1 get the colour of -1, and values above 1 the colour of 1.
        width: the width of the image, in pixels.

    Example:

    >>> import numpy as np
    >>> from keras_transformer import layers, summaries
    >>> tables = {
    ...     form: np.asarray(layers.sinusoidal_encoding(range(5), 8, form))
    ...     for form in ("tensor2tensor", "paper")}
    >>> figure = summaries.position_figure(tables, width=328)
    >>> [axes.get_title("left") for axes in figure.axes[:2]]
    ['tensor2tensor', 'paper']
    """
    size = (width / figure_style.DPI, _PANEL_INCHES * len(tables))
    figure = Figure(figsize=size, layout="constrained", dpi=figure_style.DPI)
    panels = figure.subplots(
        len(tables), sharex=True, sharey=True, squeeze=False
    )[:, 0]
    for panel, (title, table) in zip(panels, tables.items(), strict=True):
        image = panel.imshow(
            table,
            aspect="auto",
            cmap="viridis",
            interpolation="nearest",
            vmin=-1,
            vmax=1,
        )
        panel.set_title(title, loc="left")
        panel.set_ylabel("position")
    panels[-1].set_xlabel("dimension")
    figure.colorbar(image, ax=list(panels), label="value", shrink=0.5)
    return figure
