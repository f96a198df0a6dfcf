"""The demo's run, in the browser: its translations and traces."""

import pytest

import keras_transformer as kt
from keras_transformer import interpretation
from keras_transformer.explorer import embedded_model
from keras_transformer.search import BeamSearch, GreedySearch
from tests import costs
from tests.explorer import calibrations, comparing, engine_calls

pytestmark = pytest.mark.browser


def sources():
    return [pair.source for pair in kt.data.illustrated_corpus().test]


@pytest.mark.parametrize(
    ("search", "count"),
    costs.grid_of_several(
        [(BeamSearch(4), 50), (BeamSearch(4), 500), (GreedySearch(), 500)],
        keep=[(BeamSearch(4), 50)],
    ),
    ids=("beam_50", "beam_500", "greedy_500"),
)
def test_translations(front_end, demo_run, search, count):
    live = kt.load_translator(demo_run, search)
    data = embedded_model.embed_model(live)
    engine = engine_calls.Engine(front_end, data)
    texts = sources()[:count]
    found = engine.translate_all(texts, data["search"])
    assert found == live.translate(texts)


# `trace_test.py` compares the traces of small models.
@pytest.mark.grid
def test_traces(front_end, demo_run):
    live = kt.load_translator(demo_run, BeamSearch(4, 4))
    calibration = calibrations.TWO_POINTS
    data = embedded_model.embed_model(live, calibration=calibration)
    engine = engine_calls.Engine(front_end, data)
    for text in sources()[200:211]:
        comparing.assert_same_trace(
            engine.trace(text, candidates=50),
            interpretation.trace(live, text, calibration=calibration),
        )
