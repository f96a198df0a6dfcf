"""Draws the tables of sinusoidal positions, as in The Illustrated Transformer.

    python -m tools.draw_positions --output=positions.png

The image has a panel for each `form` of `sinusoidal_encoding`. Each panel has a
row for each position.
"""

import dataclasses

import numpy as np
from matplotlib import figure

from keras_transformer import layers, summaries
from keras_transformer.layers import sinusoids
from trainers import program
from trainers.settings_flags import setting

_WIDTH = 800  # The width of the image, in pixels.


@dataclasses.dataclass(frozen=True)
class Drawing:
    """The flags for the size of the tables and the file of the image."""

    output: str = setting("Image file, such as positions.png.")
    num_positions: int = setting("Rows.", 20, least=1)
    num_dimensions: int = setting("Columns, D.", 512, least=2)


def draw(num_positions: int, model_dim: int) -> figure.Figure:
    """Draws the table of each form of `sinusoidal_encoding`.

    Args:
        num_positions: the number of positions, which are counted from 0.
        model_dim: D, the number of columns of a table.

    Raises:
        ValueError: `model_dim` is odd.
    """
    tables = {
        form: layers.sinusoidal_encoding(
            np.arange(num_positions), model_dim, form
        ).numpy()
        for form in sinusoids.FORMS
    }
    return summaries.position_figure(tables, _WIDTH)


@program.main(Drawing)
def main(drawing):
    picture = draw(drawing.num_positions, drawing.num_dimensions)
    picture.savefig(drawing.output)
    print(drawing.output)


if __name__ == "__main__":
    main.run()
