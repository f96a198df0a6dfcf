"""Attention images show the right score between the right tokens."""

import concurrent.futures
import gc
import warnings
import weakref

import matplotlib
import matplotlib.text
import numpy as np
import pytest
import tensorflow as tf

from keras_transformer import translation
from keras_transformer.summaries import attention_images, panel_layout
from tests.assertions import (
    assert_all_close,
    assert_all_equal,
    assert_not_all_equal,
)

# H, T and S are distinct primes.
NUM_HEADS, TARGET, SOURCE = 3, 7, 5
SOURCE_TOKENS = ["\u2581the", "\u2581animal", "\u2581cross", "ed", "</s>"]
TARGET_TOKENS = ["\u2581l", "'", "animal", "\u2581a", "\u2581tra", "v", "</s>"]
TARGET_INPUT_TOKENS = ["<s>"] + TARGET_TOKENS[:-1]


def random_scores(*shape, seed=0):
    scores = np.exp(np.random.default_rng(seed).normal(size=shape))
    return scores / scores.sum(axis=-1, keepdims=True)


def maps(num_layers=2):
    return translation.Explanation(
        SOURCE_TOKENS,
        TARGET_TOKENS,
        TARGET_INPUT_TOKENS,
        encoder=random_scores(num_layers, NUM_HEADS, SOURCE, SOURCE),
        decoder=random_scores(num_layers, NUM_HEADS, TARGET, TARGET),
        cross=random_scores(num_layers, NUM_HEADS, TARGET, SOURCE),
    )


def panels(figure):
    return [axes for axes in figure.axes if axes.get_label().startswith("head")]


def cell_colours(figure, axes, num_rows, num_columns):
    """Returns the pixels in the centres of the cells, from the upper left."""
    image = attention_images.figure_to_image(figure)
    height, width, _ = image.shape
    box = axes.get_position()
    top, left = (1 - box.y1) * height, box.x0 * width
    rows = top + (np.arange(num_rows) + 0.5) * box.height * height / num_rows
    columns = left + (np.arange(num_columns) + 0.5) * (
        box.width * width / num_columns
    )
    return image[np.ix_(rows.astype(int), columns.astype(int))]


def colour(weight):
    return np.round(np.array(matplotlib.colormaps["viridis"](weight)[:3]) * 255)


