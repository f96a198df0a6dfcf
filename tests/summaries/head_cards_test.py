"""The cards of four heads and fifteen tokens are legible in TensorBoard."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from keras_transformer import summaries
from tests.assertions import assert_all_equal

TOKENS = [
    *("\u2581The", "\u2581animal", "\u2581didn", "'", "t", "\u2581cross"),
    *("\u2581the", "\u2581street", "\u2581because", "\u2581it", "\u2581was"),
    *("\u2581too", "\u2581tired", ".", "</s>"),
]


def weights(heads, rows, columns):
    scores = np.random.default_rng(0).uniform(size=(heads, rows, columns))
    return np.float32(scores / scores.sum(-1, keepdims=True))


def labels_of(figure):
    """Returns the boxes of row labels and of column labels, in pixels."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    (axes,) = figure.axes
    return [
        [label.get_window_extent(renderer) for label in axis]
        for axis in (axes.get_yticklabels(), axes.get_xticklabels())
    ]


def assert_apart(boxes):
    for first, second in zip(boxes, boxes[1:], strict=False):
        assert not first.overlaps(second)


def test_four_heads_of_fifteen_tokens():
    scores = weights(4, 15, 15)
    figures = summaries.attention_cards(scores, TOKENS, TOKENS, "Layer 1")
    assert len(figures) == 4
    for head, figure in enumerate(figures):
        assert figure.texts[0].get_text() == f"Layer 1, head {head + 1}"
        image = summaries.figure_to_image(figure)
        # TensorBoard shows an image of this size without scaling it down.
        assert image.shape == (212, 324, 3)
        (axes,) = figure.axes
        assert_all_equal(axes.get_images()[0].get_array(), scores[head])
        names = [each.get_text() for each in axes.get_yticklabels()]
        assert names == [token.replace("\u2581", "_") for token in TOKENS]
        for boxes in labels_of(figure):
            assert len(boxes) == 15
            assert_apart(boxes)
            for box in boxes:
                assert 0 <= box.x0 and box.x1 <= image.shape[1]
                assert 0 <= box.y0 and box.y1 <= image.shape[0]


@pytest.mark.parametrize("shape", [(1, 53, 47), (1, 1, 1), (2, 7, 101)])
def test_other_sizes_keep_labels_apart(shape):
    _, rows, columns = shape
    *_, figure = summaries.attention_cards(
        weights(*shape), ["\u2581word"] * rows, ["long" * 9] * columns, "title"
    )
    assert summaries.figure_to_image(figure).shape == (212, 324, 3)
    for boxes in labels_of(figure):
        assert_apart(boxes)


def test_scores_are_checked():
    with pytest.raises(ValueError, match=r"\(heads, 2, 1\)"):
        summaries.attention_cards(np.zeros((1, 1, 2)), ["a", "b"], ["c"], "")
