"""A page contains the model or recorded traces, and is written completely."""

import functools
import json
import re

import pytest

import keras_transformer as kt
from keras_transformer.explorer import saving
from keras_transformer.interpretation import record
from tests.explorer import calibrations
from tests.interpretation import random_translator

TEXTS, TARGETS = ["the old cat", "</script><!--"], ["le vieux chat", None]


@pytest.fixture(scope="module")
def translator():
    return random_translator.translator()


def data_of(path):
    """Returns the JSON data of a page, by the names of the elements."""
    html = path.read_text(encoding="utf-8")
    pattern = r'<script type="application/json" id="(\w+)">(.*?)</script>'
    return {
        name: json.loads(text)
        for name, text in re.findall(pattern, html, re.DOTALL)
    }


@pytest.mark.grid
@pytest.mark.seconds
def test_a_page_with_the_model(translator, tmp_path):
    path = tmp_path / "page.html"
    made = calibrations.TWO_POINTS
    assert saving.save_page(path, translator, TEXTS, TARGETS, calibration=made)
    data = data_of(path)
    assert set(data) == {"page", "model"}
    again = kt.translation.Calibration.from_json(data["model"]["calibration"])
    assert again == made
    assert data["page"]["texts"] == TEXTS
    assert data["page"]["targets"] == TARGETS
    assert data["page"]["heads"] is None
    assert data["page"]["notes"] == []
    # Only attributions are recorded, because the page cannot compute them.
    traces = [
        record.Trace.from_json(json.dumps(x)) for x in data["page"]["traces"]
    ]
    assert [trace.source.text for trace in traces] == TEXTS
    assert traces[0].target.text == TARGETS[0]
    assert not any(trace.arrays or trace.steps for trace in traces)
    for trace in traces:
        shape = len(trace.target.ids), len(trace.source.ids)
        assert trace.attribution.scores.shape == shape
        # The page itself computes the assessments.
        assert trace.assessments is None
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.seconds
def test_a_model_above_the_limit_has_recorded_traces(
    translator, tmp_path, monkeypatch
):
    path = tmp_path / "page.html"
    # Both pages have the same sentence, which is traced once.
    trace = functools.cache(kt.interpretation.trace)
    monkeypatch.setattr(kt.interpretation, "trace", trace)
    megabytes = translator.model.count_params() * 2 / 1e6
    for limit, is_live in ((megabytes * 1.01, True), (megabytes * 0.99, False)):
        found = saving.save_page(
            path, translator, TEXTS[:1], TARGETS[:1], "float16", limit
        )
        assert found == is_live
        assert ("model" in data_of(path)) == is_live
    data = data_of(path)
    (note,) = data["page"]["notes"]
    assert f"above the limit of {megabytes * 0.99:g} MB" in note
    (fields,) = data["page"]["traces"]
    recorded = record.Trace.from_json(json.dumps(fields))
    expected = trace(
        translator,
        TEXTS[0],
        TARGETS[0],
        attribution="integrated_gradients",
        calibration=None,
    )
    assert trace.cache_info().misses == 1
    assert recorded.target == expected.target
    assert list(recorded.arrays) == list(expected.arrays)
    assert recorded.attribution is not None


@pytest.mark.grid
@pytest.mark.seconds
def test_recorded_traces_have_assessments(translator, tmp_path):
    path = tmp_path / "page.html"
    made = calibrations.TWO_POINTS
    saving.save_page(
        path, translator, TEXTS, TARGETS, most_megabytes=0, calibration=made
    )
    data = data_of(path)
    for fields, text, target in zip(
        data["page"]["traces"], TEXTS, TARGETS, strict=True
    ):
        expected = kt.interpretation.trace(
            translator, text, target, calibration=made
        )
        again = record.Trace.from_json(json.dumps(fields))
        assert again.assessments == expected.assessments
    [given] = data["page"]["traces"][0]["assessments"]
    assert given["words"] == TARGETS[0].split()


def test_bad_input(translator, tmp_path):
    path = tmp_path / "page.html"
    for texts, message in (
        ([], "at least one sentence"),
        ("a cat", "list of at least one"),
        ([" "], "must have words"),
    ):
        with pytest.raises(ValueError, match=message):
            saving.save_page(path, translator, texts)
    with pytest.raises(ValueError, match="`dtype`.*'int8'.*Expected"):
        saving.save_page(path, translator, TEXTS, dtype="int8")
    with pytest.raises(ValueError, match="`targets`.*1 targets, 2 texts"):
        saving.save_page(path, translator, TEXTS, ["un"])
    with pytest.raises(ValueError, match="`targets` is a list.*'ab'"):
        saving.save_page(path, translator, TEXTS, "ab")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.grid
def test_a_page_that_cannot_be_written_leaves_nothing(translator, tmp_path):
    with pytest.raises(IsADirectoryError):
        (tmp_path / "page.html").mkdir()
        saving.save_page(tmp_path / "page.html", translator, ["a cat"])
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
