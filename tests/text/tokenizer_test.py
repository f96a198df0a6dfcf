"""Encoding and decoding lose no text: eagerly, in graphs, in SavedModels."""

import functools
import os
import random
import unicodedata

import numpy as np
import pytest
import sentencepiece
import tensorflow as tf

from keras_transformer.text import special_ids, tokenizer, vocabulary
from tests.assertions import assert_all_equal, assert_not_all_equal

IDS = special_ids.SpecialIds()

TEXTS = [
    "The animal didn't cross the street because it was too tired.",
    "L'animal n'a pas traversé la rue parce qu'il était trop fatigué.",
    "The cat sat on the mat.",
    "Le chat s'est assis sur le tapis.",
]


@functools.cache
def learned():
    return vocabulary.learn_vocabulary(TEXTS, 293, normalization="none")


def random_strings(seed, count, longest, alphabet):
    drawn = random.Random(seed)
    return [
        "".join(drawn.choice(alphabet) for _ in range(drawn.randrange(longest)))
        for _ in range(count)
    ]


def every_code_point():
    # Surrogates are not characters: UTF-8 cannot encode them.
    return [chr(i) for i in range(0x110000) if not 0xD800 <= i < 0xE000]


class TestTokenizer:
    @pytest.fixture(autouse=True)
    def set_up(self):
        self.tokenizer = tokenizer.Tokenizer(learned())

    def round_trip(self, texts):
        decoded = self.tokenizer.decode(self.tokenizer.encode(texts))
        return [text.decode("utf-8") for text in decoded.numpy()]

    def test_types_and_shapes(self):
        ids = self.tokenizer.encode(["a cat", "", "the"])
        assert isinstance(ids, tf.RaggedTensor)
        assert ids.dtype == tf.int32
        assert ids.row_lengths().numpy()[1] == 0
        assert np.min(ids.values) > IDS.unknown
        assert np.max(ids.values) < self.tokenizer.vocabulary_size
        assert self.tokenizer.vocabulary_size == 293
        assert self.tokenizer.decode(ids).shape == (3,)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            " ",
            "  ",
            "   two  spaces   inside and around   ",
            "\t\ttabs\t",
            "line\nbreaks\r\n\n",
            "\x00",
            "a\x00b\x00",
            "\x1b[0m\x7f\x85",
            "\u2581",
            "\u2581a \u2581 b\u2581\u2581",
            "\U0010fffd",
            "\U0010fffd0\U0010fffd1\u25810\u25811",
            "<s>",
            "</s> <pad><bos><eos> <unk>",
            "<0x41>",
            "a<0x0A>b",
            "\ufeffmark first",
            "no\u00a0break \u2003 em \u200b zero \u2028 line",
            "e\u0301 is not \u00e9, \uff21 is not A, \ufb01 is not fi",
            "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1eb\U0001f1f7",
            "\u0634\u0627\u0631\u0639 \u202bשלום עולם\u202c",
            "\ufffe\uffff\U0010ffff",
            "\ufffd",
        ],
    )
    def test_lossless(self, text):
        assert self.round_trip([text]) == [text]

    @pytest.mark.grid
    def test_lossless_for_every_code_point(self):
        characters = every_code_point()
        texts = [
            "".join(characters[i : i + 4001])
            for i in range(0, len(characters), 4001)
        ]
        assert self.round_trip(texts) == texts  # Too long to print.

    @pytest.mark.parametrize(
        ("_", "alphabet"),
        [
            ("any", None),
            ("the trouble makers", " \u2581\U0010fffd01<>s/x4\x00\t\n"),
            ("mostly spaces", "    a\u2581"),
        ],
    )
    def test_lossless_for_random_text(self, _, alphabet):
        texts = random_strings(0, 499, 23, alphabet or every_code_point())
        assert self.round_trip(texts) == texts

    @pytest.mark.parametrize(
        "text",
        [
            b"\xff",
            b"caf\xe9 noir",  # Latin-1
            b"\xed\xa0\x80",  # A surrogate.
            b"\xc0\xaf",  # An overlong slash.
            b"cut \xf0\x9f\x98",
            b"\xe2\x96 \x81",  # U+2581, cut in two.
        ],
    )
    def test_bytes_that_are_not_utf8_are_replaced(self, text):
        [decoded] = self.round_trip([text])
        assert "\ufffd" in decoded
        around = text.decode("utf-8", errors="ignore")
        assert decoded.replace("\ufffd", "") == around

    def test_any_ids_decode_to_unicode(self):
        # A model may produce any sequence of ids, also incomplete UTF-8
        # characters.
        drawn = random.Random(1)
        ids = [
            [drawn.randrange(293) for _ in range(drawn.randrange(19))]
            for _ in range(997)
        ]
        decoded = self.tokenizer.decode(tf.ragged.constant(ids)).numpy()
        for text in decoded:
            text.decode("utf-8")
        assert len(set(decoded)) > 900

    @pytest.mark.parametrize(
        "special",
        [
            IDS.pad,
            IDS.begin,
            IDS.end,
            IDS.unknown,
        ],
    )
    def test_special_ids_give_no_text(self, special):
        [ids] = self.tokenizer.encode(["  the cat"]).to_list()
        for at in range(len(ids) + 1):
            rows = [ids[:at] + [special] + ids[at:]]
            assert_all_equal(self.tokenizer.decode(rows), [b"  the cat"])

    def test_decodes_padded_rows(self):
        texts = ["The cat", "", "a"]
        ids = self.tokenizer.encode(texts)
        dense = ids.to_tensor(IDS.pad)
        assert_all_equal(
            self.tokenizer.decode(dense), self.tokenizer.decode(ids)
        )
        assert_all_equal(
            self.tokenizer.decode(dense), [text.encode() for text in texts]
        )

    def test_pieces_of_special_ids(self):
        assert self.tokenizer.pieces([0, 1, 2]) == ["<pad>", "<bos>", "<eos>"]

    def test_pieces_spell_the_text(self):
        [ids] = self.tokenizer.encode(["the cat"]).to_list()
        assert "".join(self.tokenizer.pieces(ids)) == "\u2581the\u2581cat"

    def test_empty_batch(self):
        ids = self.tokenizer.encode([])
        assert ids.nrows() == 0
        assert self.tokenizer.decode(ids).shape == (0,)

    def test_ids_are_those_of_the_sentencepiece_library(self):
        processor = sentencepiece.SentencePieceProcessor(model_proto=learned())
        texts = TEXTS + random_strings(2, 211, 17, every_code_point())
        texts += random_strings(3, 211, 17, " theca.'\u2581\U0010fffd<0>")
        # Decomposed text, which both libraries must read alike.
        texts.append(unicodedata.normalize("NFD", TEXTS[1]))
        assert self.tokenizer.encode(texts).to_list() == [
            processor.encode(" " + text if text else "") for text in texts
        ]

    def test_survives_a_new_seed(self, seed_of_tensorflow):
        traced = tf.function(
            lambda text: self.tokenizer.decode(self.tokenizer.encode(text)),
            input_signature=[tf.TensorSpec([None], tf.string)],
        )
        before = self.tokenizer.encode(TEXTS).to_list()
        traced(tf.constant(TEXTS))
        # As `keras.utils.set_random_seed` does outside of these tests.
        seed_of_tensorflow(7)
        assert self.tokenizer.encode(TEXTS).to_list() == before
        assert self.round_trip(TEXTS) == TEXTS
        assert_all_equal(
            traced(tf.constant(TEXTS)), [text.encode() for text in TEXTS]
        )

    def test_works_inside_tf_data(self):
        dataset = tf.data.Dataset.from_tensor_slices(TEXTS).batch(3)
        dataset = dataset.map(
            lambda text: self.tokenizer.decode(self.tokenizer.encode(text))
        )
        decoded = [t.decode() for batch in dataset for t in batch.numpy()]
        assert decoded == TEXTS

    def test_two_vocabularies_of_one_graph(self, tmp_path):
        """The model loads with TensorFlow's own loader and in a session."""
        texts = [["a cat sat", "the mat"], ["un chat", "le tapis est assis"]]
        both = tf.Module()
        both.tokenizers = [
            tokenizer.Tokenizer(
                vocabulary.learn_vocabulary(some, may_be_smaller=True)
            )
            for some in texts
        ]

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "text")])
        def encode(text):
            return {
                name: one.encode(text).to_tensor(IDS.pad)
                for name, one in zip("ab", both.tokenizers, strict=True)
            }

        path = str(tmp_path)
        tf.saved_model.save(both, path, signatures=encode)
        text = tf.constant(["le chat", "a cat sat"])
        expected = {name: ids.numpy() for name, ids in encode(text).items()}
        assert_not_all_equal(expected["a"][0, :3], expected["b"][0, :3])
        loaded = tf.saved_model.load(path).signatures["serving_default"]
        # The model is loaded twice, and both copies are called in turn.
        again = tf.saved_model.load(path).signatures["serving_default"]
        for function in (loaded, again, loaded):
            for name, ids in function(text=text).items():
                assert_all_equal(ids, expected[name])
        with tf.compat.v1.Session(graph=tf.Graph()) as session:
            graph = tf.compat.v1.saved_model.load(session, ["serve"], path)
            signature = graph.signature_def["serving_default"]
            found = session.run(
                {n: info.name for n, info in signature.outputs.items()},
                {signature.inputs["text"].name: text.numpy()},
            )
        for name, ids in expected.items():
            assert_all_equal(found[name], ids)

    @pytest.mark.parametrize("text", ["a cat", b"a cat"])
    def test_one_string_is_no_list(self, text):
        with pytest.raises(ValueError, match="list of strings.*a cat"):
            self.tokenizer.encode(text)

    def test_save_and_from_file(self, tmp_path):
        path = os.path.join(tmp_path, "tokenizer.model")
        self.tokenizer.save(path)
        loaded = tokenizer.Tokenizer.from_file(path)
        assert (
            loaded.encode(TEXTS).to_list()
            == self.tokenizer.encode(TEXTS).to_list()
        )
        # SentencePiece reads the file too, and no other file is left.
        processor = sentencepiece.SentencePieceProcessor(model_file=path)
        assert processor.vocab_size() == 293
        assert os.listdir(os.path.dirname(path)) == ["tokenizer.model"]

    def test_characters_without_a_piece(self):
        assert not self.tokenizer.has_unknown_characters("The  chat fatigué")
        assert not self.tokenizer.has_unknown_characters("")
        for text in ("z", "un \u00ee", "a \U0001f642", "a\udcff"):
            assert self.tokenizer.has_unknown_characters(text)

    def test_missing_file(self, tmp_path):
        path = os.path.join(tmp_path, "nowhere.model")
        with pytest.raises(FileNotFoundError, match="nowhere.model"):
            tokenizer.Tokenizer.from_file(path)

    def test_a_vocabulary_without_padding(self, tmp_path):
        path = os.path.join(tmp_path, "other")
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(TEXTS),
            model_prefix=path,
            vocab_size=293,
            byte_fallback=True,  # unk 0, bos 1, eos 2 and no pad.
            minloglevel=2,
        )
        with pytest.raises(
            ValueError, match="other.model: .* no 'pad' id.*learn_vocabulary"
        ):
            tokenizer.Tokenizer.from_file(f"{path}.model")


def test_ids_that_cannot_be_sampled():
    """The error comes from the thread that draws."""
    one = tokenizer.Tokenizer(learned())
    with pytest.raises(IndexError):
        one.sample([[4], [10**6]], 0.1, 0)
