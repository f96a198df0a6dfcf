"""Flags that contradict each other are refused before any work."""

import json
import math

import pytest
from absl import flags

from keras_transformer import search, translation
from tools.model_flags import settings
from trainers import settings_flags


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"temperature": 0.5}, "--temperature=0.5 is for samples. Give --samp"),
        ({"top_k": 5}, "--top_k=5 is for samples"),
        ({"top_p": 0.5, "seed": 3}, "--top_p=0.5 --seed=3 is for samples"),
        ({"sample": False, "seed": 3}, "--seed=3 is for samples"),
        ({"sample": True, "beam_size": 3}, "--beam_size=3 is for beam search"),
        ({"sample": True, "length_penalty": 0.0}, "--length_penalty=0.0 is f"),
        (
            {"sample": True, "length_penalty_form": "none"},
            "--length_penalty_form=none is for beam search. Leave out --samp",
        ),
        ({"sample": True, "coverage_penalty": 0.1}, "is for beam search"),
        ({"beam_size": 3, "n_best": 5}, "--beam_size=3 --n_best=5"),
        ({"beam_size": 0}, "--beam_size must be at least 1. Received: 0"),
        ({"n_best": 0}, "--n_best must be at least 1"),
        ({"max_length": 0}, "--max_length must be at least 1"),
        ({"min_length": -1}, "--min_length must be at least 0"),
        ({"min_length": 7, "max_length": 5}, "minimum=7, maximum=5"),
        ({"min_length_ratio": -0.5}, "--min_length_ratio must be"),
        ({"max_length_ratio": math.nan}, "--max_length_ratio must be.*nan"),
        ({"length_penalty": -0.5}, "--length_penalty must be at least 0"),
        ({"coverage_penalty": math.inf}, "--coverage_penalty must be.*inf"),
        ({"no_repeat_ngram_size": -1}, "--no_repeat_ngram_size must be"),
        ({"sample": True, "temperature": 0.0}, "above 0. Received: 0.0"),
        ({"sample": True, "temperature": math.nan}, "above 0. Received: nan"),
        ({"sample": True, "top_k": -1}, "--top_k must be at least 0"),
        ({"sample": True, "top_p": 0.0}, r"in \(0, 1\]. Received: 0.0"),
        ({"sample": True, "seed": 2**63}, "--seed must fit into 64 bits.*: 92"),
        ({"sample": True, "seed": -(2**70)}, "--seed must fit into 64 bits"),
        ({"sample": True, "top_p": 1.5}, r"in \(0, 1\]. Received: 1.5"),
    ],
)
def test_contradictions(given, message):
    with pytest.raises(ValueError, match=message):
        settings.SearchSettings(**given)


def test_sizes():
    settings.check_sizes(n_best=1, batch_size=64)
    with pytest.raises(ValueError, match="--n_best must be at least 1.*: 0."):
        settings.check_sizes(batch_size=64, n_best=0)


def test_batches():
    assert settings.BatchSettings().batch_size == 64
    with pytest.raises(ValueError, match="--batch_size must be at least 1"):
        settings.BatchSettings(batch_size=0)


def test_models():
    settings.ModelSettings(["a", "b"], "probabilities")
    with pytest.raises(ValueError, match="several models. Rec.*--model=a. G"):
        settings.ModelSettings(["a"], "probabilities")
    with pytest.raises(ValueError, match="--model is empty"):
        settings.ModelSettings([])


@pytest.fixture
def run(tmp_path):
    of_run = {"beam_size": 3, "length_penalty": 0.7}
    of_run["length_penalty_form"] = "average"
    (tmp_path / "config.json").write_text(json.dumps({"settings": of_run}))
    return tmp_path


def test_search_of_the_run(run):
    found = settings.SearchSettings().search(run)
    assert found == search.BeamSearch(
        beam_size=3, alpha=0.7, penalty="average", top_beams=1
    )


def test_hypotheses_that_are_compared(tmp_path):
    of_run = {"beam_size": 7, "minimum_risk": 5}
    (tmp_path / "config.json").write_text(json.dumps({"settings": of_run}))
    for given, expected in (
        ({}, (7, 5)),
        ({"beam_size": 3}, (3, 3)),
        ({"minimum_risk": 2}, (7, 2)),
        ({"minimum_risk": 0}, (7, 0)),
    ):
        found = settings.SearchSettings(**given).search(tmp_path)
        assert (found.beam_size, found.minimum_risk) == expected
    with pytest.raises(ValueError, match="minimum_risk=5, beam_size=3"):
        settings.SearchSettings(beam_size=3, minimum_risk=5).search(tmp_path)


def test_search_that_was_asked_for(run):
    asked = settings.SearchSettings(
        beam_size=5,
        length_penalty=0.0,
        length_penalty_form="none",
        coverage_penalty=0.2,
        n_best=2,
        no_repeat_ngram_size=3,
    )
    assert asked.search(run) == search.BeamSearch(
        beam_size=5,
        alpha=0.0,
        penalty="none",
        coverage=0.2,
        top_beams=2,
        constraints=search.Constraints(no_repeat_ngram_size=3),
    )


@pytest.mark.parametrize(("n_best", "beam"), [(None, 3), (2, 3), (7, 7)])
def test_a_beam_grows_to_what_it_returns(run, n_best, beam):
    made = settings.SearchSettings(n_best=n_best).search(run)
    assert made.beam_size == beam
    assert made.top_beams == (n_best or 1)


def test_the_papers_beam_without_a_run(tmp_path):
    made = settings.SearchSettings(n_best=2).search(tmp_path)
    assert made.beam_size == 4


def test_sampling(run):
    asked = settings.SearchSettings(
        sample=True,
        n_best=3,
        temperature=0.7,
        top_k=11,
        top_p=0.9,
        seed=5,
        no_repeat_ngram_size=2,
    )
    assert asked.search(run) == search.SamplingSearch(
        num_samples=3,
        temperature=0.7,
        top_k=11,
        top_p=0.9,
        seed=5,
        constraints=search.Constraints(no_repeat_ngram_size=2),
    )
    plain = settings.SearchSettings(sample=True).search(run)
    assert plain == search.SamplingSearch()


def test_lengths():
    assert settings.SearchSettings().lengths() == translation.Lengths()
    asked = settings.SearchSettings(min_length=3, min_length_ratio=0.5)
    assert asked.lengths() == translation.Lengths(minimum=3, minimum_ratio=0.5)
    asked = settings.SearchSettings(max_length=7, max_length_ratio=1.5)
    assert asked.lengths() == translation.Lengths(maximum=7, ratio=1.5, extra=0)


def test_from_flags():
    values = flags.FlagValues()
    kinds = settings.ModelSettings, settings.SearchSettings
    for kind in kinds:
        settings_flags.define(kind, values)
    values(["program", "--model=a,b", "--beam_size=7"])
    models, asked = (settings_flags.read(kind, values) for kind in kinds)
    assert models == settings.ModelSettings(["a", "b"])
    assert asked == settings.SearchSettings(beam_size=7)
    with pytest.raises(flags.IllegalFlagValueError, match="gnmt|average|none"):
        values(["program", "--model=a", "--length_penalty_form=paper"])
