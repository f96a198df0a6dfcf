"""The demo's run, in the browser: its translations and traces."""

import pytest

import keras_transformer as kt
from keras_transformer import interpretation
from keras_transformer.explorer import embedded_model
from keras_transformer.search import BeamSearch, GreedySearch
from tests import costs
from tests.explorer import calibrations, comparing, engine_calls

pytestmark = pytest.mark.browser
SOURCES = {"a few": slice(0, 50), "all": slice(0, 500)}


def sources():
    return [pair.source for pair in kt.data.illustrated_corpus().test]


@pytest.mark.parametrize("which", costs.grid(SOURCES, keep=("a few",)))
@pytest.mark.parametrize(
    "search",
    costs.grid((GreedySearch(), BeamSearch(4)), keep=(BeamSearch(4),)),
    ids=("greedy", "beam"),
)
def test_translations(front_end, demo_run, search, which):
    live = kt.load_translator(demo_run, search)
    data = embedded_model.embed_model(live)
    engine = engine_calls.Engine(front_end, data)
    texts = sources()[SOURCES[which]]
    found = engine.translate_all(texts, data["search"])
    assert found == live.translate(texts)


# `trace_test.py` compares the traces of small models.
@pytest.mark.grid
@pytest.mark.parametrize("count", (7, 30))
def test_traces(front_end, demo_run, count):
    live = kt.load_translator(demo_run, BeamSearch(4, 4))
    calibration = calibrations.TWO_POINTS
    data = embedded_model.embed_model(live, calibration=calibration)
    engine = engine_calls.Engine(front_end, data)
    for text in sources()[200 : 200 + count]:
        comparing.assert_same_trace(
            engine.trace(text, candidates=50),
            interpretation.trace(live, text, calibration=calibration),
        )
