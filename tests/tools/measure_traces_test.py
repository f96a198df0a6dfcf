"""The measurement prints what an evaluation costs."""

import json

import pytest

import keras_transformer as kt
from tests.explorer import translators
from tools import measure_traces

pytestmark = pytest.mark.seconds


@pytest.mark.grid
def test_seconds_and_kilobytes():
    translator = translators.translator(kt.search.GreedySearch())
    found = measure_traces.traces(translator, evaluations=3)
    assert found["sentences"] == 4
    assert found["first_seconds"] > found["seconds"] > 0
    assert 1 < found["kilobytes"] < 300
    assert json.dumps(found)


@pytest.mark.grid
def test_steps_by_turns():
    found = measure_traces.gradient_norms(rounds=1, steps=1)
    assert found["with_loss"] == pytest.approx(found["without_loss"], abs=0.5)
    assert found["ratio"] > 0