class TestAttentionFigure:
    @pytest.fixture(autouse=True)
    def collect_logs(self, caplog):
        self.log = caplog

    def test_one_panel_per_head_with_the_tokens_on_its_axes(self):
        figure = attention_images.attention_figure(
            random_scores(NUM_HEADS, TARGET, SOURCE),
            TARGET_TOKENS,
            SOURCE_TOKENS,
            "Layer 1",
        )
        drawn = panels(figure)
        assert len(drawn) == NUM_HEADS
        for number, axes in enumerate(drawn, start=1):
            assert axes.get_title(loc="left") == f"head {number}"
            assert [text.get_text() for text in axes.get_xticklabels()] == [
                "_the",
                "_animal",
                "_cross",
                "ed",
                "</s>",
            ]
            assert [text.get_text() for text in axes.get_yticklabels()] == [
                "_l",
                "'",
                "animal",
                "_a",
                "_tra",
                "v",
                "</s>",
            ]
            assert axes.xaxis.get_ticks_position() == "top"
            assert axes.get_xlabel() == "attends to"
            assert axes.get_ylabel() == "attends from"
        assert figure.texts[0].get_text() == "Layer 1"

    @pytest.mark.parametrize(
        ("row", "column"), [(0, 0), (0, 4), (6, 0), (3, 1)]
    )
    def test_a_one_hot_matrix_lights_its_cell_alone(self, row, column):
        scores = np.zeros((NUM_HEADS, TARGET, SOURCE))
        scores[1, row, column] = 1
        figure = attention_images.attention_figure(
            scores, TARGET_TOKENS, SOURCE_TOKENS, "Layer 1"
        )
        expected = np.tile(colour(0.0), (TARGET, SOURCE, 1))
        dark, lit, also_dark = (
            cell_colours(figure, axes, TARGET, SOURCE)
            for axes in panels(figure)
        )
        assert_all_close(dark, expected, atol=1)
        assert_all_close(also_dark, expected, atol=1)
        expected[row, column] = colour(1.0)
        assert_all_close(lit, expected, atol=1)

    def test_a_transposed_matrix_is_another_picture(self):
        scores = random_scores(NUM_HEADS, SOURCE, SOURCE)
        image, transposed = (
            attention_images.figure_to_image(
                attention_images.attention_figure(
                    scores_HTS, SOURCE_TOKENS, SOURCE_TOKENS, "Layer 1"
                )
            )
            for scores_HTS in (scores, scores.swapaxes(1, 2))
        )
        assert image.shape == transposed.shape
        assert_not_all_equal(image, transposed)

    def test_the_colour_of_a_weight_is_the_same_in_every_figure(self):
        for weight in (0.25, 0.5, 1.0):
            figure = attention_images.attention_figure(
                np.full((1, 2, 3), weight), ["a", "b"], ["c", "d", "e"], ""
            )
            cells = cell_colours(figure, panels(figure)[0], 2, 3)
            assert_all_close(cells, np.tile(colour(weight), (2, 3, 1)), atol=1)

    def test_cells_that_are_not_a_number_are_grey(self):
        scores = np.array([[[np.nan, 1.0]]])
        figure = attention_images.attention_figure(
            scores, ["a"], ["b", "c"], ""
        )
        bad, good = cell_colours(figure, panels(figure)[0], 1, 2)[0]
        assert_all_equal(bad, [211, 211, 211])
        assert_all_close(good, colour(1.0), atol=1)

    @pytest.mark.parametrize(
        ("num_heads", "rows", "columns"),
        [(1, 2, 3), (3, 7, 5), (5, 11, 13), (2, 43, 41)],
    )
    def test_no_text_is_cut_off_or_covered(self, num_heads, rows, columns):
        def tokens(length):
            return [f"\u2581Water{i}" for i in range(length)]

        figure = attention_images.attention_figure(
            random_scores(num_heads, rows, columns),
            tokens(rows),
            tokens(columns),
            "Encoder-decoder attention, layer 5 of 6",
        )
        image = attention_images.figure_to_image(figure)
        height, width, _ = image.shape
        axis_texts = []
        for axes in panels(figure):
            row_labels = axes.get_yticklabels()
            column_labels = axes.get_xticklabels()
            assert len(row_labels) == rows
            assert len(column_labels) == columns
            axis_texts += [*row_labels, *column_labels]
            axis_texts += [axes.xaxis.label, axes.yaxis.label]
            axis_texts += axes.findobj(
                lambda artist: (
                    isinstance(artist, matplotlib.text.Text)
                    and artist.get_text().startswith("head")
                )
            )
        bar = figure.axes[-1]
        axis_texts += [*bar.get_yticklabels(), bar.yaxis.label, *figure.texts]
        boxes = np.array(
            [text.get_window_extent().extents for text in axis_texts]
        )
        assert np.min(boxes) >= 0
        assert np.max(boxes[:, [0, 2]]) <= width
        assert np.max(boxes[:, [1, 3]]) <= height
        # Two boxes overlap if they overlap in both directions. One pixel is
        # allowed, because boxes are rounded up to whole pixels.
        low, high = boxes[:, None, :2], boxes[:, None, 2:]
        overlaps = np.all(
            (low + 1 < high.swapaxes(0, 1)) & (low.swapaxes(0, 1) + 1 < high),
            axis=-1,
        )
        assert_all_equal(overlaps, np.eye(len(boxes), dtype=bool))

    def test_long_sentences_keep_their_size_and_label_some_tokens(self):
        length = 211
        tokens = [f"t{i}" for i in range(length)]
        figure = attention_images.attention_figure(
            random_scores(5, length, length), tokens, tokens, "Layer 1"
        )
        image = attention_images.figure_to_image(figure)
        assert max(image.shape) <= panel_layout.MAX_SIDE
        (axes, *_) = panels(figure)
        labels = [text.get_text() for text in axes.get_xticklabels()]
        stride = int(axes.get_xticks()[1])
        assert stride > 1
        assert labels == tokens[::stride]

    def test_every_script_is_drawn_without_a_word(self):
        tokens = [
            "中文",
            "العربية",
            "हिन्दी",
            "😀",
            "👩‍👩‍👧",
            "$",
            "$x^{$",
            "\\frac",
            "",
        ]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            figure = attention_images.attention_figure(
                random_scores(2, len(tokens), len(tokens)),
                tokens,
                tokens,
                "中文 $5 and $6 😀",
            )
            image = attention_images.figure_to_image(figure)
        assert self.log.messages == []
        assert image.std() > 0
        labels = panels(figure)[0].get_yticklabels()
        assert labels[6].get_text() == "$x^{$"

    def test_threads_draw_the_same_and_figures_are_freed(self):
        def draw(seed):
            figure = attention_images.attention_figure(
                random_scores(2, TARGET, SOURCE, seed=seed),
                TARGET_TOKENS,
                SOURCE_TOKENS,
                "Layer 1",
            )
            image = attention_images.figure_to_image(figure)
            return image, weakref.ref(figure)

        expected = [draw(seed)[0] for seed in range(4)]
        assert_not_all_equal(expected[0], expected[1])
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            drawn = list(pool.map(draw, range(4)))
        for image, (image_in_thread, _) in zip(expected, drawn, strict=True):
            assert_all_equal(image, image_in_thread)
        gc.collect()
        assert [figure() for _, figure in drawn] == [None] * 4

    @pytest.mark.parametrize(
        ("shape", "message"),
        [
            (
                (TARGET, SOURCE),
                r"heads, 7, 5.*shape=\(7, 5\).*one token per row",
            ),
            ((1, SOURCE, TARGET), r"heads, 7, 5.*shape=\(1, 5, 7\)"),
            ((2, 1, TARGET, SOURCE), r"shape=\(2, 1, 7, 5\).*without a batch"),
            ((0, TARGET, SOURCE), r"at least one head.*shape=\(0, 7, 5\)"),
        ],
    )
    def test_scores_and_tokens_must_fit(self, shape, message):
        with pytest.raises(ValueError, match=message):
            attention_images.attention_figure(
                np.zeros(shape), TARGET_TOKENS, SOURCE_TOKENS, "Layer 1"
            )

    def test_an_empty_sentence_is_refused(self):
        with pytest.raises(ValueError, match=r"at least.*\(3, 0, 5\)"):
            attention_images.attention_figure(
                np.zeros((3, 0, 5)), [], SOURCE_TOKENS, "Layer 1"
            )


