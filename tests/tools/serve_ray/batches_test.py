"""Calls in one batch get the same answers as each call alone."""

import json

import pytest
import tensorflow as tf

from tests.export import saved_model_test
from tests.translation import toy  # noqa: F401  Trains it once in a process.
from tools import benchmark_serving
from tools.serve_ray import batches
from tools.serve_ray.rows import Call


def call(signature, *texts):
    return Call(signature, {"text": [text.encode() for text in texts]})


class Counted:
    """A signature that counts the texts of each call."""

    def __init__(self, signature):
        self._signature = signature
        self.structured_outputs = signature.structured_outputs
        self.sizes = []

    def __call__(self, text):
        self.sizes.append(len(text))
        return self._signature(text=text)


@pytest.fixture
def signatures():
    return {
        name: Counted(signature)
        for name, signature in saved_model_test.loaded_signatures().items()
        if name != "score"
    }


def test_as_each_alone(signatures):
    calls = [
        call("serving_default", "ba de fi", "", "ra"),
        call("attention", "ba"),
        call("n_best", "go hu"),
        call("serving_default", "ka le mi no pu ra ba"),
        call("attention", "ka le mi", "de"),
    ]
    answers = batches.answers_of(signatures, calls)
    assert signatures["serving_default"].sizes == [4]
    assert signatures["n_best"].sizes == [1]
    # Calls of attention are not joined: their rows have no fixed size.
    assert signatures["attention"].sizes == [1, 2]
    for one, answer in zip(calls, answers, strict=True):
        [alone] = batches.answers_of(signatures, [one])
        assert benchmark_serving.is_same(answer, alone)
        assert {len(values) for values in answer.values()} == {one.rows}
        json.dumps(answer)
    assert answers[0]["translation"] == ["FI DE BA", "", "RA"]


def test_a_call_traces_nothing():
    # Concrete functions are never traced again.
    signatures = saved_model_test.loaded_signatures().values()
    concrete = tf.types.experimental.ConcreteFunction
    assert all(isinstance(signature, concrete) for signature in signatures)


def test_nothing(signatures):
    [answer] = batches.answers_of(signatures, [call("serving_default")])
    assert answer == {"translation": [], "score": []}


def test_two_inputs():
    signature = saved_model_test.loaded_signatures()["score"]
    calls = [
        Call("score", {"text": [b"ba"], "target": [b"BA"]}),
        Call("score", {"target": [b"RA", b"BA"], "text": [b"ra", b"ra"]}),
    ]
    answer = batches.call_signature(signature, calls)
    right, also_right, wrong = answer["log_probability"]
    assert min(right, also_right) > wrong + 1
