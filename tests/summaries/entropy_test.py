"""Entropies equal their closed forms."""

import math

import numpy as np
import pytest

from keras_transformer import summaries, translation


def test_closed_form():
    one_hot = np.broadcast_to(np.eye(3), (2, 5, 3, 3))
    uniform = np.full((2, 5, 3, 3), 1 / 3)
    # The first row attends to one token, the second to two, the third to three.
    causal = np.tril(np.ones((3, 3))) / np.arange(1, 4)[:, None]
    decoder = np.stack([np.broadcast_to(causal, (5, 3, 3)), one_hot[0]])
    tokens = ["a", "b", "c"]
    entropies = summaries.attention_entropies(
        translation.Explanation(
            tokens, tokens, tokens, one_hot, decoder, uniform
        )
    )
    mean = (math.log(2) + math.log(3)) / 3
    assert entropies == pytest.approx(
        {
            "encoder/layer_1": 0.0,
            "encoder/layer_2": 0.0,
            "decoder/layer_1": mean,
            "decoder/layer_2": 0.0,
            "encoder-decoder/layer_1": math.log(3),
            "encoder-decoder/layer_2": math.log(3),
        },
        abs=1e-12,
    )
