"""Candidates are the best tokens. Equal tokens are in the order of ids."""

import numpy as np

from keras_transformer.interpretation import next_tokens
from tests.interpretation import random_translator


def test_equal_logits_are_in_the_order_of_ids():
    tokenizer = random_translator.tokenizer()
    logits = np.zeros((2, tokenizer.vocabulary_size), "float32")
    logits[0, [7, 13]] = 3.0
    logits[1, 11] = -2.0
    first, second = next_tokens.candidates(logits, tokenizer, count=5)
    assert first.ids == [7, 13, 0, 1, 2]
    assert first.logits == [3.0, 3.0, 0.0, 0.0, 0.0]
    assert second.ids == [0, 1, 2, 3, 4]
    size = tokenizer.vocabulary_size
    expected = np.log(size - 2 + 2 * np.exp(3.0))
    assert abs(first.log_normalizer - expected) < 1e-9


def test_large_logits_do_not_overflow():
    tokenizer = random_translator.tokenizer()
    logits = np.full((1, tokenizer.vocabulary_size), 5000.0, "float32")
    (step,) = next_tokens.candidates(logits, tokenizer, count=10_000)
    assert len(step.ids) == tokenizer.vocabulary_size
    expected = 5000.0 + np.log(tokenizer.vocabulary_size)
    assert abs(step.log_normalizer - expected) < 1e-9
