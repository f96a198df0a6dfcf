"""A pair is a plain tuple with names."""

from keras_transformer.data import pairs


class TestSentencePair:
    def test_names_and_order(self):
        pair = pairs.SentencePair("a cat", "un chat")
        assert (pair.source, pair.target) == ("a cat", "un chat")
        source, target = pair
        assert (source, target) == ("a cat", "un chat")

    def test_equal_pairs_are_one_in_a_set(self):
        pair = pairs.SentencePair(source="a cat", target="un chat")
        assert len({pair, pairs.SentencePair("a cat", "un chat")}) == 1
        assert pair != pairs.SentencePair("un chat", "a cat")
