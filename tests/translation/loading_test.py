"""What was written to a run directory translates as before."""

import functools
import pathlib

import tensorflow as tf
from absl.testing import parameterized

from keras_transformer import search
from keras_transformer.translation import loading
from tests.translation import toy

TEXTS = ["ba de fi", "", "ra", "go hu ka le mi no"]


class LoadTranslatorTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.directory = pathlib.Path(self.create_tempdir()) / "run"
        self.directory.mkdir()

    def write(self):
        live = toy.translator()
        live.tokenizer.save(self.directory / loading.TOKENIZER_FILE)
        live.model.save(self.directory / loading.MODEL_FILE)
        return live

    def test_names_of_the_files(self):
        self.assertEqual(loading.TOKENIZER_FILE, "tokenizer.model")
        self.assertEqual(loading.MODEL_FILE, "model.keras")

    @parameterized.parameters(str, pathlib.Path)
    def test_round_trip(self, kind):
        live = self.write()
        loaded = loading.load_translator(kind(self.directory))
        texts = tf.constant(TEXTS)
        self.assertAllEqual(
            loaded(texts)["translation"], live(texts)["translation"]
        )
        self.assertAllClose(loaded(texts)["score"], live(texts)["score"])
        self.assertEqual(loaded.translate(TEXTS), live.translate(TEXTS))
        self.assertEqual(loaded.max_source_length, 512)

    def test_search_and_length_are_passed_on(self):
        self.write()
        greedy = functools.partial(search.greedy_search)
        loaded = loading.load_translator(
            self.directory, greedy, max_source_length=5
        )
        self.assertEqual(loaded.max_source_length, 5)
        source_ids = loaded.encode_source(tf.constant(["ba de fi go hu ka"]))
        self.assertEqual(source_ids.shape, (1, 5))
        beam = loading.load_translator(self.directory)
        texts = tf.constant(TEXTS)
        self.assertNotAllClose(loaded(texts)["score"], beam(texts)["score"])

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
