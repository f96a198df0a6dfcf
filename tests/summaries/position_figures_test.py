"""Each panel shows a table of positions without changes."""

import numpy as np

from keras_transformer import summaries
from tests.assertions import assert_all_equal


def test_a_panel_for_each_table():
    tables = {name: np.full((5, 7), i / 3) for i, name in enumerate("ab")}
    figure = summaries.position_figure(tables, width=331)
    panels = figure.axes[:2]
    assert [panel.get_title("left") for panel in panels] == ["a", "b"]
    for panel, table in zip(panels, tables.values(), strict=True):
        (image,) = panel.get_images()
        assert_all_equal(image.get_array(), table)
        assert image.get_clim() == (-1, 1)
    assert summaries.figure_to_image(figure).shape == (350, 331, 3)
