"""A translator that is loaded from a run directory translates as before."""

import json

import pytest
import tensorflow as tf

import keras_transformer as kt
from keras_transformer import search
from keras_transformer.runs import loading
from tests.assertions import (
    assert_all_close,
    assert_all_equal,
)
from tests.translation import toy

TEXTS = ["ba de fi", "", "ra", "go hu ka le mi no"]


class TestLoadTranslator:
    @pytest.fixture(autouse=True)
    def set_up(self, tmp_path):
        self.directory = tmp_path / "run"
        self.directory.mkdir()

    def write(self):
        live = toy.translator()
        live.tokenizer.save(self.directory / "tokenizer.model")
        live.model.save(self.directory / "model.keras")
        return live

    def test_round_trip(self):
        live = self.write()
        loaded = loading.load_translator(self.directory)
        texts = tf.constant(TEXTS)
        assert len(set(live.translate(TEXTS))) == len(TEXTS)
        assert_all_equal(
            loaded(texts)["translation"], live(texts)["translation"]
        )
        assert_all_close(loaded(texts)["score"], live(texts)["score"])
        assert loaded.max_source_length == 512

    def test_the_name_of_the_directory(self):
        live = self.write()
        loaded = loading.load_translator(str(self.directory))
        for one, other in zip(
            loaded.model.weights, live.model.weights, strict=True
        ):
            assert_all_equal(one, other)

    def test_search_and_length_are_passed_on(self):
        self.write()
        greedy = search.GreedySearch()
        loaded = loading.load_translator(
            self.directory, greedy, max_source_length=5
        )
        assert loaded.max_source_length == 5
        source_ids = loaded.encode_source(tf.constant(["ba de fi go hu ka"]))
        assert source_ids.shape == (1, 5)
        assert loaded.search is greedy
        beam = loading.load_translator(self.directory)
        assert beam.search == search.BeamSearch()

    @pytest.mark.parametrize(
        ("name", "spoil", "kind"),
        [
            ("model.keras", lambda data: data[:1000], "Keras model"),
            ("model.keras", lambda data: b"", "Keras model"),
            ("model.keras", lambda data: b"PK\5\6" + bytes(18), "Keras model"),
            (
                "model.keras",
                lambda data: data[: len(data) // 2] + bytes(len(data) // 2),
                "Keras model",
            ),
            ("tokenizer.model", lambda data: b"text", "SentencePiece model"),
            ("tokenizer.model", lambda data: b"", "SentencePiece model"),
            ("config.json", lambda data: b"{", "configuration"),
            ("config.json", lambda data: b"{}", "configuration"),
            ("config.json", lambda data: b"[7]", "configuration"),
        ],
    )
    def test_damaged_files_are_named(self, name, spoil, kind):
        self.write()
        path = self.directory / name
        data = path.read_bytes() if path.exists() else b""
        path.write_bytes(spoil(data))
        with pytest.raises(ValueError, match=f"{path}.*{kind}"):
            loading.load_translator(self.directory)

    def test_two_vocabularies(self):
        live = self.write()
        loaded = loading.load_translator(self.directory)
        assert loaded.target_tokenizer is loaded.tokenizer
        other = kt.Tokenizer(
            kt.learn_vocabulary(["UN DEUX"], may_be_smaller=True)
        )
        other.save(self.directory / "target_tokenizer.model")
        loaded = loading.load_translator(self.directory)
        assert loaded.tokenizer.model == live.tokenizer.model
        assert loaded.target_tokenizer.model == other.model

    def test_the_search_is_that_of_the_run(self):
        self.write()
        settings = {
            "beam_size": 3,
            "length_penalty": 1.0,
            "length_penalty_form": "average",
        }
        (self.directory / "config.json").write_text(
            json.dumps({"settings": settings})
        )
        found = loading.load_translator(self.directory).search
        assert found == search.BeamSearch(
            beam_size=3, alpha=1.0, penalty="average"
        )

    def test_settings_of_the_search_can_be_replaced(self):
        (self.directory / "config.json").write_text(
            json.dumps({"settings": {"beam_size": 3, "length_penalty": 1.0}})
        )
        found = loading.run_search(self.directory, alpha=0.0)
        assert found == search.BeamSearch(beam_size=3, alpha=0.0)
        found = loading.run_search(self.directory, beam_size=5)
        assert found == search.BeamSearch(beam_size=5, alpha=1.0)
        found = loading.run_search(
            self.directory, penalty="none", top_beams=2, coverage=None
        )
        assert found == search.BeamSearch(
            beam_size=3, alpha=1.0, penalty="none", top_beams=2
        )
        # Without the file, the defaults of the search hold.
        (self.directory / "config.json").unlink()
        assert loading.run_search(self.directory) == search.BeamSearch()

    @pytest.mark.parametrize("name", ["tokenizer.model", "model.keras"])
    def test_missing_file(self, name):
        self.write()
        (self.directory / name).unlink()
        with pytest.raises(
            FileNotFoundError,
            match=f"{self.directory} is not .* no {name}.*Give",
        ):
            loading.load_translator(self.directory)

    def test_missing_directory(self):
        nowhere = self.directory / "nowhere"
        with pytest.raises(FileNotFoundError, match=f"{nowhere} is not"):
            loading.load_translator(nowhere)


class TestImportedRuns:
    """The search and the length limits of `config.json` are used."""

    def write(self, directory, **config):
        run = kt.runs.RunDirectory(directory)
        run.write_config({"settings": {}, **config})

    def test_search(self, tmp_path):
        settings = {
            "beam_size": 3,
            "length_penalty": 1.0,
            "length_penalty_form": "average",
            "stopping": "current_length",
            "banned_ids": [7],
            "normalized_over": "allowed",
        }
        self.write(tmp_path, settings=settings)
        constraints = search.Constraints(
            banned_ids=[7], normalized_over="allowed"
        )
        assert loading.run_search(tmp_path) == search.BeamSearch(
            3,
            alpha=1.0,
            penalty="average",
            stopping="current_length",
            constraints=constraints,
        )

    def test_lengths(self, tmp_path):
        assert loading.run_lengths(tmp_path) == kt.translation.Lengths()
        self.write(tmp_path, lengths={"extra": 7, "ratio": 0.0})
        assert loading.run_lengths(tmp_path) == kt.translation.Lengths(
            ratio=0.0, extra=7
        )
        self.write(tmp_path, lengths={"shortest": 7})
        with pytest.raises(ValueError, match="lengths of config.json are dam"):
            loading.run_lengths(tmp_path)

    def test_architecture(self, tmp_path):
        with pytest.raises(ValueError, match="has no config.json that desc"):
            loading.run_architecture(tmp_path)
        self.write(tmp_path, architecture={"model_dim": 7})
        assert loading.run_architecture(tmp_path)["model_dim"] == 7
