"""A trace can be written to JSON and read again. Other JSON is refused."""

import json

import numpy as np
import pytest

from keras_transformer import translation
from keras_transformer.interpretation import record, tracing
from tests.assertions import assert_all_equal
from tests.interpretation import random_translator


@pytest.fixture(scope="module")
def traced():
    translator = random_translator.translator()
    return tracing.trace(translator, 'a "cat" </script>', num_candidates=7)


def test_all_fields_survive(traced):
    again = record.Trace.from_json(traced.to_json())
    assert list(again.arrays) == list(traced.arrays)
    for name, array in traced.arrays.items():
        assert again.arrays[name].dtype == np.float32
        assert_all_equal(again.arrays[name], array, name)
    for name in ("model", "source", "target", "steps", "lens", "search"):
        assert getattr(again, name) == getattr(traced, name), name
    assert again.attribution is None


def test_attribution_survives(traced):
    scores = np.arange(6, dtype="float32").reshape(2, 3)
    fields = json.loads(traced.to_json())
    assert fields["attribution"] is None
    attribution = record.Attribution("input_x_gradient", scores)
    again = record.Trace.from_json(
        record.dataclasses.replace(traced, attribution=attribution).to_json()
    )
    assert again.attribution.method == "input_x_gradient"
    assert_all_equal(again.attribution.scores, scores)


def test_assessments_survive(traced):
    assert json.loads(traced.to_json())["assessments"] is None
    made = [
        translation.Assessment(0.5, ["un", "chat"], [0.25, 0.75], True, False),
        translation.Assessment(1.0, [], [], False, True),
    ]
    again = record.Trace.from_json(
        record.dataclasses.replace(traced, assessments=made).to_json()
    )
    assert again.assessments == made


def test_a_trace_that_was_written_before_there_were_assessments(traced):
    fields = json.loads(traced.to_json())
    del fields["assessments"]
    again = record.Trace.from_json(json.dumps(fields))
    assert again.assessments is None
    assert again.target == traced.target


def test_it_is_json_of_any_reader(traced):
    fields = json.loads(traced.to_json())
    assert (fields["schema"], fields["version"]) == (record.SCHEMA, 1)
    packed = fields["arrays"]["encoder/outputs"]
    assert packed["shape"] == list(traced.arrays["encoder/outputs"].shape)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ([], "schema 'keras_transformer.trace'.*Received"),
        ({"schema": "other"}, "schema 'keras_transformer.trace'.*Received"),
        (
            {"schema": record.SCHEMA, "version": 2},
            "version 1 can be read.*version 2",
        ),
    ],
)
def test_other_json_is_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        record.Trace.from_json(json.dumps(fields))
