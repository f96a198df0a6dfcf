"""The page assesses a translation as `kt.translation.assess` does."""

import numpy as np
import pytest

import keras_transformer as kt
from keras_transformer import interpretation
from keras_transformer.explorer import embedded_model
from tests.explorer import (
    calibrations,
    engine_calls,
    hostile_texts,
    translators,
)

pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.seconds]
ASSESS = """async ([data, calibration, rows]) => {
    const { Tokenizer } = await import("/engine/tokenizer.js");
    const { assess } = await import("/engine/assessment.js");
    const tokenizer = new Tokenizer(data);
    return rows.map(([sourceIds, ids, logProbs]) => assess(calibration,
        { tokenizer, ids: sourceIds }, { tokenizer, ids, logProbs }));
}"""
# Loops of the source and of the translation, unusual lengths, and words of many
# pieces.
PAIRS = [
    ("the cat", "le le le le chat"),
    ("the cat", "a cat a cat a cat"),
    ("cat cat cat cat", "a cat a cat a cat"),
    ("it was tired", "il"),
    ("it", "L'animal n'a pas traversé la rue parce qu'il était trop fatigué."),
    ("その動物は疲れていた", "その動物は疲れていたので通りを渡らなかった。"),
    ("the cat", "incompréhensiblement"),
    ("?!", "... !!! ---"),
    ("😀", "👩🏽‍🚀 ok"),
]


@pytest.fixture(scope="module")
def live():
    search = kt.search.BeamSearch(4, 3)
    return translators.translator_that_ends(search, seed=1)


def rows_of(tokenizer):
    """Returns texts, and hypotheses with random log-probabilities."""
    lines = hostile_texts.lines(120)
    pairs = [*PAIRS, *zip(lines, reversed(lines), strict=True)]
    generator = np.random.default_rng(0)
    end = tokenizer.special_ids.end
    hypotheses = []
    for _, target in pairs:
        [ids] = tokenizer.encode([target]).to_list()
        pieces = tokenizer.pieces([*ids, end])
        log_probs = -generator.exponential(size=len(pieces)).astype("float32")
        hypotheses.append(
            kt.translation.Hypothesis(target, 0.0, pieces, log_probs, None)
        )
    # For the blank text: its translation has no tokens.
    hypotheses.append(
        kt.translation.Hypothesis("", 0.0, [], np.zeros([0], "float32"), None)
    )
    return [*(source for source, _ in pairs), ""], hypotheses


@pytest.mark.grid
@pytest.mark.parametrize("name", ["TWO_POINTS", "OTHER"])
def test_hostile_lines(front_end, live, name):
    calibration = getattr(calibrations, name)
    tokenizer = live.tokenizer
    texts, hypotheses = rows_of(tokenizer)
    expected = kt.translation.assess(live, calibration, texts, hypotheses)
    numbers = {
        piece: number
        for number, piece in enumerate(
            tokenizer.pieces(range(tokenizer.vocabulary_size))
        )
    }
    end = tokenizer.special_ids.end
    actual = front_end.evaluate(
        ASSESS,
        [
            embedded_model.embed_model(live)["source_vocabulary"],
            calibration.as_json(),
            [
                (
                    [*tokenizer.encode_source([text]).to_list()[0], end],
                    [numbers[piece] for piece in one.tokens],
                    one.log_probs.tolist(),
                )
                for text, one in zip(texts, hypotheses, strict=True)
            ],
        ],
    )
    calibrations.assert_same_assessments(actual, expected)
    loops = [one.has_loop for one in expected[: len(PAIRS)]]
    assert loops == [True, True, *[False] * 7]
    assert {one.has_unusual_length for one in expected} == {True, False}
    assert expected[-1] == (1.0, [], [], False, False)


def test_each_hypothesis_of_a_search(front_end, live):
    calibration = calibrations.TWO_POINTS
    data = embedded_model.embed_model(live, calibration=calibration)
    engine = engine_calls.Engine(front_end, data)
    for text in translators.SENTENCES:
        [hypotheses] = live.hypotheses([text])
        assert len(hypotheses) == 3
        expected = kt.translation.assess(
            live, calibration, [text] * 3, hypotheses
        )
        actual = engine.trace(text)["assessments"]
        calibrations.assert_same_assessments(actual, expected)
        assert len({one.confidence for one in expected}) == 3


def test_a_given_translation(front_end, live):
    calibration = calibrations.TWO_POINTS
    data = embedded_model.embed_model(live, calibration=calibration)
    engine = engine_calls.Engine(front_end, data)
    text, target = translators.SENTENCES[0], "merci, le chat"
    recorded = interpretation.trace(live, text, target, calibration=calibration)
    actual = engine.trace(text, target=target)["assessments"]
    calibrations.assert_same_assessments(actual, recorded.assessments)
    assert [one["words"] for one in actual] == [["merci,", "le", "chat"]]


def test_without_a_calibration(front_end, live):
    data = embedded_model.embed_model(live)
    assert data["calibration"] is None
    # Older data have no field for the calibration.
    for each in (data, {k: v for k, v in data.items() if k != "calibration"}):
        engine = engine_calls.Engine(front_end, each)
        assert engine.trace(translators.SENTENCES[0])["assessments"] is None
