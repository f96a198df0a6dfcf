"""The trace of the browser has the numbers of the trace of Python."""

import pytest

from keras_transformer import interpretation
from keras_transformer.explorer import embedded_model
from keras_transformer.search import BeamSearch, GreedySearch
from tests import costs
from tests.explorer import (
    calibrations,
    comparing,
    engine_calls,
    translators,
    variants,
)

pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.seconds]


def assert_same(page, live, text, target=None):
    calibration = calibrations.TWO_POINTS
    data = embedded_model.embed_model(live, calibration=calibration)
    engine = engine_calls.Engine(page, data)
    actual = engine.trace(text, target=target, candidates=50)
    comparing.assert_same_trace(
        actual,
        interpretation.trace(live, text, target, calibration=calibration),
    )
    return actual


@pytest.mark.grid
@pytest.mark.parametrize("name", variants.JOINED)
def test_joined_variants_of_a_given_target(front_end, name):
    live = translators.translator(seed=7, **variants.JOINED[name])
    assert_same(front_end, live, translators.SENTENCES[1], "merci, le chat")


@pytest.mark.grid
@pytest.mark.parametrize("name", variants.VARIANTS)
def test_variant_of_a_given_target(front_end, name):
    live = translators.translator(seed=7, **variants.VARIANTS[name])
    assert_same(front_end, live, translators.SENTENCES[1], "merci, le chat")


@pytest.mark.parametrize(
    "name", costs.grid(variants.VARIANTS, keep=("marian",))
)
def test_variant_that_searches(front_end, name):
    live = translators.translator(
        BeamSearch(4, 2), seed=7, **variants.VARIANTS[name]
    )
    assert_same(front_end, live, translators.SENTENCES[0])


# With other seeds, only few hypotheses end before their limit.
@pytest.mark.grid
@pytest.mark.parametrize("seed", costs.grid([0, 1, 4], keep=[1]))
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
