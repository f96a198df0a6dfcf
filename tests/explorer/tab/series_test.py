"""Series are thinned, checked, and read again only when they grow."""

import gzip
import json
import types

import numpy as np
import pytest
from tensorboard.data import provider

from keras_transformer.explorer.tab import series
from keras_transformer.interpretation import record

CONTENT = json.dumps(
    {"schema": record.SCHEMA, "version": record.VERSION}
).encode()


class Loaded:
    """A stand-in for TensorBoard's data: one run with one tag."""

    def __init__(self, points):
        self.points = points
        self.reads = 0

    def list_tensors(self, context, **arguments):
        assert arguments["plugin_name"] == "keras_transformer"
        only = arguments["run_tag_filter"]
        if only and (only.runs, only.tags) != ({"run"}, {"tag"}):
            return {}
        return {
            "run": {
                "tag": provider.TensorTimeSeries(
                    max_step=max(step for step, _, _ in self.points),
                    max_wall_time=max(time for _, time, _ in self.points),
                    plugin_content=CONTENT,
                    description="",
                    display_name="a cat",
                )
            }
        }

    def read_tensors(self, context, **arguments):
        self.reads += 1
        return {
            "run": {
                "tag": [
                    types.SimpleNamespace(
                        step=step, wall_time=time, numpy=np.array([text], "O")
                    )
                    for step, time, text in self.points
                ]
            }
        }


def points(of, run="run", tag="tag"):
    return of.points(None, "experiment", run, tag)


class TestSeries:
    def test_steps_are_sorted_and_the_later_of_two_counts(self):
        loaded = Loaded([(7, 1, b"a"), (13, 2, b"b"), (7, 3, b"c")])
        assert points(series.Series(loaded)) == [(7, 3, b"c"), (13, 2, b"b")]

    def test_thousands_of_steps_are_thinned(self):
        loaded = Loaded([(step, step, b"") for step in range(0, 21000, 7)])
        steps = [point.step for point in points(series.Series(loaded))]
        assert len(steps) == series.MOST_STEPS
        assert (steps[0], steps[-1]) == (0, 20993)
        assert set(np.diff(steps)) <= {98, 105, 112}

    def test_it_is_read_again_only_if_it_has_grown(self):
        loaded = Loaded([(7, 1, b"a")])
        reader = series.Series(loaded)
        for _ in range(3):
            assert len(points(reader)) == 1
        assert loaded.reads == 1
        loaded.points.append((13, 2, b"b"))
        assert len(points(reader)) == 2

    def test_without_data(self):
        reader = series.Series(None)
        assert reader.listed(None, "") == {}
        with pytest.raises(KeyError):
            points(reader)

    def test_an_unknown_run_or_tag(self):
        reader = series.Series(Loaded([(7, 1, b"a")]))
        with pytest.raises(KeyError):
            points(reader, run="another")
        with pytest.raises(KeyError):
            points(reader, tag="another")

    def test_the_list(self):
        listed = series.Series(Loaded([(7, 1, b"a")])).listed(None, "")
        entry = {"text": "a cat", "last": 7, "written": 1, "problem": None}
        assert listed == {"run": {"tag": entry}}


class TestUnpacked:
    def test_it_is_the_text(self):
        text = CONTENT + b" " * 1000
        assert series.unpacked(gzip.compress(text)) == text

    @pytest.mark.parametrize(
        "packed",
        [
            *(b"", b"no gzip", gzip.compress(CONTENT)[:-9]),
            *(gzip.compress(b"no json"), gzip.compress(b"[]")),
        ],
        # Without these names, a test's name would contain the time in the gzip.
        ids=("empty", "no_gzip", "cut", "no_json", "no_object"),
    )
    def test_damage_is_said(self, packed):
        with pytest.raises(ValueError, match="is damaged .*another step"):
            series.unpacked(packed)

    def test_what_grows_without_end_is_refused(self, monkeypatch):
        monkeypatch.setattr(series, "_LARGEST", 1009)
        with pytest.raises(ValueError, match="is damaged"):
            series.unpacked(gzip.compress(CONTENT + b" " * 1009))

    def test_another_version(self):
        newer = json.dumps({"schema": record.SCHEMA, "version": 53}).encode()
        message = "has version 53. .* reads version 1. Install the version"
        with pytest.raises(ValueError, match=message):
            series.unpacked(gzip.compress(newer))

    def test_another_schema(self):
        other = json.dumps({"schema": "x", "version": 1}).encode()
        with pytest.raises(ValueError, match="its schema is 'x'"):
            series.unpacked(gzip.compress(other))
