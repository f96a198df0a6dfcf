"""Answers come in the order of the texts, whatever went together."""

import tensorflow as tf
from absl.testing import parameterized

from keras_transformer.translation import batches


class InBatchesTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.batches = []

    def shout(self, text):
        """Instead of a translator: its batches can be looked at."""
        self.batches.append([t.decode() for t in text.numpy()])
        return {
            "translation": tf.strings.upper(text, encoding="utf-8"),
            "score": tf.cast(-tf.strings.length(text), tf.float32),
        }

    def test_answers_in_the_order_of_the_texts(self):
        texts = ["ccc", "\u00e9", "", "bb", "ccc", "dddd", "a"]
        found = batches.in_batches(self.shout, texts, batch_size=3)
        self.assertEqual(
            found,
            [(t.upper(), -float(len(t.encode()))) for t in texts],
        )

    def test_texts_of_like_length_go_together(self):
        texts = ["a" * (i * 7 % 23) for i in range(23)]
        batches.in_batches(self.shout, texts, batch_size=5)
        self.assertEqual([len(batch) for batch in self.batches], [5] * 4 + [3])
        lengths = [[len(text) for text in batch] for batch in self.batches]
        self.assertEqual(sum(lengths, []), list(range(23)))

    def test_places_by_length(self):
        found = list(batches.batches_by_length([b"ccc", b"", b"bb", b"a"], 3))
        self.assertEqual(found, [[1, 3, 2], [0]])
        self.assertEqual(list(batches.batches_by_length([], 3)), [])

    def test_no_texts(self):
        self.assertEqual(batches.in_batches(self.shout, []), [])
        self.assertEqual(self.batches, [])


if __name__ == "__main__":
    tf.test.main()
