"""Learned vocabularies: their size, their pieces, and invalid arguments."""

import re
import subprocess
import sys
from unittest import mock

import pytest
import sentencepiece
import tensorflow as tf
from absl.testing import parameterized

from keras_transformer.text import vocabulary

TEXTS = [
    "The cat sat on the mat.",
    "Le chat s'est assis sur le tapis.",
    "The dog didn't sit, it ran away.",
    "Le chien ne s'est pas assis, il s'est enfui.",
]
NUM_CHARACTERS = len(set(" ".join(TEXTS)))


def size_of(model):
    return sentencepiece.SentencePieceProcessor(model_proto=model).vocab_size()


class LearnVocabularyTest(tf.test.TestCase, parameterized.TestCase):
    def test_has_the_size_asked_for(self):
        model = vocabulary.learn_vocabulary(TEXTS, 293)
        self.assertEqual(size_of(model), 293)

    def test_holds_every_byte_and_every_character(self):
        processor = sentencepiece.SentencePieceProcessor(
            model_proto=vocabulary.learn_vocabulary(TEXTS, 293)
        )
        pieces = [processor.id_to_piece(i) for i in range(293)]
        self.assertContainsSubset([f"<0x{i:02X}>" for i in range(256)], pieces)
        self.assertContainsSubset(
            set("".join(TEXTS).replace(" ", "\u2581")), pieces
        )

    def test_first_words_are_learned_like_others(self):
        # "chat" is the first word of two sentences and the last of two: it is
        # one piece in all four.
        model = vocabulary.learn_vocabulary(
            ["chat noir", "chat vert", "un chat", "le chat"] * 5,
            may_be_smaller=True,
        )
        processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        self.assertEqual(
            processor.encode(" chat un", out_type=str)[0],
            processor.encode(" un chat", out_type=str)[-1],
        )

    def test_same_text_gives_the_same_bytes(self):
        self.assertEqual(
            vocabulary.learn_vocabulary(TEXTS, 293),
            vocabulary.learn_vocabulary(iter(TEXTS), 293),
        )

    def test_none_does_not_normalize(self):
        # A full-width letter, a decomposed letter, a no-break space, two
        # spaces.
        text = "\uff21 e\u0301 a\u00a0b  c"
        processor = sentencepiece.SentencePieceProcessor(
            model_proto=vocabulary.learn_vocabulary(
                [text], may_be_smaller=True, normalization="none"
            )
        )
        self.assertEqual(processor.decode(processor.encode(text)), text)

    def test_too_large_names_the_largest(self):
        with self.assertRaisesRegex(
            ValueError, "too small for this vocabulary.*vocabulary_size=4001"
        ) as caught:
            vocabulary.learn_vocabulary(TEXTS, 4001)
        largest = int(re.search(r"at most (\d+)", str(caught.exception))[1])
        model = vocabulary.learn_vocabulary(TEXTS, largest)
        self.assertEqual(size_of(model), largest)
        with self.assertRaisesRegex(ValueError, f"at most {largest}"):
            vocabulary.learn_vocabulary(TEXTS, largest + 1)
        # With `may_be_smaller` the same size is accepted.
        smaller = vocabulary.learn_vocabulary(TEXTS, 4001, may_be_smaller=True)
        self.assertLessEqual(size_of(smaller), largest)

    @parameterized.parameters(17, 263, 260 + NUM_CHARACTERS - 1)
    def test_too_small_names_the_smallest(self, size):
        smallest = 260 + NUM_CHARACTERS
        with self.assertRaisesRegex(
            ValueError,
            f"too small for the characters.*vocabulary_size={size}.*"
            f"Expected {smallest}",
        ):
            vocabulary.learn_vocabulary(TEXTS, size, may_be_smaller=True)
        model = vocabulary.learn_vocabulary(TEXTS, smallest)
        self.assertEqual(size_of(model), smallest)

    def test_one_string_is_no_list(self):
        with self.assertRaisesRegex(ValueError, "list of strings.*'a cat'"):
            vocabulary.learn_vocabulary("a cat")

    def test_unknown_normalization(self):
        with self.assertRaisesRegex(ValueError, "'nfd'.*'nmt_nfkc'"):
            vocabulary.learn_vocabulary(TEXTS, normalization="nfd")

    @pytest.mark.process
    def test_many_sentences_are_drawn_alike_in_every_process(self):
        program = (
            "import hashlib; from keras_transformer.text import vocabulary; "
            "vocabulary._SENTENCE_LIMIT = 97; "
            "texts = [f'n{i * i}' for i in range(1009)]; "
            "print(hashlib.sha256(vocabulary.learn_vocabulary("
            "texts, 311, may_be_smaller=True, seed=3)).hexdigest())"
        )
        found = [
            subprocess.run(
                [sys.executable, "-c", program],
                capture_output=True,
                check=True,
                text=True,
            ).stdout
            for _ in range(2)
        ]
        self.assertLen(found[0].strip(), 64)
        self.assertEqual(found[0], found[1])

    def test_every_sentence_is_as_likely_to_be_drawn(self):
        counts = [0] * 11
        with mock.patch.object(vocabulary, "_SENTENCE_LIMIT", 5):
            for seed in range(4001):
                drawn = vocabulary._draw(range(11), seed)
                self.assertLen(set(drawn), 5)
                for number in drawn:
                    counts[number] += 1
        # Six standard deviations of a binomial distribution.
        expected = 4001 * 5 / 11
        self.assertAllClose(
            counts, [expected] * 11, 0, 6 * (expected * 6 / 11) ** 0.5
        )
        self.assertEqual(vocabulary._draw(range(7), 1), list(range(7)))

    @parameterized.parameters(([],), ([""],), (["", " ", "\t\n"],))
    def test_no_text(self, texts):
        with self.assertRaisesRegex(ValueError, "at least one sentence"):
            vocabulary.learn_vocabulary(texts, 293)

    def test_very_long_line_is_not_left_out(self):
        # By default SentencePiece skips lines of more than 4192 bytes.
        model = vocabulary.learn_vocabulary(
            ["a b", "z" + "a " * 4001], may_be_smaller=True
        )
        processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        self.assertLen(processor.encode("z"), 1)
        self.assertNotEqual(processor.encode("z"), [4 + ord("z")])


if __name__ == "__main__":
    tf.test.main()
