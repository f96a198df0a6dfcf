"""Each of our searches writes as many tokens as the job asks for."""

import dataclasses
import io
import json

import pytest

import keras_transformer as kt
from tests import costs
from tools.benchmark_search import jobs, ours

JOB = jobs.Job(
    layers=1,
    model_dim=6,
    feed_forward_dim=7,
    num_heads=3,
    vocabulary_size=23,
    batch_size=2,
    source_length=5,
    target_length=3,
)


@pytest.mark.grid
@pytest.mark.parametrize(
    ("engine", "beam_size"),
    costs.grid_of_several(
        [(jobs.GRAPH, 1), (jobs.XLA, 2), (jobs.SHORTLIST, 2)],
        keep=[(jobs.GRAPH, 1)],
    ),
)
def test_searches(engine, beam_size, monkeypatch):
    # A small shortlist, since the vocabulary is small.
    monkeypatch.setattr(ours, "_FREQUENT", 3)
    monkeypatch.setattr(ours, "_LIKELY", 1)
    # The search raises an error if a translation is too short.
    ours.make_search(
        dataclasses.replace(JOB, engine=engine, beam_size=beam_size)
    )()


@pytest.mark.grid
def test_a_search_that_writes_less_is_an_error(monkeypatch):
    # Without minimum lengths, translations end early: of five tokens one is
    # the end.
    task = kt.search.Task
    monkeypatch.setattr(
        kt.search, "Task", lambda min_lengths, **rest: task(**rest)
    )
    search = ours.make_search(
        dataclasses.replace(JOB, vocabulary_size=5, target_length=97)
    )
    with pytest.raises(ValueError, match="fewer tokens than the job"):
        search()


@pytest.mark.grid
def test_serves_what_the_benchmark_asks(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    # TensorFlow has started, so the number of threads cannot be set.
    monkeypatch.setattr(ours.keras_fit, "use_threads", lambda count: None)
    ours.serve(JOB, str(tmp_path))
    greeting, seconds = (
        json.loads(line[1:]) for line in capsys.readouterr().out.splitlines()
    )
    assert greeting == {"version": kt.__version__}
    assert 0 < seconds < 10
    assert list(tmp_path.rglob("*.xplane.pb"))
