"""Results are in the order of the texts, however texts are put into batches."""

import pytest

from keras_transformer.translation import batches


class TestInBatches:
    def answer(self, texts, batch_size):
        """Returns the texts in capitals, and the batches of texts."""
        batches_ = []

        def shout(rows):
            batches_.append([texts[row] for row in rows])
            return [texts[row].upper() for row in rows]

        return batches.in_batches(shout, texts, batch_size), batches_

    def test_answers_in_the_order_of_the_texts(self):
        texts = ["ccc", "\u00e9", "", "bb", "ccc", "dddd", "a"]
        found, _ = self.answer(texts, 3)
        assert found == [text.upper() for text in texts]

    def test_texts_of_like_length_go_together(self):
        texts = ["a" * (i * 7 % 23) for i in range(23)]
        _, batches_ = self.answer(texts, 5)
        assert [len(batch) for batch in batches_] == [5] * 4 + [3]
        lengths = [len(text) for batch in batches_ for text in batch]
        assert lengths == list(range(23))

    def test_bytes_too(self):
        found, batches_ = self.answer([b"ccc", b"", b"bb", b"a"], 3)
        assert found == [b"CCC", b"", b"BB", b"A"]
        assert batches_ == [[b"", b"a", b"bb"], [b"ccc"]]

    def test_no_texts(self):
        assert self.answer([], 3) == ([], [])


def test_partners_must_be_as_many_as_texts():
    batches.check_partners(["a", "b"], ["x", ""], "target", "targets")
    with pytest.raises(
        ValueError,
        match="needs its target. Received: 2 texts, 1 targets. Use an empty",
    ):
        batches.check_partners(["a", "b"], ["x"], "target", "targets")
