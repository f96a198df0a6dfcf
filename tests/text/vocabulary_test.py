"""Learned vocabularies: their size, their pieces, and invalid arguments."""

import hashlib
import re
import subprocess
import sys

import pytest
import sentencepiece

from keras_transformer.text import special_ids, vocabulary
from tests.assertions import assert_all_close

TEXTS = [
    "The cat sat on the mat.",
    "Le chat s'est assis sur le tapis.",
    "The dog didn't sit, it ran away.",
    "Le chien ne s'est pas assis, il s'est enfui.",
]
NUM_CHARACTERS = len(set(" ".join(TEXTS)))


def size_of(model):
    return sentencepiece.SentencePieceProcessor(model_proto=model).vocab_size()


class TestLearnVocabulary:
    def test_has_the_size_asked_for(self):
        model = vocabulary.learn_vocabulary(TEXTS, 293)
        assert size_of(model) == 293

    def test_holds_every_byte_and_every_character(self):
        processor = sentencepiece.SentencePieceProcessor(
            model_proto=vocabulary.learn_vocabulary(TEXTS, 293)
        )
        pieces = [processor.id_to_piece(i) for i in range(293)]
        assert set([f"<0x{i:02X}>" for i in range(256)]) <= set(pieces)
        assert set(set("".join(TEXTS).replace(" ", "\u2581"))) <= set(pieces)

    def test_first_words_are_learned_like_others(self):
        # "chat" is the first word of two sentences and the last of two. It is
        # the same piece in all four.
        model = vocabulary.learn_vocabulary(
            ["chat noir", "chat vert", "un chat", "le chat"] * 5,
            may_be_smaller=True,
        )
        processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        assert (
            processor.encode(" chat un", out_type=str)[0]
            == processor.encode(" un chat", out_type=str)[-1]
        )

    def test_same_text_gives_the_same_bytes(self):
        assert vocabulary.learn_vocabulary(
            TEXTS, 293
        ) == vocabulary.learn_vocabulary(iter(TEXTS), 293)

    def test_none_does_not_normalize(self):
        # A full-width letter, a decomposed letter, a no-break space, two
        # spaces.
        text = "\uff21 e\u0301 a\u00a0b  c"
        processor = sentencepiece.SentencePieceProcessor(
            model_proto=vocabulary.learn_vocabulary(
                [text], may_be_smaller=True, normalization="none"
            )
        )
        assert processor.decode(processor.encode(text)) == text

    def test_too_large_names_the_largest(self):
        with pytest.raises(
            ValueError,
            match="too small for this vocabulary.*vocabulary_size=4001",
        ) as caught:
            vocabulary.learn_vocabulary(TEXTS, 4001)
        largest = int(re.search(r"at most (\d+)", str(caught.value))[1])
        model = vocabulary.learn_vocabulary(TEXTS, largest)
        assert size_of(model) == largest
        with pytest.raises(ValueError, match=f"at most {largest}"):
            vocabulary.learn_vocabulary(TEXTS, largest + 1)
        # With `may_be_smaller` the same size is accepted.
        smaller = vocabulary.learn_vocabulary(TEXTS, 4001, may_be_smaller=True)
        assert size_of(smaller) <= largest

    @pytest.mark.parametrize("size", [17, 263, 260 + NUM_CHARACTERS - 1])
    def test_too_small_names_the_smallest(self, size):
        smallest = 260 + NUM_CHARACTERS
        with pytest.raises(
            ValueError,
            match=f"too small for the characters.*vocabulary_size={size}.*"
            f"Expected {smallest}",
        ):
            vocabulary.learn_vocabulary(TEXTS, size, may_be_smaller=True)
        model = vocabulary.learn_vocabulary(TEXTS, smallest)
        assert size_of(model) == smallest

    def test_one_string_is_no_list(self):
        with pytest.raises(ValueError, match="list of strings.*'a cat'"):
            vocabulary.learn_vocabulary("a cat")

    def test_an_unknown_id_is_needed(self):
        ids = special_ids.SpecialIds(unknown=None)
        with pytest.raises(ValueError, match="unknown=None.*Give `unknown`"):
            vocabulary.learn_vocabulary(TEXTS, 293, special_ids=ids)

    def test_unknown_normalization(self):
        with pytest.raises(ValueError, match="'nfd'.*'nmt_nfkc'"):
            vocabulary.learn_vocabulary(TEXTS, normalization="nfd")

    @pytest.mark.grid
    @pytest.mark.process
    def test_many_sentences_are_drawn_alike_in_every_process(self):
        program = (
            "import hashlib; from keras_transformer.text import vocabulary; "
            "texts = [f'n{i * i}' for i in range(1009)]; "
            "print(hashlib.sha256(vocabulary.learn_vocabulary("
            "texts, 311, True, seed=3, max_sentences=97)).hexdigest())"
        )
        found = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        here = vocabulary.learn_vocabulary(
            [f"n{i * i}" for i in range(1009)],
            311,
            True,
            seed=3,
            max_sentences=97,
        )
        assert found.strip() == hashlib.sha256(here).hexdigest()

    def test_every_sentence_is_as_likely_to_be_drawn(self):
        counts = [0] * 11
        for seed in range(4001):
            drawn = vocabulary._draw(map(str, range(11)), 5, seed)
            assert len(set(drawn)) == 5
            for number in drawn:
                counts[int(number)] += 1
        # Six standard deviations of a binomial distribution.
        expected = 4001 * 5 / 11
        assert_all_close(
            counts, [expected] * 11, 0, 6 * (expected * 6 / 11) ** 0.5
        )
        assert vocabulary._draw(iter("abc"), 3, 1) == list("abc")

    @pytest.mark.parametrize("texts", [[], [""], ["", " ", "\t\n"]])
    def test_no_text(self, texts):
        with pytest.raises(ValueError, match="at least one sentence"):
            vocabulary.learn_vocabulary(texts, 293)

    def test_very_long_line_is_not_left_out(self):
        # By default SentencePiece skips lines of more than 4192 bytes.
        model = vocabulary.learn_vocabulary(
            ["a b", "z" + "a " * 4001], may_be_smaller=True
        )
        processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        assert len(processor.encode("z")) == 1
        assert processor.encode("z") != [4 + ord("z")]

    @pytest.mark.parametrize("algorithm", vocabulary.ALGORITHMS)
    def test_user_symbols_are_one_piece_each(self, algorithm):
        symbols = ["<2fr>", "<2pt-BR>"]
        processor = sentencepiece.SentencePieceProcessor(
            model_proto=vocabulary.learn_vocabulary(
                TEXTS, 293, algorithm=algorithm, user_symbols=symbols
            )
        )
        assert processor.vocab_size() == 293
        pieces = processor.encode("<2pt-BR> cat<2fr>", out_type=str)
        assert pieces[1] == "<2pt-BR>"
        assert pieces[-1] == "<2fr>"
        # Bytes spell characters that no text has, as always.
        assert processor.encode("z", out_type=str)[-1] == "<0x7A>"

    def test_algorithms_differ_and_are_repeatable(self):
        def learn(algorithm):
            return vocabulary.learn_vocabulary(
                TEXTS * 5, 293, algorithm=algorithm
            )

        models = [learn(each) for each in vocabulary.ALGORITHMS]
        assert models == [learn(each) for each in vocabulary.ALGORITHMS]
        assert models[0] != models[1]
        # A unigram model gives its pieces log-probabilities.
        bpe, unigram = (
            sentencepiece.SentencePieceProcessor(model_proto=model)
            for model in models
        )
        assert all(
            bpe.get_score(i) == int(bpe.get_score(i)) for i in range(293)
        )
        assert any(unigram.get_score(i) % 1 for i in range(293))

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"algorithm": "word"}, "Unknown `algorithm`.*'word'.*'unigram'"),
            ({"user_symbols": ["a", "a"]}, "different texts.*'a', 'a'"),
            ({"user_symbols": ["a b"]}, "without spaces.*'a b'"),
            ({"user_symbols": [""]}, "without spaces"),
            ({"user_symbols": "<2fr>"}, "`user_symbols` is a list"),
            ({"max_sentences": 0}, "`max_sentences` must be.*Received: 0"),
        ],
    )
    def test_invalid_settings(self, settings, message):
        with pytest.raises(ValueError, match=message):
            vocabulary.learn_vocabulary(TEXTS, 293, **settings)
