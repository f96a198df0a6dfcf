"""Draws the tables of sinusoidal positions, as The Illustrated Transformer.

    python -m tools.draw_positions --output=positions.png

One panel for each table that is in use, a row for each position.
"""

import numpy as np
from absl import app, flags
from matplotlib import figure

from keras_transformer import layers
from keras_transformer.layers import positions
from trainers import program

_OUTPUT = flags.DEFINE_string(
    "output", None, "Image file, such as positions.png.", required=True
)
_NUM_POSITIONS = flags.DEFINE_integer(
    "num_positions", 20, "Rows.", lower_bound=1
)
_NUM_DIMENSIONS = flags.DEFINE_integer(
    "num_dimensions", 512, "Columns, D.", lower_bound=2
)


def draw(num_positions: int, model_dim: int) -> figure.Figure:
    """Draws every table of `sinusoidal_encoding`.

    Raises:
        ValueError: `model_dim` is odd.
    """
    tables = {
        form: layers.sinusoidal_encoding(
            np.arange(num_positions), model_dim, form
        ).numpy()
        for form in positions.FORMS
    }
    drawing = figure.Figure(
        figsize=(8, 1.75 * len(tables)), layout="constrained", dpi=70
    )
    panels = drawing.subplots(len(tables), sharex=True, sharey=True)
    for panel, (form, table) in zip(panels, tables.items(), strict=True):
        image = panel.imshow(
            table,
            aspect="auto",
            cmap="viridis",
            interpolation="nearest",
            vmin=-1,
            vmax=1,
        )
        panel.set_title(form, loc="left")
        panel.set_ylabel("position")
    panels[-1].set_xlabel("dimension")
    drawing.colorbar(image, ax=list(panels), label="value", shrink=0.5)
    return drawing


@program.main
def main():
    draw(_NUM_POSITIONS.value, _NUM_DIMENSIONS.value).savefig(_OUTPUT.value)
    print(_OUTPUT.value)


if __name__ == "__main__":
    app.run(main)
