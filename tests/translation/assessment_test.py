"""Translations get the same assessment in a graph and outside a graph."""

import numpy as np
import pytest
import tensorflow as tf

from keras_transformer import translation
from keras_transformer.translation import defects
from tests.translation import loops

pytestmark = pytest.mark.seconds

TEXTS, CALIBRATION = loops.TEXTS, loops.CALIBRATION


@pytest.fixture(scope="module")
def translator():
    return loops.translator()


@pytest.fixture(scope="module")
def best():
    return [hypotheses[0] for hypotheses in loops.hypotheses()]


@pytest.fixture(scope="module")
def assessments(translator, best):
    return translation.assess(translator, CALIBRATION, TEXTS, best)


def test_probabilities_are_those_of_the_curves(translator, best, assessments):
    end = translator.tokenizer.pieces([translator.tokenizer.special_ids.end])
    for one, assessed in zip(best, assessments, strict=True):
        if not one.text:
            assert assessed == (1.0, [], [], False, False)
            continue
        assert assessed.words == one.text.split()
        assert assessed.confidence == pytest.approx(
            1 + np.mean(one.log_probs) / 20, abs=1e-6
        )
        # The end token belongs to no word.
        total = sum(30 * (p - 1) for p in assessed.word_confidences)
        is_end = one.tokens[-1:] == end
        expected = one.log_probs[: len(one.tokens) - is_end].sum()
        assert total == pytest.approx(expected, abs=1e-3)
    assert len({assessed.confidence for assessed in assessments}) > 3


def test_the_same_in_a_graph(translator, best, assessments):
    outputs = translation.assess_in_graph(
        translator, CALIBRATION, tf.constant(TEXTS)
    )
    plain = translator(tf.constant(TEXTS))
    for name in ("translation", "score"):
        assert (outputs[name].numpy() == plain[name].numpy()).all()
    np.testing.assert_allclose(
        outputs["confidence"], [a.confidence for a in assessments], atol=1e-5
    )
    for row, assessed in enumerate(assessments):
        count = len(assessed.words)
        words = [word.decode() for word in outputs["words"].numpy()[row]]
        assert words[:count] == assessed.words
        assert set(words[count:]) <= {""}
        np.testing.assert_allclose(
            outputs["word_confidence"][row, :count],
            assessed.word_confidences,
            atol=1e-5,
        )
        assert not np.any(outputs["word_confidence"][row, count:])
        assert bool(outputs["has_loop"][row]) == assessed.has_loop
        assert not outputs["has_unusual_length"][row]


def test_an_empty_batch(translator):
    outputs = translation.assess_in_graph(
        translator, CALIBRATION, tf.zeros([0], tf.string)
    )
    assert all(value.shape[0] == 0 for value in outputs.values())
    assert translation.assess(translator, CALIBRATION, [], []) == []


def test_n_best_lists_have_the_confidence_of_each(translator):
    outputs = translation.n_best_in_graph(
        translator, CALIBRATION, tf.constant(TEXTS)
    )
    plain = translator.n_best(tf.constant(TEXTS))
    for name in ("translations", "scores"):
        assert (outputs[name].numpy() == plain[name].numpy()).all()
    for row, hypotheses in enumerate(loops.hypotheses()):
        expected = [
            1 + np.mean(h.log_probs) / 20 if h.text else 1.0 for h in hypotheses
        ]
        found = outputs["confidences"].numpy()[row]
        np.testing.assert_allclose(found[: len(expected)], expected, atol=1e-5)
        assert not found[len(expected) :].any()


def test_an_empty_translation_of_a_text_is_as_sure_as_its_end(translator):
    end = translator.tokenizer.pieces([translator.tokenizer.special_ids.end])
    log_probs = np.array([-5.0], "float32")
    empty = translation.Hypothesis("", -5.0, end, log_probs, None)
    [assessed] = translation.assess(translator, CALIBRATION, ["cats"], [empty])
    assert (assessed.confidence, assessed.words) == (0.75, [])


class TestDefects:
    def hypothesis(self, translator, text):
        tokenizer = translator.target_tokenizer
        [ids] = tokenizer.encode([text]).to_list()
        pieces = tokenizer.pieces([*ids, tokenizer.special_ids.end])
        log_probs = np.full([len(pieces)], -1.0, "float32")
        return translation.Hypothesis(text, -1.0, pieces, log_probs, None)

    def flags(self, translator, calibration, texts, targets):
        assessed = translation.assess(
            translator,
            calibration,
            texts,
            [self.hypothesis(translator, target) for target in targets],
        )
        return [(a.has_loop, a.has_unusual_length) for a in assessed]

    def test_a_loop_of_the_source_may_be_translated(self, translator):
        loop = "cat " * 7
        assert self.flags(
            translator,
            CALIBRATION,
            ["a cat", "a dog ran", "dog " * 5],
            [loop, "a dog", loop],
        ) == [(True, False), (False, False), (False, False)]

    def test_a_length_is_compared_with_the_source(self, translator):
        strict = translation.Calibration(
            CALIBRATION.words,
            CALIBRATION.sentences,
            defects.LengthModel(1, 0.1),
        )
        long = "the cat sat on a mat and dogs ran away"
        assert self.flags(
            translator,
            strict,
            ["the cat", long, long],
            ["the cat", "cat", long],
        ) == [(False, False), (False, True), (False, False)]
