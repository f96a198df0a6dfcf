"""A calibration turns log-probabilities into shares of right words."""

import json

import numpy as np
import pytest

from keras_transformer.translation import (
    confidence,
    defects,
    isotonic,
    reliability,
    word_scores,
)

LENGTHS = defects.LengthModel(1.25, 0.5)


def translations(count, seed):
    """Makes translations whose words are right with a known probability.

    A word of log-probability x is right with probability exp(x / 3). So the
    model is less sure than it could be.
    """
    generator = np.random.default_rng(seed)
    words, references, log_probs = [], [], []
    for row in range(count):
        size = generator.integers(1, 14)
        # Words differ, so that a wrong word is not right at another position.
        words.append([f"w{row}_{i}" for i in range(size)])
        log_probs.append((-generator.exponential(1.5, size)).tolist())
        right = generator.random(size) < np.exp(np.array(log_probs[-1]) / 3)
        references.append(
            " ".join(
                word if is_right else "other"
                for word, is_right in zip(words[-1], right, strict=True)
            )
        )
    means = [float(np.mean(row)) for row in log_probs]
    return word_scores.WordScores(words, log_probs, means), references


class TestFit:
    def test_words_that_were_not_learned_from(self):
        fitted = confidence.fit(*translations(1009, 0), LENGTHS)
        scored, references = translations(997, 1)
        confidences = fitted.words.at(np.concatenate(scored.log_probs))
        right = np.concatenate(confidence.right_words(scored, references))
        error = reliability.calibration_error(
            reliability.bins(confidences, right)
        )
        assert error < 0.02
        # Without calibration, the model's probabilities have a large error.
        own = reliability.bins(np.exp(np.concatenate(scored.log_probs)), right)
        assert reliability.calibration_error(own) > 0.2
        x = np.array([-4.0, -2.0, -1.0, -0.25])
        np.testing.assert_allclose(fitted.words.at(x), np.exp(x / 3), atol=0.06)

    def test_sentences_have_the_share_of_their_right_words(self):
        scored, references = translations(2003, 0)
        fitted = confidence.fit(scored, references, LENGTHS)
        shares = [
            np.mean(r) for r in confidence.right_words(scored, references)
        ]
        confidences = fitted.sentences.at(scored.means)
        bins = reliability.bins(confidences, shares)
        assert reliability.calibration_error(bins) < 0.02
        assert np.ptp(confidences) > 0.5

    def test_translations_without_words_do_not_count(self):
        scored, references = translations(53, 0)
        with_empty = word_scores.WordScores(
            [[], *scored.words], [[], *scored.log_probs], [-9.0, *scored.means]
        )
        assert confidence.fit(
            with_empty, ["", *references], LENGTHS
        ) == confidence.fit(scored, references, LENGTHS)

    def test_translations_without_any_word_are_refused(self):
        scored = word_scores.WordScores([[], []], [[], []], [-9.0, -8.0])
        with pytest.raises(ValueError, match="2 translations without a word"):
            confidence.fit(scored, ["un chat", "un chien"], LENGTHS)


class TestJson:
    calibration = confidence.Calibration(
        isotonic.Curve((-2.0, -0.1), (0.1, 0.9)),
        isotonic.Curve((-1.0,), (0.5,)),
        LENGTHS,
    )

    def test_there_and_back(self):
        text = json.dumps(self.calibration.as_json())
        made = confidence.Calibration.from_json(json.loads(text))
        assert made == self.calibration

    @pytest.mark.parametrize(
        "change",
        [
            {"words": {"x": [1.0]}},
            {"lengths": {"ratio": 1.0}},
            {"sentences": None},
            {"words": {"x": ["a"], "y": [1.0]}},
        ],
    )
    def test_other_values(self, change):
        with pytest.raises(ValueError, match="Not a calibration"):
            confidence.Calibration.from_json(
                {**self.calibration.as_json(), **change}
            )
