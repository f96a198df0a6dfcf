"""The card of four heads and fifteen tokens is legible as it is shown."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from keras_transformer import summaries
from keras_transformer.summaries import attention_cards
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
    """The boxes of all labels of rows and columns, in pixels."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    return [
        [label.get_window_extent(renderer) for label in axis]
        for axes in figure.axes
        for axis in (axes.get_yticklabels(), axes.get_xticklabels())
        if len(axis)
    ]


def test_four_heads_of_fifteen_tokens():
    scores = weights(4, 15, 15)
    figure = summaries.attention_card(
        scores, TOKENS, TOKENS, "Encoder, layer 1"
    )
    image = summaries.figure_to_image(figure)
    # It is not scaled down, and needs no scroll bar.
    assert image.shape[1] == attention_cards.WIDTH
    assert image.shape[0] <= 1024
    assert len(figure.axes) == 4
    for head, axes in enumerate(figure.axes):
        assert_all_equal(axes.get_images()[0].get_array(), scores[head])
        names = [each.get_text() for each in axes.get_yticklabels()]
        assert names == [token.replace("\u2581", "_") for token in TOKENS]
    boxes = labels_of(figure)
    assert [len(each) for each in boxes] == [15] * 5
    for group in boxes:
        for first, second in zip(group, group[1:], strict=False):
            assert not first.overlaps(second)
        for box in group:
            assert 0 <= box.x0 and box.x1 <= image.shape[1]
            assert 0 <= box.y0 and box.y1 <= image.shape[0]


@pytest.mark.parametrize("shape", [(8, 53, 47), (1, 1, 1), (16, 7, 101)])
def test_other_sizes_keep_the_width_and_their_labels_apart(shape):
    _, rows, columns = shape
    figure = summaries.attention_card(
        weights(*shape), ["\u2581word"] * rows, ["long" * 9] * columns, "title"
    )
    assert summaries.figure_to_image(figure).shape[1] == attention_cards.WIDTH
    for group in labels_of(figure):
        for first, second in zip(group, group[1:], strict=False):
            assert not first.overlaps(second)


def test_scores_are_checked():
    with pytest.raises(ValueError, match=r"\(heads, 2, 1\)"):
        summaries.attention_card(np.zeros((1, 1, 2)), ["a", "b"], ["c"], "")
