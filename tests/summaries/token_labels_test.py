"""Labels are readable, can be drawn, and are measured correctly."""

import warnings
from unittest import mock

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from keras_transformer.summaries import token_labels
from tests.assertions import assert_all_close


class TestLabel:
    @pytest.mark.parametrize(
        ("token", "expected"),
        [
            ("street", "street"),
            ("\u2581street", "_street"),
            ("\u2581", "_"),
            ("</s>", "</s>"),
            ("$x$", "$x$"),
            (" ", "\u2423"),
            ("a\nb\tc", "a\\nb\\tc"),
            ("zero\u200dwidth", "zero\\u200dwidth"),
            ("été", "été"),
            ("العربية", "العربية"),
            ("\U0010fffd", "\\U0010fffd"),  # Private use.
        ],
    )
    def test_label(self, token, expected):
        assert token_labels.label(token) == expected

    def test_characters_without_a_font_become_boxes(self):
        with mock.patch.object(
            token_labels, "covered_characters", return_value={ord("a")}
        ):
            assert token_labels.label("ab\u4e2d") == "a\u25a1\u25a1"

    def test_long_tokens_lose_their_middle(self):
        label = token_labels.label("abcdefghijklmnopqrstuvwxyz")
        assert label == "abcdefgh\u2026tuvwxyz"
        assert token_labels.label("abcdefghijklmnop") == label[:8] + "ijklmnop"


class TestFonts:
    def test_the_font_of_matplotlib_is_the_first_choice(self):
        assert token_labels.font_families()[0] == "DejaVu Sans"

    def test_covered_characters_are_drawn_without_a_warning(self):
        covered = token_labels.covered_characters()
        text = "".join(
            chr(code) for code in sorted(covered)[:2000] if chr(code).isalnum()
        )
        assert len(text) > 500
        figure = Figure()
        figure.text(0, 0, text, family=token_labels.font_families())
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            FigureCanvasAgg(figure).draw()


class TestLongest:
    def test_longest_agrees_with_the_drawn_width(self):
        figure = Figure(dpi=100)
        renderer = FigureCanvasAgg(figure).get_renderer()
        labels = ["il", "l'animal", "n'"]
        drawn = figure.text(
            0, 0, labels[1], fontsize=72, family=token_labels.font_families()
        )
        width = drawn.get_window_extent(renderer).width
        assert_all_close(
            token_labels.longest(labels, renderer), width / 100, rtol=0.02
        )

    def test_bold_is_wider_and_nothing_has_no_width(self):
        renderer = FigureCanvasAgg(Figure()).get_renderer()
        assert token_labels.longest(
            ["street"], renderer, "bold"
        ) > token_labels.longest(["street"], renderer)
        assert token_labels.longest([], renderer) == 0
