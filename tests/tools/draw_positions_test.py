"""The picture of the positions shows every table as it is."""

import numpy as np
import pytest

from keras_transformer import layers
from keras_transformer.layers import sinusoids
from tests.tools import in_process
from tools import draw_positions


def test_a_panel_for_each_table():
    drawing = draw_positions.draw(num_positions=7, model_dim=26)
    panels = drawing.axes[: len(sinusoids.FORMS)]
    assert [p.get_title(loc="left") for p in panels] == list(sinusoids.FORMS)
    for panel, form in zip(panels, sinusoids.FORMS, strict=True):
        [image] = panel.get_images()
        np.testing.assert_array_equal(
            image.get_array(),
            layers.sinusoidal_encoding(np.arange(7), 26, form),
        )


def test_an_odd_size_is_refused():
    with pytest.raises(ValueError, match="even `model_dim`.*25"):
        draw_positions.draw(7, 25)


def test_the_command_writes_a_picture(tmp_path):
    path = tmp_path / "positions.png"
    done = in_process.call(
        "draw_positions", f"--output={path}", "--num_dimensions=26"
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_picture_that_cannot_be_written_is_an_error(tmp_path):
    done = in_process.call(
        "draw_positions",
        f"--output={tmp_path}/nowhere/positions.png",
        "--num_positions=7",
        "--num_dimensions=26",
    )
    assert done.returncode == 1
    [line] = done.stderr.decode().splitlines()
    assert line.startswith("error: ") and "nowhere" in line
