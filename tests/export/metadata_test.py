"""The description of a SavedModel is read as it was written."""

import json

import keras
import pytest
import tensorflow as tf

import keras_transformer as kt
from keras_transformer.export import metadata


@pytest.fixture(scope="module")
def translator():
    tokenizer = kt.Tokenizer(
        kt.learn_vocabulary(["ba de", "fi go"], may_be_smaller=True)
    )
    keras.utils.set_random_seed(0)
    config = kt.TransformerConfig(tokenizer.vocabulary_size, 1, 1, 8, 2, 13)
    return kt.Translator(
        kt.build_transformer(config),
        tokenizer,
        kt.search.BeamSearch(
            beam_size=3,
            alpha=0.7,
            constraints=kt.search.Constraints(banned_ids=[5, 7]),
        ),
        max_source_length=23,
        lengths=kt.translation.Lengths(maximum=29),
    )


def described(translator, **changes):
    given = {"signatures": ("n_best",), "warm_up": ["ba"], "run": None}
    return metadata.describe(translator, **{**given, **changes})


def write(directory, value):
    (directory / "assets").mkdir()
    path = directory / "assets" / metadata.FILE
    path.write_text(metadata.as_json(value), encoding="utf-8")


class TestDescribe:
    def test_search_and_limits(self, translator):
        found = described(translator)
        assert found["search"]["name"] == "BeamSearch"
        assert found["search"]["beam_size"] == 3
        assert found["search"]["alpha"] == 0.7
        assert found["search"]["constraints"]["banned_ids"] == (5, 7)
        assert found["max_source_length"] == 23
        assert found["lengths"]["maximum"] == 29

    def test_model_and_packages(self, translator):
        found = described(translator)
        assert found["parameters"] == {
            "float32": translator.model.count_params()
        }
        assert found["versions"]["keras"] == keras.__version__
        assert found["versions"]["tensorflow"] == tf.__version__
        assert found["package"] == kt.__version__
        assert found["vocabulary_sha256"] == kt.text.vocabulary_sha256(
            translator.tokenizer, translator.tokenizer
        )

    def test_a_second_search(self, translator):
        assert described(translator)["repair"] is None
        repairing = kt.translation.RepairingTranslator(
            translator, kt.translation.LengthModel(1.25, 0.5)
        )
        found = json.loads(metadata.as_json(described(repairing)))
        assert found["repair"] == {"ratio": 1.25, "deviation": 0.5}

    def test_a_search_of_ones_own(self, translator):
        def ends(step, state, task):
            raise NotImplementedError()

        other = translator.with_search(ends)
        assert described(other)["search"] == {"name": "_Function"}

    def test_a_seed_that_is_a_tensor(self, translator):
        sampling = kt.search.SamplingSearch(seed=tf.constant(7))
        found = described(translator.with_search(sampling))
        assert json.loads(json.dumps(found["search"]))["name"] == (
            "SamplingSearch"
        )

    def test_weights_of_several_types(self, translator):
        small = kt.models.in_int8(translator.model)
        count = translator.model.count_params()
        found = described(translator.with_model(small))["parameters"]
        # Quantization adds scales, so the sum exceeds the number of weights.
        assert set(found) == {"float32", "int8"}
        assert 0 < found["int8"] < count < sum(found.values())


class TestRead:
    def test_what_was_written(self, translator, tmp_path):
        value = described(translator, run={"settings": {"seed": 3, "né": [1]}})
        write(tmp_path, value)
        # JSON has lists, but no tuples.
        assert metadata.read(tmp_path) == json.loads(json.dumps(value))
        assert metadata.read(tmp_path)["run"]["settings"]["né"] == [1]

    def test_an_older_saved_model_has_none(self, tmp_path):
        assert metadata.read(tmp_path) == {}

    @pytest.mark.parametrize("content", ["{", "[]", "{}"])
    def test_damaged(self, content, tmp_path):
        (tmp_path / "assets").mkdir()
        (tmp_path / "assets" / metadata.FILE).write_text(content)
        with pytest.raises(ValueError, match="metadata.json is not the descr"):
            metadata.read(tmp_path)

    def test_of_a_later_version(self, tmp_path):
        write(tmp_path, {"format": 2})
        with pytest.raises(ValueError, match="has format 2. Expected 1."):
            metadata.read(tmp_path)


@pytest.mark.parametrize("run", [{"steps": {3}}, {"loss": float("nan")}])
def test_refuses_what_is_not_json(translator, run):
    value = described(translator, run=run)
    with pytest.raises(ValueError, match="must be values of JSON"):
        metadata.as_json(value)