class TestAttentionFigures:
    def test_every_kind_and_layer_has_its_figure(self):
        figures = dict(attention_images.attention_figures(maps(num_layers=2)))
        assert list(figures) == [
            "encoder/layer_1",
            "encoder/layer_2",
            "decoder/layer_1",
            "decoder/layer_2",
            "encoder-decoder/layer_1",
            "encoder-decoder/layer_2",
        ]
        assert (
            figures["encoder-decoder/layer_2"].texts[0].get_text()
            == "Encoder-decoder attention, layer 2 of 2"
        )

    def test_rows_attend_to_columns(self):
        figures = dict(attention_images.attention_figures(maps(num_layers=1)))
        expected = {
            "encoder/layer_1": (SOURCE_TOKENS, SOURCE_TOKENS),
            "decoder/layer_1": (TARGET_INPUT_TOKENS, TARGET_INPUT_TOKENS),
            "encoder-decoder/layer_1": (TARGET_TOKENS, SOURCE_TOKENS),
        }
        for name, (rows, columns) in expected.items():
            assert len(panels(figures[name])) == NUM_HEADS
            for axes in panels(figures[name]):
                for labels, tokens in (
                    (axes.get_yticklabels(), rows),
                    (axes.get_xticklabels(), columns),
                ):
                    assert [text.get_text() for text in labels] == [
                        token.replace("\u2581", "_") for token in tokens
                    ]

    def test_each_figure_holds_its_own_scores(self):
        record = maps(num_layers=2)
        figures = dict(attention_images.attention_figures(record))
        for name, scores in (
            ("encoder", record.encoder),
            ("decoder", record.decoder),
            ("encoder-decoder", record.cross),
        ):
            for layer in range(2):
                drawn = [
                    axes.images[0].get_array()
                    for axes in panels(figures[f"{name}/layer_{layer + 1}"])
                ]
                assert_all_close(drawn, scores[layer])

    def test_tensors_of_any_precision_are_accepted(self):
        record = maps(num_layers=1)
        record = record._replace(
            encoder=tf.cast(record.encoder, tf.bfloat16),
            decoder=tf.cast(record.decoder, tf.float16),
            cross=tf.constant(record.cross),
        )
        assert len(list(attention_images.attention_figures(record))) == 3

    def test_one_sentence_only(self):
        record = maps()
        record = record._replace(decoder=record.decoder[None])
        with pytest.raises(
            ValueError,
            match=r"decoder scores.*shape=\(1, 2, 3, 7, 7\).*batch axis",
        ):
            list(attention_images.attention_figures(record))
