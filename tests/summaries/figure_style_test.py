"""Scores of a wrong shape are refused. Text is not read as a formula."""

import numpy as np
import pytest

from keras_transformer.summaries import figure_style


@pytest.mark.parametrize("shape", [(3, 5), (2, 3, 7), (2, 5, 3)])
def test_the_shape_of_scores(shape):
    with pytest.raises(ValueError, match=r"\(heads, 3, 5\).*Received: shape="):
        figure_style.checked_scores(np.zeros(shape), 3, 5)


def test_there_is_at_least_one_head():
    with pytest.raises(ValueError, match="at least one head"):
        figure_style.checked_scores(np.zeros((0, 3, 5)), 3, 5)


def test_text():
    text = figure_style.text(25)
    assert text["fontsize"] == 18  # In points. An inch has 72 points.
    assert not text["parse_math"]
