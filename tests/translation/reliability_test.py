"""Right words are found in order, and errors equal those of known bins."""

import itertools

import numpy as np
import pytest

from keras_transformer.translation import reliability


def is_subsequence(part, whole):
    words = iter(whole)
    return all(word in words for word in part)


class TestRightWords:
    def test_is_a_longest_common_subsequence(self):
        generator = np.random.default_rng(0)
        for _ in range(53):
            words, reference = (
                generator.choice(list("abc"), generator.integers(0, 8)).tolist()
                for _ in range(2)
            )
            right = reliability.right_words(words, reference)
            kept = list(itertools.compress(words, right))
            assert is_subsequence(kept, reference)
            # No longer part of the words is a subsequence of the reference.
            assert not any(
                is_subsequence(part, reference)
                for part in itertools.combinations(words, len(kept) + 1)
            )

    def test_a_word_counts_as_often_as_it_is_there(self):
        found = reliability.right_words(["the", "the", "cat"], ["the", "cat"])
        assert sum(found) == 2 and found[2]


class TestBins:
    def test_by_hand(self):
        found = reliability.bins([0.0, 0.05, 0.95, 1.0], [1, 0, 1, 1])
        assert found == [(0.0, 2, 0.025, 0.5), (0.9, 2, 0.975, 1.0)]
        assert reliability.calibration_error(found) == pytest.approx(
            (2 * 0.475 + 2 * 0.025) / 4
        )

    def test_exact_confidences_have_a_small_error(self):
        generator = np.random.default_rng(0)
        confidences = generator.random(20011)
        right = generator.random(20011) < confidences
        found = reliability.bins(confidences, right)
        assert len(found) == 10
        assert reliability.calibration_error(found) < 0.01
        shifted = reliability.bins(np.clip(confidences + 0.2, 0, 1), right)
        assert reliability.calibration_error(shifted) > 0.1


def test_the_diagram_shows_bar_and_mark():
    head, line = reliability.diagram([reliability.Bin(0.5, 7, 0.55, 0.25)])
    assert head.split() == ["confidence", "count", "mean", "right"]
    assert line.startswith("0.5 to 0.6        7  0.550  0.250  ##########  ")
    bar = line[len("0.5 to 0.6        7  0.550  0.250  ") :]
    assert bar.index("|") == 22
    assert bar.count("#") == 10
