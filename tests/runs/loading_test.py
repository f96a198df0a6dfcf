"""A translator that is loaded from a run directory translates as before."""

import json
import pathlib

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

import keras_transformer as kt
from keras_transformer import search
from keras_transformer.runs import loading
from tests.translation import toy

TEXTS = ["ba de fi", "", "ra", "go hu ka le mi no"]


class LoadTranslatorTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.directory = pathlib.Path(self.create_tempdir()) / "run"
        self.directory.mkdir()

    def write(self):
        live = toy.translator()
        live.tokenizer.save(self.directory / "tokenizer.model")
        live.model.save(self.directory / "model.keras")
        return live

    @parameterized.parameters(str, pathlib.Path)
    def test_round_trip(self, kind):
        live = self.write()
        loaded = loading.load_translator(kind(self.directory))
        texts = tf.constant(TEXTS)
        self.assertLen(set(live.translate(TEXTS)), len(TEXTS))
        self.assertAllEqual(
            loaded(texts)["translation"], live(texts)["translation"]
        )
        self.assertAllClose(loaded(texts)["score"], live(texts)["score"])
        self.assertEqual(loaded.translate(TEXTS), live.translate(TEXTS))
        self.assertEqual(loaded.max_source_length, 512)

    def test_search_and_length_are_passed_on(self):
        self.write()
        greedy = search.GreedySearch()
        loaded = loading.load_translator(
            self.directory, greedy, max_source_length=5
        )
        self.assertEqual(loaded.max_source_length, 5)
        source_ids = loaded.encode_source(tf.constant(["ba de fi go hu ka"]))
        self.assertEqual(source_ids.shape, (1, 5))
        beam = loading.load_translator(self.directory)
        texts = tf.constant(TEXTS)
        self.assertNotAllClose(loaded(texts)["score"], beam(texts)["score"])

    @parameterized.parameters(
        ("model.keras", lambda data: data[:1000], "Keras model"),
        ("model.keras", lambda data: b"", "Keras model"),
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
    )
    def test_damaged_files_are_named(self, name, spoil, kind):
        self.write()
        path = self.directory / name
        data = path.read_bytes() if path.exists() else b""
        path.write_bytes(spoil(data))
        with self.assertRaisesRegex(ValueError, f"{path}.*{kind}"):
            loading.load_translator(self.directory)

    def test_two_vocabularies(self):
        live = self.write()
        loaded = loading.load_translator(self.directory)
        self.assertIs(loaded.target_tokenizer, loaded.tokenizer)
        other = kt.Tokenizer(
            kt.learn_vocabulary(["UN DEUX"], may_be_smaller=True)
        )
        other.save(self.directory / "target_tokenizer.model")
        loaded = loading.load_translator(self.directory)
        self.assertEqual(loaded.tokenizer.model, live.tokenizer.model)
        self.assertEqual(loaded.target_tokenizer.model, other.model)

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
        texts = tf.constant(TEXTS)
        found = loading.load_translator(self.directory)(texts)["score"]
        for given, is_same in (
            ({"beam_size": 3, "alpha": 1.0, "penalty": "average"}, True),
            ({"beam_size": 3, "alpha": 1.0}, False),
        ):
            wanted = loading.load_translator(
                self.directory, search.BeamSearch(**given)
            )(texts)["score"]
            self.assertEqual(np.allclose(found, wanted, atol=1e-6), is_same)

    def test_settings_of_the_search_can_be_replaced(self):
        (self.directory / "config.json").write_text(
            json.dumps({"settings": {"beam_size": 3, "length_penalty": 1.0}})
        )
        found = loading.run_search(self.directory, alpha=0.0)
        self.assertEqual(found, search.BeamSearch(beam_size=3, alpha=0.0))
        found = loading.run_search(self.directory, beam_size=5)
        self.assertEqual(found, search.BeamSearch(beam_size=5, alpha=1.0))
        found = loading.run_search(
            self.directory, penalty="none", top_beams=2, coverage=None
        )
        self.assertEqual(
            found,
            search.BeamSearch(
                beam_size=3, alpha=1.0, penalty="none", top_beams=2
            ),
        )
        # Without the file, the defaults of the search hold.
        (self.directory / "config.json").unlink()
        self.assertEqual(
            loading.run_search(self.directory), search.BeamSearch()
        )

    @parameterized.parameters("tokenizer.model", "model.keras")
    def test_missing_file(self, name):
        self.write()
        (self.directory / name).unlink()
        with self.assertRaisesRegex(
            FileNotFoundError, f"{self.directory} is not .* no {name}.*Give"
        ):
            loading.load_translator(self.directory)

    def test_missing_directory(self):
        nowhere = self.directory / "nowhere"
        with self.assertRaisesRegex(FileNotFoundError, f"{nowhere} is not"):
            loading.load_translator(nowhere)


if __name__ == "__main__":
    tf.test.main()
