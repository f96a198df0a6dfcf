"""A translator as data, and translators that the page cannot compute.

The tests in `engine/` show that the data are sufficient.
"""

import json

import keras
import pytest

import keras_transformer as kt
from keras_transformer.explorer import embedded_model
from keras_transformer.search import (
    BeamSearch,
    Constraints,
    GreedySearch,
    SamplingSearch,
)
from tests.explorer import calibrations, translators


def test_the_data_is_json():
    live = translators.translator()
    data = embedded_model.embed_model(live)
    assert json.loads(json.dumps(data, allow_nan=False))["version"] == 1
    assert data["target_vocabulary"] is None
    assert data["limits"]["max_source_length"] == 512
    assert data["limits"]["extra"] == 3


def test_settings_of_the_search():
    constraints = Constraints(min_length=3)
    live = translators.translator(BeamSearch(5, 2, constraints=constraints))
    data = embedded_model.embed_model(live)
    assert data["search"] == {
        "kind": "beam",
        "beam_size": 5,
        "top_beams": 2,
        "alpha": 0.6,
        "penalty": "gnmt",
        "coverage": 0.0,
    }
    assert data["constraints"]["min_length"] == 3
    greedy = embedded_model.embed_model(live.with_search(GreedySearch()))
    assert greedy["search"] == {"kind": "greedy"}


def test_the_calibration():
    live = translators.translator()
    assert embedded_model.embed_model(live)["calibration"] is None
    made = calibrations.TWO_POINTS
    data = embedded_model.embed_model(live, calibration=made)["calibration"]
    again = json.loads(json.dumps(data, allow_nan=False))
    assert kt.translation.Calibration.from_json(again) == made


def test_half_precision_has_half_the_size():
    live = translators.translator()
    whole, half = (
        len(embedded_model.embed_model(live, dtype)["data"])
        for dtype in ("float32", "float16")
    )
    assert abs(whole - 2 * half) <= 4


def test_model_of_another_precision():
    vocabulary = translators.tokenizer()
    config = kt.TransformerConfig(vocabulary.vocabulary_size, 1, 1, 8, 2, 16)
    model = kt.build_transformer(config, keras.DTypePolicy("bfloat16"))
    data = embedded_model.embed_model(kt.Translator(model, vocabulary))
    assert data["dtype"] == "float32"


def test_ensemble():
    live = translators.translator()
    ensemble = kt.Ensemble([live.model, live.model])
    with pytest.raises(ValueError, match="Received: Ensemble"):
        embedded_model.embed_model(kt.Translator(ensemble, live.tokenizer))


def test_another_search():
    live = translators.translator(SamplingSearch())
    with pytest.raises(ValueError, match="Received: SamplingSearch"):
        embedded_model.embed_model(live)


def test_vocabulary_of_another_size():
    live = translators.translator()
    config = kt.TransformerConfig(503, 1, 1, 8, 2, 16)
    model = kt.build_transformer(config)
    with pytest.raises(ValueError, match="503 of the model"):
        embedded_model.embed_model(kt.Translator(model, live.tokenizer))


def test_what_the_page_cannot_compute():
    """Search settings of imported models may be impossible in the page."""
    translator = translators.translator()
    assert embedded_model.obstacle(translator) is None
    allowed = kt.search.Constraints(normalized_over="allowed")
    beam, greedy = kt.search.BeamSearch, kt.search.GreedySearch
    for search, reason in (
        (beam(stopping="full"), "stops by the rule 'full'"),
        (beam(minimum_risk=3), "compares its hypotheses"),
        (beam(constraints=allowed), "normalizes over allowed tokens"),
        (greedy(constraints=allowed), "normalizes over allowed tokens"),
    ):
        searched = translator.with_search(search)
        assert reason in embedded_model.obstacle(searched)
        with pytest.raises(ValueError, match=f"cannot compute .*{reason}"):
            embedded_model.embed_model(searched)
