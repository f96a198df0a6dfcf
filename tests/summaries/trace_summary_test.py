"""An event file contains a trace with the numbers that the tab draws."""

import gzip
import json

import numpy as np
import tensorflow as tf

from keras_transformer import interpretation, summaries
from keras_transformer.summaries import trace_summary
from tests.explorer import sample_trace
from tests.summaries import events


def written(folder, trace, **arguments):
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default():
        assert summaries.write_trace("a", trace, **arguments)
    writer.close()
    ((step, value),) = events.values(folder)
    return step, value


def make(**arguments):
    fields = sample_trace.trace(**arguments)
    return interpretation.Trace.from_json(json.dumps(fields))


def test_what_is_written(tmp_path):
    trace = make()
    step, value = written(tmp_path, trace, step=7)
    assert (step, value.tag) == (7, "a")
    data = value.metadata.plugin_data
    assert data.plugin_name == "keras_transformer"
    schema = {"schema": "keras_transformer.trace", "version": 1}
    assert json.loads(data.content) == schema
    assert value.metadata.display_name == trace.source.text
    (packed,) = tf.make_ndarray(value.tensor)
    read = interpretation.Trace.from_json(gzip.decompress(packed))
    assert (read.source, read.target) == (trace.source, trace.target)
    names = [name for name in trace.arrays if name.endswith("/weights")]
    assert list(read.arrays) == names
    assert len(names) == 6
    for name in names:
        # Half the distance of two float16 numbers; below 2**-14 it is constant.
        np.testing.assert_allclose(
            read.arrays[name], trace.arrays[name], rtol=2**-11, atol=2**-25
        )
    for new, old in zip(read.steps, trace.steps, strict=True):
        count = trace_summary.MOST_CANDIDATES
        assert (new.ids, new.tokens) == (old.ids[:count], old.tokens[:count])
        np.testing.assert_allclose(new.logits, old.logits[:count], atol=5e-5)
    assert (read.lens, read.search, read.attribution) == ([], None, None)


def test_the_same_trace_gives_the_same_bytes(tmp_path):
    first, second = (
        written(tmp_path / name, make(), step=1)[1] for name in ("a", "b")
    )
    assert first.tensor == second.tensor


def test_text_that_has_no_utf8(tmp_path):
    _, value = written(tmp_path, make(pieces=["\ud800"]), step=1)
    (packed,) = tf.make_ndarray(value.tensor)
    assert json.loads(gzip.decompress(packed))["source"]["tokens"][0] == "?"


def test_without_a_writer():
    assert not summaries.write_trace("a", make(), step=1)
