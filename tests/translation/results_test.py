"""Results are read row by row, without empty slots."""

import numpy as np
import pytest
import tensorflow as tf

from keras_transformer import search, text
from keras_transformer.translation import alignment, results
from tests.assertions import assert_all_equal
from tests.translation import toy

EOS = 2


class TestReadResult:
    @pytest.fixture(autouse=True)
    def set_up(self):
        self.tokenizer = toy.translator().tokenizer
        self.texts = ["ba de", " ", "ra"]
        ids = [
            row + [EOS] for row in self.tokenizer.encode(self.texts).to_list()
        ]
        # The result of the blank text is ignored.
        self.source_ids = tf.ragged.constant(ids).to_tensor().numpy()
        found = [["BA", "RA GO"], ["BA", "BA"], ["HU", "HU"]]
        ids = [
            [one + [EOS] for one in self.tokenizer.encode(row).to_list()]
            for row in found
        ]
        self.ids = tf.ragged.constant(ids).to_tensor(shape=[3, 2, 11]).numpy()
        self.lengths = np.array([[len(one) for one in row] for row in ids])
        generator = np.random.default_rng(0)
        self.log_probs = generator.normal(size=[3, 2, 11]).astype("float32")
        self.attention = generator.dirichlet(
            np.ones(self.source_ids.shape[1]), [3, 2, 11]
        ).astype("float32")
        self.scores = np.array([[-1, -2], [-3, -4], [-5, -1e9]], "float32")

    def read(self, texts, align):
        result = search.SearchResult(
            *map(tf.constant, (self.ids, self.lengths, self.scores)),
            *map(tf.constant, (self.log_probs, self.attention)),
        )
        return results.read_result(
            result,
            texts,
            self.source_ids,
            self.tokenizer,
            self.tokenizer,
            align,
        )

    @pytest.mark.parametrize("kind", [str.encode, str])
    def test_rows(self, kind):
        found = self.read([kind(text) for text in self.texts], align=True)
        assert [[h.text for h in row] for row in found] == [
            ["BA", "RA GO"],
            [""],
            ["HU"],
        ]
        assert [[h.score for h in row] for row in found] == [
            [-1.0, -2.0],
            [0.0],
            [-5.0],
        ]
        for row, n in ((0, 0), (0, 1), (2, 0)):
            hypothesis = found[row][n]
            length = self.lengths[row, n]
            assert hypothesis.tokens == self.tokenizer.pieces(
                self.ids[row, n, :length]
            )
            assert hypothesis.tokens[-1] == "<eos>"
            assert_all_equal(
                hypothesis.log_probs, self.log_probs[row, n, :length]
            )
            source = self.source_ids[row]
            pieces = self.tokenizer.pieces(source[source > EOS])
            expected = alignment.align_words(
                self.attention[row, n], pieces, hypothesis.tokens[:-1]
            )
            assert_all_equal(hypothesis.alignment, expected)
            assert expected.shape == (
                len(hypothesis.text.split()),
                len(self.texts[row].split()),
            )
        assert found[1][0].tokens == []
        assert found[1][0].alignment.shape == (0, 0)

    def test_alignment_is_not_there_unless_asked_for(self):
        # For a coverage penalty, a result has attention without `align`.
        for row in self.read(self.texts, align=False):
            for hypothesis in row:
                assert hypothesis.alignment is None


class TestBlank:
    @pytest.mark.parametrize("normalization", ["nfc_punctuation", "none"])
    def test_what_is_blank(self, normalization):
        tokenizer = text.Tokenizer(
            text.learn_vocabulary(
                ["ba de"], may_be_smaller=True, normalization=normalization
            )
        )
        texts = ["", " ", "\t\r\n\v\f", "\u3000", "a", "\u00a0", " b "]
        ids = [row + [EOS] for row in tokenizer.encode(texts).to_list()]
        found = results.are_blank(
            tf.constant(texts),
            tf.ragged.constant(ids).to_tensor(),
            tokenizer.special_ids,
        )
        assert_all_equal(found, [True, True, True, True, False, True, False])

    def test_no_texts(self):
        ids = tf.zeros([0, 0], tf.int32)
        assert results.are_blank(
            tf.constant([], "string"), ids, text.SpecialIds()
        ).shape == (0,)

    def test_score(self):
        results.check_score(0.0, "a")
        with pytest.raises(FloatingPointError, match="not a number.*'a b'"):
            results.check_score(np.float32(np.nan), "a b")
