"""The trace of the browser is the trace of Python, number by number."""

import json

import numpy as np
import pytest

from keras_transformer.explorer import embedded_model
from keras_transformer.search import BeamSearch, GreedySearch
from tests.explorer import engine_calls, translators, variants

interpretation = pytest.importorskip("keras_transformer.interpretation")

pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.seconds]

# Both compute in float32, in which 24 bits are exact, and sum in other orders.
TOLERANCE = 1e-5


def assert_close(name, actual, expected):
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape, name
    limit = TOLERANCE * np.abs(expected).max(initial=1e-9)
    error = np.abs(actual - expected).max(initial=0)
    assert error <= limit, (name, error, limit)


def assert_same_tokens(actual, expected):
    assert len(actual) == len(expected)
    for now, then in zip(actual, expected, strict=True):
        assert now["ids"] == then["ids"]
        assert now["tokens"] == then["tokens"]
        logits = [each["logits"] for each in (now, then)]
        assert_close("logits", *logits)
        normalizers = [[each["log_normalizer"]] for each in (now, then)]
        assert_close("log_normalizer", *normalizers)


def assert_same_hypotheses(actual, expected):
    assert [each["ids"] for each in actual] == [
        each["ids"] for each in expected
    ]
    for now, then in zip(actual, expected, strict=True):
        assert now["parent"] == then["parent"]
        for name in ("log_probability", "score"):
            assert now[name] == pytest.approx(then[name], rel=TOLERANCE)


def assert_same_search(actual, expected):
    assert actual["kind"] == expected["kind"]
    assert actual["settings"] == expected["settings"]
    assert len(actual["steps"]) == len(expected["steps"])
    for now, then in zip(actual["steps"], expected["steps"], strict=True):
        for kind in ("live", "finished", "dropped"):
            assert_same_hypotheses(now[kind], then[kind])
    assert_same_hypotheses(actual["hypotheses"], expected["hypotheses"])


def assert_same(page, live, text, target=None):
    engine = engine_calls.Engine(page, embedded_model.embed_model(live))
    actual = engine.trace(text, target=target, candidates=50)
    recorded = interpretation.trace(live, text, target)
    expected = json.loads(recorded.to_json())
    for name in ("schema", "version", "model", "source", "target"):
        assert actual[name] == expected[name], name
    assert list(actual["arrays"]) == list(recorded.arrays)
    for name, array in recorded.arrays.items():
        assert_close(name, actual["arrays"][name], array)
    assert_same_tokens(actual["steps"], expected["steps"])
    for now, then in zip(actual["lens"], expected["lens"], strict=True):
        assert_same_tokens(now, then)
    if target is None:
        assert_same_search(actual["search"], expected["search"])
    else:
        assert actual["search"] is expected["search"] is None
    assert actual["attribution"] is None
    return actual


@pytest.mark.parametrize("name", variants.VARIANTS)
def test_variant(front_end, name):
    live = translators.translator(
        BeamSearch(4, 2), seed=7, **variants.VARIANTS[name]
    )
    assert_same(front_end, live, translators.SENTENCES[0])
    assert_same(front_end, live, translators.SENTENCES[1], "merci, le chat")


@pytest.mark.parametrize("seed", range(3))
def test_hypotheses_that_end(front_end, seed):
    live = translators.translator_that_ends(
        BeamSearch(5, 5, coverage=0.2), seed
    )
    trace = assert_same(front_end, live, translators.SENTENCES[2])
    steps = trace["search"]["steps"]
    assert steps[-1]["finished"]
    assert any(step["dropped"] for step in steps)


def test_greedy(front_end):
    live = translators.translator(GreedySearch(), seed=3, **variants.MODERN)
    assert_same(front_end, live, translators.SENTENCES[1])
