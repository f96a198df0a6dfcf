"""Translations with a defect are searched again, in Python and in a graph."""

import numpy as np
import pytest
import tensorflow as tf

import keras_transformer as kt
from keras_transformer import translation
from keras_transformer.translation import defects, repairing
from tests import graphs
from tests.translation import loops

pytestmark = pytest.mark.seconds

TEXTS, CALIBRATION = loops.TEXTS, loops.CALIBRATION


@pytest.fixture(scope="module")
def plain():
    return loops.translator()


@pytest.fixture(scope="module")
def repaired(plain):
    return translation.RepairingTranslator(plain, CALIBRATION.lengths)


@pytest.fixture(scope="module")
def before():
    return loops.hypotheses()


@pytest.fixture(scope="module")
def after(repaired):
    return repaired.hypotheses(TEXTS)


@pytest.fixture(scope="module")
def are_wrong(plain, before):
    return have_loops(plain, TEXTS, before)


def have_loops(translator, texts, hypotheses):
    best = [row[0] for row in hypotheses]
    assessed = translation.assess(translator, CALIBRATION, texts, best)
    return [one.has_loop for one in assessed]


def test_only_translations_with_a_defect_change(
    plain, before, after, are_wrong
):
    assert 0 < sum(are_wrong) < len(TEXTS)
    assert not any(have_loops(plain, TEXTS, after))
    for old, new, is_wrong in zip(before, after, are_wrong, strict=True):
        assert (old[0].text != new[0].text) == is_wrong
        assert len(old) == len(new)
        if not is_wrong:
            assert [one.text for one in old] == [one.text for one in new]


def test_hypotheses_are_those_of_the_second_search(plain, after, are_wrong):
    second = plain.with_search(repairing.second_search(plain.search))
    with graphs.run_as_python():
        found = second.hypotheses(TEXTS)
    for row, answers in enumerate(found):
        if not are_wrong[row]:
            continue
        for mine, expected in zip(after[row], answers, strict=True):
            assert mine.text == expected.text
            assert mine.tokens == expected.tokens
            assert mine.score == pytest.approx(expected.score, abs=1e-5)
            np.testing.assert_allclose(
                mine.log_probs, expected.log_probs, atol=1e-5
            )


@pytest.mark.grid
def test_the_same_in_a_graph(repaired, after):
    strings = tf.constant(TEXTS)
    best = repaired(strings)
    lists = repaired.n_best(strings)
    for row, hypotheses in enumerate(after):
        assert best["translation"][row] == hypotheses[0].text.encode()
        assert float(best["score"][row]) == pytest.approx(
            hypotheses[0].score, 1e-5
        )
        texts = [text.decode() for text in lists["translations"][row].numpy()]
        assert texts[: len(hypotheses)] == [one.text for one in hypotheses]


@pytest.mark.grid
def test_a_saved_model_repairs(repaired, after, tmp_path):
    kt.export.save(repaired, tmp_path / "1", signatures=[])
    kt.export.check(tmp_path / "1", repaired, TEXTS)
    serve = tf.saved_model.load(str(tmp_path / "1")).signatures
    served = serve["serving_default"](text=tf.constant(TEXTS))["translation"]
    assert [text.decode() for text in served.numpy()] == [
        hypotheses[0].text for hypotheses in after
    ]


def test_a_row_does_not_depend_on_its_neighbours(repaired, after):
    for text, expected in zip(TEXTS, after, strict=True):
        [alone] = repaired.hypotheses([text])
        assert [one.text for one in alone] == [one.text for one in expected]


@pytest.fixture(scope="module")
def with_all_arguments(repaired):
    """Returns prefixes, and the hypotheses with these prefixes, aligned."""
    # Two texts without a prefix are not blank. Of these, the second search
    # translates one again.
    prefixes = ["cats", "", "", "dogs", "", ""]
    with graphs.run_as_python():
        return prefixes, repaired.hypotheses(
            TEXTS, prefixes=prefixes, align=True
        )


def test_words_are_aligned_in_both_searches(
    with_all_arguments, after, are_wrong
):
    repairs = set()
    for text, expected, is_wrong, prefix, [best, *_] in zip(
        TEXTS, after, are_wrong, *with_all_arguments, strict=True
    ):
        if not prefix:
            assert best.text == expected[0].text
        if text.strip():
            words = [len(best.text.split()), len(text.split())]
            assert list(best.alignment.shape) == words
            np.testing.assert_allclose(best.alignment.sum(axis=1), 1, atol=1e-5)
            if not prefix:
                repairs.add(is_wrong)
    assert repairs == {False, True}


def test_prefixes_are_kept(with_all_arguments, plain):
    prefixes, answers = with_all_arguments
    assert not any(have_loops(plain, TEXTS, answers))
    for text, prefix, [best, *_] in zip(TEXTS, prefixes, answers, strict=True):
        if text.strip():
            assert best.text.startswith(prefix)


def test_a_translation_that_is_no_better_does_not_replace(plain, before):
    # Every translation has an unusual length, also those of the second search.
    expected = defects.LengthModel(99.0, 0.01)
    strict = translation.RepairingTranslator(plain, expected)
    with graphs.run_as_python():
        found = strict.hypotheses(TEXTS)
    assert [row[0].text for row in found] == [row[0].text for row in before]


def test_a_copy_repairs_too(repaired):
    copy = repaired.with_n_best(1).with_model(repaired.model)
    assert isinstance(copy, translation.RepairingTranslator)
    assert copy.expected == CALIBRATION.lengths
    assert copy.search.top_beams == 1


def test_an_empty_batch(repaired):
    with graphs.run_as_python():
        answer = repaired(tf.zeros([0], tf.string))
    assert answer["score"].shape == [0]


class TestSecondSearch:
    def test_is_as_strict_as_the_first(self):
        first = kt.search.BeamSearch(
            5,
            coverage=0.7,
            alpha=0.2,
            constraints=kt.search.Constraints(
                no_repeat_ngram_size=2, banned_ids=(7,)
            ),
        )
        second = repairing.second_search(first)
        assert (second.beam_size, second.coverage, second.alpha) == (
            5,
            0.7,
            0.2,
        )
        assert second.constraints == first.constraints

    def test_needs_a_beam_search(self, plain):
        greedy = plain.with_search(kt.search.GreedySearch())
        with pytest.raises(ValueError, match="Received: GreedySearch.*BeamSea"):
            translation.RepairingTranslator(greedy, CALIBRATION.lengths)

    def test_is_not_compiled(self, plain):
        compiled = translation.Translator(
            plain.model, plain.tokenizer, jit_compile=True
        )
        with pytest.raises(ValueError, match="Received: .* jit_compile=True"):
            translation.RepairingTranslator(compiled, CALIBRATION.lengths)
