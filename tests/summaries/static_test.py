"""Figures and texts that do not change are written once."""

import tensorflow as tf
from matplotlib.figure import Figure

from keras_transformer import summaries
from tests.assertions import assert_all_equal
from tests.summaries import events
from tests.training.small_model import fit, make


def test_figures_and_texts_before_the_first_step(tmp_path):
    figure = Figure(figsize=(3, 2), dpi=50)
    callback = summaries.StaticSummaries(
        tmp_path, {"positions": lambda: figure}, {"architecture": "2 blocks"}
    )
    model = make()
    fit(model, callback, epochs=2)
    # A run that continues already has these summaries.
    fit(model, callback)
    (image_step, image), (text_step, text) = events.values(tmp_path)
    assert (image_step, text_step) == (0, 0)
    assert (image.tag, text.tag) == ("positions", "architecture")
    _, _, png = tf.make_ndarray(image.tensor)
    expected = summaries.figure_to_image(figure)
    assert_all_equal(tf.io.decode_png(png), expected)
    assert tf.make_ndarray(text.tensor).item() == b"2 blocks"
