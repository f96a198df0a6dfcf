"""A list of tokens encodes and decodes tokens, live and in a SavedModel."""

import keras
import pytest
import tensorflow as tf

from keras_transformer import text

TOKENS = ["<blank>", "<s>", "</s>", "<unk>", "a", "b", "\u2581c", "é", "</b>"]
IDS = text.SpecialIds(source_suffix=())


class TestTokenList:
    @pytest.fixture(autouse=True)
    def set_up(self):
        self.tokens = text.TokenList(TOKENS, IDS)

    def test_encodes_tokens(self):
        ids = self.tokens.encode(["a  b\té", "", " \u2581c x ca </s>"])
        assert ids.dtype == tf.int32
        assert ids.to_list() == [[4, 5, 7], [], [6, 3, 3, 2]]
        assert self.tokens.encode([]).shape == (0, None)
        source = self.tokens.encode_source(["b a"])
        assert source.to_list() == [[5, 4]]

    def test_every_token_of_a_large_list(self):
        tokens = [f"t{i}" for i in range(9973)]
        tokens = text.TokenList([*TOKENS, *tokens])
        pieces = tokens.pieces(range(tokens.vocabulary_size))
        ids = tokens.encode([" ".join(pieces)]).to_list()
        assert ids == [list(range(tokens.vocabulary_size))]

    def test_decodes_without_special_ids(self):
        decoded = self.tokens.decode([[4, 2, 6, 0], [1, 3, 8, 5]])
        assert [each.decode() for each in decoded.numpy()] == [
            "a \u2581c",
            "</b> b",
        ]

    def test_bytes_that_are_not_utf_8(self):
        assert self.tokens.encode([b"a \xff b"]).to_list() == [[4, 3, 5]]

    def test_set_seed_does_not_lose_it(self):
        self.tokens.encode(["a"])
        keras.utils.set_random_seed(3)
        assert self.tokens.encode(["b a"]).to_list() == [[5, 4]]

    def test_in_a_saved_model(self, tmp_path):
        module = tf.Module()
        module.tokens = self.tokens

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def both(texts):
            ids = module.tokens.encode(texts)
            return module.tokens.decode(ids)

        module.both = both
        tf.saved_model.save(module, str(tmp_path))
        loaded = tf.saved_model.load(str(tmp_path))
        decoded = loaded.both(tf.constant(["b x a", "é", ""]))
        assert [each.decode() for each in decoded.numpy()] == ["b a", "é", ""]

    def test_written_and_read(self, tmp_path):
        path = tmp_path / "tokenizer.model"
        self.tokens.save(path)
        assert list(tmp_path.iterdir()) == [path]
        read = text.read_tokenizer(path)
        assert isinstance(read, text.TokenList)
        assert read.special_ids == IDS
        assert read.model == self.tokens.model
        assert read.pieces(range(9)) == TOKENS

    def test_pieces_and_unknown_tokens(self):
        assert self.tokens.pieces([4, 0, 8]) == ["a", "<blank>", "</b>"]
        ids, is_known = self.tokens.known_pieces(["a x"])
        assert ids.to_list() == [[4, 3]] and is_known.to_list() == [[True] * 2]
        assert self.tokens.has_unknown_characters("a x")
        assert not self.tokens.has_unknown_characters("a b é")
        # White space that is not in ASCII does not split a text.
        for joined in ("a\u00a0b", "a\u2003b", "a\x1db"):
            assert self.tokens.encode([joined]).to_list() == [[3]]
            assert self.tokens.has_unknown_characters(joined)
        assert not self.tokens.has_unknown_characters(" a\n\x0bb\x0c")

    def test_one_segmentation_only(self):
        with pytest.raises(ValueError, match="one way only.* rate=0.1"):
            self.tokens.sample([[4]], 0.1, 3)

    def test_one_string(self):
        with pytest.raises(ValueError, match="list of strings"):
            self.tokens.encode("a b")
        with pytest.raises(ValueError, match="`ids` is a list"):
            self.tokens.pieces("a b")


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (["a", "b", "c", "a"], "Received: 'a' as token 3"),
        (["a", "b", "c d", "e"], "Received: 'c d' as token 2"),
        (["a", "", "c", "e"], "Received: '' as token 1"),
        (["a", "b", "c"], "unknown=3.*3 tokens"),
    ],
)
def test_lists_that_are_wrong(tokens, message):
    with pytest.raises(ValueError, match=message):
        text.TokenList(tokens)
