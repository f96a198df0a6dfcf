"""Pieces become words. A word has the log-probability of all its pieces."""

import numpy as np
import pytest
import tensorflow as tf

import keras_transformer as kt
from keras_transformer.translation import word_scores
from keras_transformer.translation.results import Hypothesis


@pytest.fixture(scope="module")
def tokenizer():
    texts = ["un petit chat noir", "le chat", "un petit petit chat"]
    return kt.Tokenizer(kt.learn_vocabulary(texts, may_be_smaller=True))


def hypothesis(tokenizer, text, log_probs=None, ends=True):
    [ids] = tokenizer.encode([text]).to_list()
    ids += [tokenizer.special_ids.end] * ends
    if log_probs is None:
        log_probs = -np.arange(1.0, len(ids) + 1)
    return Hypothesis(
        text, 0.0, tokenizer.pieces(ids), np.array(log_probs, "float32"), None
    )


def slow(one, end):
    """Returns the words and their sums of log-probabilities, piece by piece."""
    words = []
    for piece, log_prob in zip(one.tokens, one.log_probs, strict=True):
        if piece == end:
            continue
        if piece.startswith("\u2581") or not words:
            words.append(["", 0.0])
        words[-1][0] += piece.replace("\u2581", "")
        words[-1][1] += float(log_prob)
    return [[each[i] for each in words] for i in range(2)]


def test_equals_a_slow_walk_over_the_pieces(tokenizer):
    texts = ["un petit chat noir", "noirelle", "", "le chat le chat le chat"]
    hypotheses = [hypothesis(tokenizer, text) for text in texts]
    [end] = tokenizer.pieces([tokenizer.special_ids.end])
    scored = word_scores.of_hypotheses(tokenizer, hypotheses)
    # At least one word has several pieces.
    assert any(len(h.tokens) > len(h.text.split()) + 1 for h in hypotheses)
    for row, one in enumerate(hypotheses):
        words, log_probs = slow(one, end)
        assert scored.words[row] == words == one.text.split()
        np.testing.assert_allclose(scored.log_probs[row], log_probs)
        assert scored.means[row] == pytest.approx(np.mean(one.log_probs))


def test_a_translation_that_was_cut(tokenizer):
    one = hypothesis(tokenizer, "un chat", ends=False)
    scored = word_scores.of_hypotheses(tokenizer, [one])
    assert scored.words == [["un", "chat"]]
    assert sum(scored.log_probs[0]) == pytest.approx(one.log_probs.sum())


def test_characters_that_are_spelled_in_bytes(tokenizer):
    one = hypothesis(tokenizer, "un \u6f22 chat")
    scored = word_scores.of_hypotheses(tokenizer, [one])
    assert scored.words == [["un", "\u6f22", "chat"]]


def test_pieces_that_have_only_spaces(tokenizer):
    pieces = tokenizer.pieces(range(tokenizer.vocabulary_size))
    space = "\u2581"
    [first] = [p for p in pieces if p == "\u2581un"]
    one = Hypothesis(
        "un",
        0.0,
        [space, first, space],
        np.array([-1.0, -2, -4], "float32"),
        None,
    )
    scored = word_scores.of_hypotheses(tokenizer, [one])
    # The first space belongs to the word. The last belongs to no word.
    assert scored.words == [["un"]]
    assert scored.log_probs == [[-3.0]]


def test_every_token_of_a_list_is_a_word():
    tokens = kt.text.TokenList(["<pad>", "<s>", "</s>", "<unk>", "a", "b"])
    one = Hypothesis(
        "a b",
        0.0,
        ["a", "b", "</s>"],
        np.array([-1.0, -2, -3], "float32"),
        None,
    )
    scored = word_scores.of_hypotheses(tokens, [one])
    assert scored == ([["a", "b"]], [[-1.0, -2.0]], [-2.0])


def test_no_translations(tokenizer):
    words, log_probs, means = word_scores.in_graph(
        tokenizer,
        tf.zeros([0, 3], tf.int32),
        tf.zeros([0], tf.int32),
        tf.zeros([0, 3]),
    )
    assert words.shape[0] == log_probs.shape[0] == means.shape[0] == 0
