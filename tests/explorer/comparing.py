"""Compares a trace of the browser with a trace of Python."""

import json

import numpy as np
import pytest

from tests.explorer import calibrations

# Both compute in float32, which has 24 exact bits, but in another order.
TOLERANCE = 1e-5


def assert_close(name, actual, expected):
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape, name
    limit = TOLERANCE * np.abs(expected).max(initial=1e-9)
    error = np.abs(actual - expected).max(initial=0)
    assert error <= limit, (name, error, limit)


def assert_same_tokens(actual, expected):
    """Compares candidates. Two of nearly equal logits may be swapped."""
    assert len(actual) == len(expected)
    for now, then in zip(actual, expected, strict=True):
        assert_close("logits", now["logits"], then["logits"])
        normalizers = [[each["log_normalizer"]] for each in (now, then)]
        assert_close("log_normalizer", *normalizers)
        logits = dict(zip(then["ids"], then["logits"], strict=True))
        tokens = dict(zip(then["ids"], then["tokens"], strict=True))
        limit = TOLERANCE * np.abs(then["logits"]).max()
        for i, id_ in enumerate(now["ids"]):
            if id_ != then["ids"][i]:
                other = logits.get(id_, then["logits"][-1])
                assert abs(other - then["logits"][i]) <= limit
            if id_ in tokens:
                assert now["tokens"][i] == tokens[id_]


def assert_same_hypotheses(actual, expected):
    assert [each["ids"] for each in actual] == [
        each["ids"] for each in expected
    ]
    for now, then in zip(actual, expected, strict=True):
        assert now["parent"] == then["parent"]
        # A log-probability is the difference of two numbers. Between 8 and 16,
        # float32 rounds each of these numbers to 1e-6.
        limit = 2e-6 * len(now["ids"])
        for name in ("log_probability", "score"):
            assert now[name] == pytest.approx(
                then[name], rel=TOLERANCE, abs=limit
            )


def assert_same_search(actual, expected):
    assert actual["kind"] == expected["kind"]
    assert actual["settings"] == expected["settings"]
    assert len(actual["steps"]) == len(expected["steps"])
    for now, then in zip(actual["steps"], expected["steps"], strict=True):
        for kind in ("live", "finished", "dropped"):
            assert_same_hypotheses(now[kind], then[kind])
    assert_same_hypotheses(actual["hypotheses"], expected["hypotheses"])


def assert_same_trace(actual, recorded):
    """Compares all fields of two traces.

    Args:
        actual: the result of `Engine.trace`.
        recorded: a `Trace`.
    """
    expected = json.loads(recorded.to_json())
    for name in ("schema", "version", "model", "source", "target"):
        assert actual[name] == expected[name], name
    assert list(actual["arrays"]) == list(recorded.arrays)
    for name, array in recorded.arrays.items():
        assert_close(name, actual["arrays"][name], array)
    assert_same_tokens(actual["steps"], expected["steps"])
    for now, then in zip(actual["lens"], expected["lens"], strict=True):
        assert_same_tokens(now, then)
    if expected["search"] is None:
        assert actual["search"] is None
    else:
        assert_same_search(actual["search"], expected["search"])
    assert actual["attribution"] is None
    if recorded.assessments is None:
        assert actual["assessments"] is None
    else:
        calibrations.assert_same_assessments(
            actual["assessments"], recorded.assessments
        )
