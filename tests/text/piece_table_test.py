"""Pieces get the ids of a table, live and in a SavedModel."""

import functools
import io

import pytest
import sentencepiece
import tensorflow as tf

from keras_transformer import text

TEXTS = ["the cat sat on the mat", "a dog ran", "the dogs and the cats"]
IDS = text.SpecialIds(pad=1, begin=None, end=0, unknown=2)


@functools.cache
def model():
    return text.learn_vocabulary(TEXTS * 3, may_be_smaller=True)


@functools.cache
def tokens():
    """Special tokens, tags, and the pieces of the model in reverse order."""
    processor = sentencepiece.SentencePieceProcessor(model_proto=model())
    pieces = [
        processor.id_to_piece(i)
        for i in range(processor.vocab_size())
        if not processor.is_control(i)
        and not processor.is_unknown(i)
        and not processor.is_byte(i)
    ]
    return ["</s>", "<pad>", "<unk>", ">>fra<<", ">>de<<", *pieces[::-1]]


class TestPieceTable:
    @pytest.fixture(autouse=True)
    def set_up(self):
        self.table = text.PieceTable(tokens(), model(), IDS)

    def decoded(self, ids):
        return [each.decode() for each in self.table.decode(ids).numpy()]

    def test_pieces_are_those_of_sentencepiece(self):
        processor = sentencepiece.SentencePieceProcessor(model_proto=model())
        ids = self.table.encode(TEXTS)
        assert ids.dtype == tf.int32
        for row, each in zip(ids.to_list(), TEXTS, strict=True):
            assert self.table.pieces(row) == processor.encode(
                each, out_type=str
            )
        assert self.decoded(ids) == TEXTS

    def test_tags(self):
        ids = self.table.encode(
            [
                ">>fra<< the cat",
                ">>de<<the cat",
                ">>xx<< the cat",
                "the cat",
                "a >>fra<< dog",
                ">>fra<<",
                "",
            ]
        ).to_list()
        cat = ids[3]
        assert ids[:3] == [[3, *cat], [4, *cat], [2, *cat]]
        assert 3 not in ids[4]
        assert ids[5:] == [[3], []]

    def test_unknown_characters(self):
        for given, expected in (
            ("the cat", False),
            (">>fra<< the cat", False),
            (">>de<<", False),
            (">>xx<< the cat", True),
            (">>fra<< \u2603", True),
            ("the \u2603", True),
        ):
            assert self.table.has_unknown_characters(given) == expected, given

    def test_the_normalization_is_that_of_the_model(self):
        """Models of OPUS-MT have the normalization nmt_nfkc."""
        trained = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(TEXTS * 3),
            model_writer=trained,
            vocab_size=19,
            normalization_rule_name="nmt_nfkc",
            minloglevel=2,
        )
        processor = sentencepiece.SentencePieceProcessor(
            model_proto=trained.getvalue()
        )
        pieces = [processor.id_to_piece(i) for i in range(19)]
        ids = text.SpecialIds(pad=19, begin=1, end=2, unknown=0)
        table = text.PieceTable([*pieces, "<pad>"], trained.getvalue(), ids)
        strange = [
            "\uff54\uff48\uff45\u3000\uff43\uff41\uff54",
            "the\u00a0\u200bdog \t s",
            " a\r\nmat ",
        ]
        found = table.encode(strange).to_list()
        assert found == [processor.encode(each) for each in strange]
        assert found[0] == table.encode(["the cat"]).to_list()[0]

    def test_several_lines_after_a_tag(self):
        ids = self.table.encode([">>fra<< the\ncat", "the\ncat"]).to_list()
        assert ids[0] == [3, *ids[1]]

    def test_unknown_pieces(self):
        ids = self.table.encode(["the \u732b cat"]).to_list()[0]
        assert IDS.unknown in ids
        assert self.table.has_unknown_characters("the \u732b")
        assert not self.table.has_unknown_characters("the cat")

    def test_special_ids_give_no_text(self):
        ids = self.table.encode(["the cat"]).to_list()[0]
        assert self.decoded([[1, *ids, 0, 1]]) == ["the cat"]
        assert self.decoded([[2, 0]]) == [""]

    def test_in_a_saved_model(self, tmp_path):
        module = tf.Module()
        module.table = self.table

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def both(texts):
            return module.table.decode(module.table.encode(texts))

        module.both = both
        tf.saved_model.save(module, str(tmp_path))
        loaded = tf.saved_model.load(str(tmp_path))
        answer = loaded.both(tf.constant([TEXTS[1], "", TEXTS[0]]))
        assert [each.decode() for each in answer.numpy()] == [
            TEXTS[1],
            "",
            TEXTS[0],
        ]

    def test_without_tags_in_the_table(self):
        plain = [token for token in tokens() if not token.startswith(">>")]
        table = text.PieceTable(plain, model(), IDS)
        assert table.encode([">>fra<< a"]).to_list()[0][0] == IDS.unknown


@pytest.mark.parametrize(
    ("tokens", "data", "message"),
    [
        (["a", "b", "c", "a"], None, "4 tokens, of which 3 are different"),
        (["a", "b", "c"], None, "unknown=3.*3 tokens"),
        (["a", "b", "c", "d"], b"", "Received 0 bytes that cannot be read"),
        (["a", "b", "c", "d"], b"nothing", "Received 7 bytes"),
    ],
)
def test_tables_that_are_wrong(tokens, data, message):
    with pytest.raises(ValueError, match=message):
        text.PieceTable(tokens, model() if data is None else data)
