"""Loops and unusual lengths are found; good translations are not flagged."""

import numpy as np
import pytest
import tensorflow as tf

import keras_transformer as kt
from keras_transformer.translation import defects


def have_loops(rows):
    lengths = [len(row) for row in rows]
    ids = tf.ragged.constant(rows, tf.int32).to_tensor(0)
    return defects.have_loops(ids, tf.constant(lengths)).numpy().tolist()


def made_up_loops(count=50):
    """Returns sequences that repeat a part of 1 to 12 tokens."""
    generator = np.random.default_rng(0)
    rows = []
    for number in range(count):
        period = 1 + number % 12
        part = generator.choice(1000, period, replace=False)
        # One token is repeated at least 4 times, a longer part at least 3
        # times.
        times = generator.integers(4 if period == 1 else 3, 9)
        before, after = (
            generator.choice(1000, generator.integers(0, 9), replace=False)
            + 1000
            for _ in range(2)
        )
        rows.append([*before, *np.tile(part, times), *after])
    return rows


class TestHaveLoops:
    def test_all_made_up_loops(self):
        assert have_loops(made_up_loops()) == [True] * 50

    def test_each_alone_and_beside_others(self):
        rows = [*made_up_loops(13), [1, 2, 3], [5]]
        assert have_loops(rows) == [have_loops([row])[0] for row in rows]

    @pytest.mark.parametrize(
        "row",
        [
            [],
            [5],
            # "very very very good"
            [5, 5, 5, 7],
            # "step by step by step"
            [1, 5, 6, 5, 6, 5, 7],
            # A phrase of three tokens that occurs twice.
            [5, 6, 7, 5, 6, 7, 8],
            # Words that occur again, but not directly one after another.
            [5, 6, 7, 8, 9, 5, 6, 7, 8],
        ],
    )
    def test_what_is_no_loop(self, row):
        assert have_loops([row, [1, 2, 3, 4, 5, 6, 7, 8, 9]])[0] is False

    def test_padding_is_no_loop(self):
        ids = tf.constant([[5, 0, 0, 0, 0, 0, 0]])
        assert not defects.have_loops(ids, tf.constant([1])).numpy()[0]

    def test_natural_sequences_are_hardly_ever_flagged(self):
        # Words with the frequencies of a natural language. They repeat by
        # chance.
        generator = np.random.default_rng(0)
        weights = 1 / np.arange(1, 2001)
        rows = generator.choice(2000, [1009, 23], p=weights / weights.sum())
        assert np.mean(have_loops(rows.tolist())) < 0.01


class TestLengths:
    def test_fit(self):
        model = defects.fit_lengths([4, 9, 16], [6, 12, 22])
        ratio = 40 / 29
        squares = [
            (target - ratio * source) ** 2 / source
            for source, target in ((4, 6), (9, 12), (16, 22))
        ]
        np.testing.assert_allclose(
            model, [ratio, np.sqrt(np.mean(squares))], rtol=1e-12
        )

    def test_far_too_long_and_far_too_short(self):
        model = defects.LengthModel(ratio=1.0, deviation=0.5)
        # For a source of 16 tokens, five standard deviations are 10 tokens.
        targets = [5, 6, 16, 26, 27]
        found = model.are_unusual([16] * 5, targets).numpy().tolist()
        assert found == [True, False, False, False, True]

    def test_one_token_more_is_never_unusual(self):
        exact = defects.LengthModel(ratio=1.0, deviation=0.0)
        found = exact.are_unusual([7, 7, 7], [6, 8, 9]).numpy().tolist()
        assert found == [False, False, True]

    def test_good_translations_of_any_length(self):
        generator = np.random.default_rng(0)
        sources = generator.integers(1, 61, 5003)
        targets = np.maximum(
            generator.poisson(1.2 * sources), 1
        )  # The variance grows with the length.
        model = defects.fit_lengths(sources, targets)
        assert np.mean(model.are_unusual(sources, targets)) < 0.001
        assert np.mean(model.are_unusual(sources, 4 * targets + 7)) > 0.9


@pytest.mark.parametrize(
    ("prefix", "count", "is_unusual"),
    [((), 5, True), ((), 4, False), ((9,), 5, False), ((9,), 2, True)],
)
def test_first_tokens_of_every_translation_are_no_length(
    prefix, count, is_unusual
):
    # A good translation has two to four tokens; the source has three.
    row = [*prefix, *range(11, 11 + count - len(prefix)), 2]
    _, found = defects.of_translations(
        tf.constant([[5, 6, 7, 2]]),
        tf.constant([row]),
        tf.constant([len(row)]),
        (kt.text.SpecialIds(), kt.text.SpecialIds(target_prefix=prefix)),
        defects.LengthModel(ratio=1.0, deviation=0.0),
    )
    assert found.numpy().tolist() == [is_unusual]
