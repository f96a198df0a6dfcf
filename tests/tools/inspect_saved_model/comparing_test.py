"""A SavedModel is compared with its run, with the SavedModel's search."""

import dataclasses
import json

import pytest

import keras_transformer as kt
from keras_transformer import export
from tests.tools.inspect_saved_model import served
from tests.translation import toy
from tools.inspect_saved_model import comparing


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return toy.write_run(tmp_path_factory.mktemp("runs") / "toy")


def described():
    return export.read_metadata(served.directory())


class TestLiveTranslator:
    def test_has_the_settings_of_the_saved_model(self, run):
        changed = json.loads(json.dumps(described()))
        changed["search"]["alpha"] = 0.25
        changed["search"]["constraints"]["banned_ids"] = [7]
        changed["lengths"]["extra"] = 3
        changed["max_source_length"] = 11
        live = comparing.live_translator(str(run), changed)
        assert live.search == kt.search.BeamSearch(
            top_beams=4,
            alpha=0.25,
            constraints=kt.search.Constraints(banned_ids=(7,)),
        )
        assert live.lengths == kt.translation.Lengths(extra=3)
        assert live.max_source_length == 11

    def test_repairs_what_the_saved_model_repairs(self, run):
        expected = kt.translation.LengthModel(1.25, 0.5)
        assert described()["repair"] is None
        changed = {**described(), "repair": expected._asdict()}
        live = comparing.live_translator(str(run), changed)
        assert live.expected == expected

    def test_that_of_the_run_for_an_older_saved_model(self, run):
        live = comparing.live_translator(str(run), {})
        assert live.search == kt.runs.run_search(run)

    def test_another_vocabulary(self, run):
        other = {**described(), "vocabulary_sha256": "0" * 64}
        with pytest.raises(
            ValueError, match="different vocabularies. Received: 000000000000"
        ):
            comparing.live_translator(str(run), other)


@pytest.mark.parametrize(
    "search",
    [
        kt.search.BeamSearch(stopping="full", coverage=0.25),
        kt.search.GreedySearch(kt.search.Constraints(min_length=3)),
        kt.search.SamplingSearch(num_samples=3, temperature=0.5, seed=7),
    ],
)
def test_a_search_is_made_again(search):
    text = json.dumps(
        {"name": type(search).__name__, **dataclasses.asdict(search)}
    )
    assert comparing.search_of(json.loads(text)) == search


def test_a_search_of_ones_own_cannot_be_made():
    with pytest.raises(ValueError, match="Received: _Function. Expected one"):
        comparing.search_of({"name": "_Function"})


def test_the_run_translates_as_the_saved_model():
    found = comparing.differences(
        served.answer(),
        comparing.translate(served.live(), served.TEXTS),
        served.TEXTS,
    )
    assert found["texts"] == 3
    assert found["different"] == 0
    assert found["first_difference"] is None
    assert found["largest_score_difference"] < 1e-4


def test_counts_what_differs():
    first = {"translations": ["a", "b", "c"], "scores": [-1.0, -2.0, -3.0]}
    second = {"translations": ["a", "x", "y"], "scores": [-1.0, -2.5, -2.75]}
    assert comparing.differences(first, second, ["A", "B", "C"]) == {
        "texts": 3,
        "different": 2,
        "largest_score_difference": 0.5,
        "first_difference": ["B", "b", "x"],
    }
