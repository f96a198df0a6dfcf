"""Defines colours and text properties of attention figures; checks scores.

H heads   T query/target length   S key/source length
"""

from typing import Any

import matplotlib
import numpy as np
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from keras_transformer.summaries import token_labels

DPI = 100
COLOURS = matplotlib.colormaps["viridis"].with_extremes(bad="lightgrey")
TEXT_COLOUR = "#333333"
QUIET_COLOUR = "#777777"


def blank_figure() -> tuple[Figure, RendererBase]:
    """Returns an empty figure, and its renderer, which measures text."""
    figure = Figure(dpi=DPI, facecolor="white")
    return figure, FigureCanvasAgg(figure).get_renderer()


def checked_scores(scores: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Returns the scores as float32 `(H, T, S)`, with H, T and S above 0.

    Args:
        scores: attention scores, `(H, T, S)`.
        rows: the number of tokens that attend, T.
        columns: the number of tokens that are attended to, S.

    Raises:
        ValueError: the scores have another shape, or H, T or S is 0.
    """
    scores_HTS = np.asarray(scores, np.float32)
    if scores_HTS.ndim != 3 or scores_HTS.shape[1:] != (rows, columns):
        raise ValueError(
            "`scores` must have the shape (heads, row tokens, column tokens), "
            f"here (heads, {rows}, {columns}). Received: "
            f"shape={scores_HTS.shape}. Pass one token per row and per column "
            "of the scores, without padding and without a batch axis."
        )
    if 0 in scores_HTS.shape:
        raise ValueError(
            "`scores` must hold at least one head, one row and one column. "
            f"Received: shape={scores_HTS.shape}. Leave out empty sentences."
        )
    return scores_HTS


def text(size: float, colour: str = TEXT_COLOUR) -> dict[str, Any]:
    """Returns text properties for matplotlib.

    Args:
        size: the size of the font, in pixels.
        colour: the colour of the text, in a form that matplotlib accepts.
    """
    return {
        "fontsize": size * 72 / DPI,
        "family": token_labels.font_families(),
        "color": colour,
        # Matplotlib reads text between dollar signs as a formula by default.
        "parse_math": False,
        "usetex": False,
    }
