"""Explanations contain the attention of the translation that they show."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from keras_transformer.translation import explanation
from tests.assertions import assert_all_close, assert_all_equal
from tests.translation import toy

TEXTS = ["ba de fi go hu", "ra", " ", "ba\u05d0de", "ka le"]
LAYERS, HEADS = (1, 2), 2  # Of the encoder and of the decoder.


class TestExplain:
    @pytest.fixture(autouse=True)
    def set_up(self):
        self.translator = toy.translator()

    @pytest.mark.parametrize("text", ["ba de fi go hu", "ra", "", "ba\u05d0de"])
    def test_tokens_have_the_sizes_of_the_maps(self, text):
        found = explanation.explain(self.translator, text)
        source, target = len(found.source_tokens), len(found.target_tokens)
        assert len(found.target_input_tokens) == target
        assert found.encoder.shape == (LAYERS[0], HEADS, source, source)
        assert found.decoder.shape == (LAYERS[1], HEADS, target, target)
        assert found.cross.shape == (LAYERS[1], HEADS, target, source)

    def test_rows_sum_to_one(self):
        found = explanation.explain(self.translator, "ba de fi go hu")
        for maps in (found.encoder, found.decoder, found.cross):
            assert np.min(maps) >= 0.0
            assert_all_close(maps.sum(-1), np.ones(maps.shape[:-1]))

    def test_the_decoder_does_not_look_ahead(self):
        found = explanation.explain(self.translator, "ba de fi go hu")
        assert_all_equal(np.triu(found.decoder, k=1), 0 * found.decoder)
        # The decoder does attend to earlier positions.
        assert np.tril(found.decoder, k=-1).max() > 0

    def test_source_tokens_are_those_of_the_tokenizer(self):
        found = explanation.explain(self.translator, "ba de")
        assert found.source_tokens[-1] == "<eos>"
        assert "".join(found.source_tokens[:-1]) == "\u2581ba\u2581de"

    def test_target_tokens_are_those_the_search_gave(self):
        translator = self.translator
        for text in ("ba de fi", "ra", "go hu go hu ka"):
            found = explanation.explain(translator, text)
            result = translator.search_ids(translator.encode_source([text]))
            ids = result.ids[0, 0, : int(result.lengths[0, 0])]
            assert found.target_tokens == translator.tokenizer.pieces(ids)
            # The pieces spell the translation.
            spelled = "".join(found.target_tokens).replace("\u2581", " ")
            assert spelled == f" {translator.translate([text])[0]}<eos>"

    def test_the_decoder_read_the_target_shifted_by_one(self):
        found = explanation.explain(self.translator, "ba de fi")
        assert found.target_input_tokens == ["<bos>", *found.target_tokens[:-1]]

    def test_maps_are_those_of_the_model(self):
        translator = self.translator
        found = explanation.explain(translator, "ba de fi go")
        source_ids = translator.encode_source(["ba de fi go"])
        result = translator.search_ids(source_ids)
        ids = result.ids.numpy()[0, 0, : int(result.lengths[0, 0])]
        scores = translator.model.attention_scores(
            {
                "source_ids": source_ids,
                "target_input_ids": np.array([[1, *ids[:-1]]]),
            }
        )
        for name in ("encoder", "decoder", "cross"):
            assert_all_close(
                getattr(found, name), getattr(scores, name)[0], atol=1e-6
            )

    def test_cross_attention_reads_the_sentence_backwards(self):
        # The trained model attends to the right words: for most target words,
        # some head has its maximum at the source word.
        looks = []
        for first in range(7):
            words = toy.WORDS[first : first + 5]
            found = explanation.explain(self.translator, " ".join(words))
            sources = [t.strip("\u2581") for t in found.source_tokens]
            for row, token in enumerate(found.target_tokens):
                word = token.strip("\u2581").lower()
                if word in sources:
                    column = sources.index(word)
                    looks.append(found.cross[:, :, row, column].max())
        assert len(looks) > 17
        assert np.median(looks) > 0.5

    @functools.cached_property
    def explained(self):
        """Explains sentences of different lengths as one batch, in a graph."""
        answer = explanation.explain_in_graph(
            self.translator, tf.constant(TEXTS)
        )
        return {name: tensor.numpy() for name, tensor in answer.items()}

    def test_explain_in_graph_equals_explain(self):
        for row, text in enumerate(TEXTS):
            if text.strip():
                expected = explanation.explain(self.translator, text)
                found = {k: v[row] for k, v in self.explained.items()}
                source = len(expected.source_tokens)
                target = len(expected.target_tokens)
                assert [
                    t.decode() for t in found["source_tokens"][:source]
                ] == expected.source_tokens
                assert [
                    t.decode() for t in found["target_tokens"][:target]
                ] == expected.target_tokens
                for name, rows, columns in (
                    ("encoder", source, source),
                    ("decoder", target, target),
                    ("cross", target, source),
                ):
                    whole = found[f"{name}_attention"]
                    part = whole[:, :, :rows, :columns]
                    assert_all_close(part, getattr(expected, name), atol=1e-5)
                    # All other elements are padding, which is 0.
                    assert_all_close(whole.sum(), part.sum(), 1e-6)
                for name, size in (("source", source), ("target", target)):
                    assert set(found[f"{name}_tokens"][size:]) - {b""} == set()

    def test_explain_in_graph_translates(self):
        expected = self.translator.translate(TEXTS)
        assert [
            text.decode() for text in self.explained["translation"]
        ] == expected
        assert len(set(expected)) == len(TEXTS)

    def test_explain_in_graph_of_a_blank_text(self):
        row = TEXTS.index(" ")
        assert set(self.explained["target_tokens"][row]) == {b""}
        for name in ("decoder", "cross"):
            maps = self.explained[f"{name}_attention"][row]
            assert_all_equal(maps, 0 * maps)
        nothing = explanation.explain_in_graph(
            self.translator, tf.zeros([0], tf.string)
        )
        assert nothing["translation"].shape == (0,)
        assert nothing["cross_attention"].shape[:3] == (0, 2, HEADS)
        blank = explanation.explain_in_graph(self.translator, tf.constant([""]))
        assert blank["cross_attention"].shape == (1, 2, HEADS, 1, 1)
