"""Traces are written at each evaluation. Failures do not end training."""

import gzip
import json
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_transformer as kt
from tests.explorer import sample_trace, translators
from tests.summaries import events
from tests.training.small_model import fit, make

TEXTS = ["The cat sleeps.", "A dog."]


def trace(texts):
    return [
        kt.interpretation.Trace.from_json(json.dumps(sample_trace.trace(text)))
        for text in texts
    ]


def written(folder):
    return [(value.tag, step) for step, value in events.values(folder)]


def test_before_the_first_step_and_at_each_evaluation(tmp_path):
    fit(make(), kt.summaries.Traces(tmp_path, TEXTS, trace), epochs=2)
    assert written(tmp_path) == [
        (f"traces/sentence_{number}", step)
        for step in (0, 5, 10)
        for number in (1, 2)
    ]


def test_a_run_that_continues_has_no_gap_and_no_step_twice(tmp_path):
    """The run is killed after step 10; its last checkpoint is of step 5."""
    model = make()
    fit(model, kt.summaries.Traces(tmp_path, TEXTS, trace), epochs=2)
    model.optimizer.iterations.assign(5)
    # Files are read in the order of their names, which contain the second.
    time.sleep(1.1)
    fit(model, kt.summaries.Traces(tmp_path, TEXTS, trace), epochs=2)
    kept = []
    for event in events.events(tmp_path):
        if event.HasField("session_log"):
            kept = [step for step in kept if step < event.step]
        kept += [event.step for _ in event.summary.value]
    assert kept == [0, 0, 5, 5, 10, 10, 15, 15]


@pytest.mark.grid
def test_two_replicas_write_once_with_their_weights(tmp_path, two_replicas):
    with two_replicas.scope():
        live = translators.translator(kt.search.GreedySearch())
        live.model.compile(
            keras.optimizers.SGD(0.1), kt.training.SmoothedCrossEntropy()
        )
    ids = np.random.default_rng(0).integers(4, 37, (2, 5))
    batch = ({"source_ids": ids, "target_input_ids": ids}, ids)
    tracer = kt.interpretation.Tracer(live)
    live.model.fit(
        tf.data.Dataset.from_tensors(batch).repeat(3),
        callbacks=[kt.summaries.Traces(tmp_path, TEXTS, tracer)],
        shuffle=False,
        verbose=0,
    )
    values = events.values(tmp_path)
    assert [(value.tag, step) for step, value in values] == [
        (f"traces/sentence_{number}", step)
        for step in (0, 3)
        for number in (1, 2)
    ]
    for text, (_, value) in zip(TEXTS, values[2:], strict=True):
        (packed,) = tf.make_ndarray(value.tensor)
        read = kt.interpretation.Trace.from_json(gzip.decompress(packed))
        expected = kt.interpretation.trace(live, text)
        assert read.target.tokens == expected.target.tokens
        for name, array in read.arrays.items():
            # Numbers are float16, and the tracer's graph sums in another order.
            np.testing.assert_allclose(
                array, expected.arrays[name], rtol=2**-11, atol=1e-5
            )


@pytest.mark.parametrize(
    "texts, message",
    [
        ([], "list of 1 to 16 sentences. Received: \\[\\]"),
        ("a cat", "list of 1 to 16 sentences. Received: 'a cat'"),
        (["a"] * 17, "list of 1 to 16"),
        ([" "], "1 to 400 characters. Received: ' '"),
        (["a" * 401], "with 401 characters"),
    ],
)
def test_sentences_are_checked(tmp_path, texts, message):
    with pytest.raises(ValueError, match=message):
        kt.summaries.Traces(tmp_path, texts, trace)


def test_too_few_traces(tmp_path):
    callback = kt.summaries.Traces(
        tmp_path, TEXTS, lambda texts: trace(texts[:1])
    )
    with pytest.raises(ValueError, match="one trace per sentence, here 2"):
        fit(make(), callback)


def test_a_failure_is_said_once(tmp_path, caplog):
    def fail(texts):
        calls.append(texts)
        raise FloatingPointError("the output is NaN")

    calls = []
    fit(make(), kt.summaries.Traces(tmp_path, TEXTS, fail), epochs=3)
    assert len(calls) == 1
    (record,) = caplog.records
    assert "training goes on. The reason: the output is NaN" in record.message
