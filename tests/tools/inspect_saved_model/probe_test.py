"""The probe calls a SavedModel as a client does, and measures it."""

import threading
import time
import types
from unittest import mock

import pytest
import tensorflow as tf

from tests.export import saved_model_test
from tests.tools.inspect_saved_model import served
from tests.translation import toy
from tools.inspect_saved_model import probe


def test_translates_the_texts():
    answer = served.answer()
    assert answer["translations"] == toy.translator().translate(served.TEXTS)
    assert len(answer["scores"]) == 3


def test_describes_signatures():
    found = served.answer()["signatures"]
    assert set(found) == {"serving_default", "n_best", "score", "attention"}
    assert found["score"]["inputs"] == {
        "text": ["string", [None]],
        "target": ["string", [None]],
    }
    assert found["n_best"]["outputs"]["scores"] == ["float32", [None, 4]]


def test_counts_the_graph():
    graph = served.answer()["graph"]
    # The graphs that encode and decode have the vocabulary, one each.
    assert graph["vocabulary_bytes"] == 2 * len(served.live().tokenizer.model)
    assert graph["nodes"] > graph["functions"] > 10


def test_a_call_that_fails_is_an_error_of_its_own():
    wrong = {"text": ["ba", "de"], "target": ["ba", "de", "fi"]}
    calls = {"score": [wrong], "beams": [{}]}
    # The shared signatures have run already.
    model = types.SimpleNamespace(
        signatures=saved_model_test.loaded_signatures()
    )
    with mock.patch.object(tf.saved_model, "load", return_value=model):
        found = probe.run(served.job(calls=calls))["calls"]
    assert set(found) == {"score"}
    assert set(found["score"][0]) == {"error"}


def test_a_model_of_another_kind_is_not_called(tmp_path):
    module = tf.Module()
    module.double = tf.function(
        lambda x: {"y": 2 * x}, [tf.TensorSpec([None], name="x")]
    )
    path = str(tmp_path / "1")
    tf.saved_model.save(module, path, {"serving_default": module.double})
    assert probe.run(served.job(directory=path)) == {
        "signatures": {
            "serving_default": {
                "inputs": {"x": ["float32", [None]]},
                "outputs": {"y": ["float32", [None]]},
            }
        }
    }


class TestMeasure:
    def test_every_thread_makes_its_calls(self):
        calls = []

        def serve(text):
            calls.append((threading.current_thread(), text.numpy().tolist()))
            time.sleep(0.02)
            return {"translation": text}

        found = probe.measure(serve, ["a", "b", "c"], 2, threads=3, requests=5)
        callers = [thread for thread, _ in calls[1:]]
        assert [callers.count(thread) for thread in set(callers)] == [5, 5, 5]
        # The batches take the texts in turns.
        batches = [b"".join(texts) for _, texts in calls[1:]]
        assert sorted(batches) == sorted([b"ab", b"ca", b"bc"] * 5)
        assert 0.02 < found["p50"] <= found["p99"]
        # Three threads wait at the same time.
        assert 2 * 1.5 / 0.02 < found["sentences_per_second"] <= 2 * 3 / 0.02

    @pytest.mark.parametrize(
        ("percent", "expected"), [(50, 50), (99, 99), (100, 100), (0, 1)]
    )
    def test_percentiles(self, percent, expected):
        values = [float(n) for n in range(100, 0, -1)]
        assert probe.percentile(values, percent) == expected
