"""Encoded pairs must have the ids of their texts, in order."""

import numpy as np
import pytest

from keras_transformer.data import encoding, pairs
from tests.assertions import assert_all_equal
from tests.data.letter_tokenizer import LetterTokenizer


class TestEncodePairs:
    def encode(self, *texts, max_length=7):
        return encoding.encode_pairs(
            [pairs.SentencePair(*text) for text in texts],
            LetterTokenizer(),
            max_length,
        )

    def test_ids_in_order(self):
        encoded = self.encode(("ab", "c"), ("d", "efg"))
        assert_all_equal(encoded.sources[0], [ord("a"), ord("b")])
        assert_all_equal(encoded.sources[1], [ord("d")])
        assert_all_equal(encoded.targets[0], [ord("c")])
        assert_all_equal(encoded.targets[1], [ord(c) for c in "efg"])
        assert encoded.sources[0].dtype == np.int32
        assert (encoded.num_empty, encoded.num_too_long) == (0, 0)
        # 4 letters and 2 end tokens.
        assert encoded.num_target_tokens == 6

    def test_sides_may_have_tokenizers_of_their_own(self):
        class Shifted(LetterTokenizer):
            def encode(self, texts):
                return super().encode(texts) + 1000

        encoded = encoding.encode_pairs(
            [pairs.SentencePair("ab", "cde")], LetterTokenizer(), 7, Shifted()
        )
        assert_all_equal(encoded.sources[0], [ord("a"), ord("b")])
        assert_all_equal(encoded.targets[0], [1000 + ord(c) for c in "cde"])

    def test_counts_what_it_leaves_out(self):
        encoded = self.encode(
            ("", "a"),
            ("a", ""),
            ("", ""),
            (" \t", "a"),
            ("a", "\u2003"),
            ("abcdefg", "a"),
            ("a", "abcdefgh"),
            ("kept", "kept"),
        )
        assert len(encoded.sources) == 1
        assert len(encoded.targets) == 1
        assert encoded.num_empty == 5
        assert encoded.num_too_long == 2

    def test_texts_without_tokens_are_empty(self):
        """A normalization may remove all characters, such as U+200B."""

        class Visible(LetterTokenizer):
            def encode(self, texts):
                return super().encode([t.replace("\u200b", "") for t in texts])

        given = [("\u200b", "a"), ("a", "\u200b"), ("kept", "kept")]
        encoded = encoding.encode_pairs(
            [pairs.SentencePair(*sides) for sides in given], Visible(), 7
        )
        assert len(encoded.sources) == 1
        assert encoded.num_empty == 2

    def test_max_length_counts_the_end_token(self):
        encoded = self.encode(("abcdef", "a"), ("abcdefg", "a"), max_length=7)
        assert len(encoded.sources) == 1
        assert len(encoded.sources[0]) == 6

    def test_nothing_left(self):
        with pytest.raises(
            ValueError,
            match="left of 3: 1 have an empty side, 2 are longer than "
            "max_length=5",
        ):
            self.encode(("", "a"), ("abcde", "a"), ("a", "abcde"), max_length=5)

    def test_no_pairs(self):
        with pytest.raises(ValueError, match="left of 0"):
            self.encode()

    def test_more_than_one_call_of_the_tokenizer(self):
        # There are more pairs than a call of the tokenizer encodes.
        first, count = 0x4E00, 8192 + 13
        encoded = self.encode(
            *[(chr(first + i), chr(first + 1 + i)) for i in range(count)]
        )
        assert len(encoded.sources) == count
        for at in (0, 8191, 8192, count - 1):
            assert_all_equal(encoded.sources[at], [first + at])
            assert_all_equal(encoded.targets[at], [first + 1 + at])


class TestEncodedPairs:
    def test_every_window_is_all_pairs(self):
        ids = [np.array(ids, "int32") for ids in ([5, 7], [11], [13, 17, 19])]
        encoded = encoding.EncodedPairs(ids, ids[::-1])
        assert encoded.windows_per_epoch == 1
        assert encoded.num_pairs == 3
        assert encoded.longest == 4
        for number in (0, 1, 37):
            assert encoded.read_window(number) is encoded
            sources, targets = encoded.window_lengths(number)
            assert_all_equal(sources, [2, 1, 3])
            assert_all_equal(targets, [3, 1, 2])
