"""A pair is a plain tuple with names."""

import tensorflow as tf

from keras_transformer.data import pairs


class SentencePairTest(tf.test.TestCase):
    def test_names_and_order(self):
        pair = pairs.SentencePair("a cat", "un chat")
        self.assertEqual((pair.source, pair.target), ("a cat", "un chat"))
        source, target = pair
        self.assertEqual((source, target), ("a cat", "un chat"))

    def test_equal_pairs_are_one_in_a_set(self):
        pair = pairs.SentencePair(source="a cat", target="un chat")
        self.assertLen({pair, pairs.SentencePair("a cat", "un chat")}, 1)
        self.assertNotEqual(pair, pairs.SentencePair("un chat", "a cat"))


if __name__ == "__main__":
    tf.test.main()
