"""The sum of embeddings and positions is normalized."""

import keras
import numpy as np
import pytest

from keras_transformer import layers
from tests.assertions import assert_all_close
from tests.layers import kinds


def made(norm=None):
    layer = layers.NormalizedPositions(layers.LearnedPositions(11), norm)
    layer.build((None, None, 6))
    for i, weight in enumerate(layer.weights):
        weight.assign(kinds.random(*weight.shape, seed=i))
    return layer


def test_the_sum_is_normalized():
    layer = made(keras.layers.LayerNormalization(epsilon=0.1))
    inputs = kinds.random(2, 5, 6)
    summed = inputs + np.array(layer.positions.encodings)[2:7]
    mean = summed.mean(axis=-1, keepdims=True)
    deviation = np.sqrt(summed.var(axis=-1, keepdims=True) + 0.1)
    expected = (summed - mean) / deviation * np.array(layer.norm.gamma)
    assert_all_close(
        layer(inputs, start=2),
        expected + np.array(layer.norm.beta),
        rtol=0,
        atol=1e-5,
    )


def test_padding_is_not_counted():
    layer = made()
    inputs = kinds.random(1, 3, 6)
    padded = np.pad(inputs, [(0, 0), (2, 1), (0, 0)])
    mask = [[False, False, True, True, True, False]]
    assert_all_close(
        layer(padded, mask=mask)[:, 2:5], layer(inputs), rtol=0, atol=1e-6
    )


def test_a_stack_takes_it():
    positions = layers.NormalizedPositions(
        layers.SinusoidalPositions("half"), keras.layers.RMSNormalization()
    )
    encoder = layers.Encoder(
        1,
        layers.MultiHeadAttention(6, 2),
        layers.FeedForward(6, 7),
        positions=positions,
    )
    encoder.build()
    encoder.positions.norm.scale.assign(kinds.random(6))
    inputs = kinds.random(2, 5, 6)
    assert_all_close(
        encoder.enter(inputs), encoder.positions(inputs), rtol=0, atol=0
    )
    copy = layers.Encoder.from_config(encoder.get_config())
    assert isinstance(copy.positions.norm, keras.layers.RMSNormalization)
    assert copy.positions.positions.form == "half"


def test_positions_inside_of_attention_are_refused():
    with pytest.raises(ValueError, match="positions to normalize must be.*Rot"):
        layers.NormalizedPositions(layers.RotaryPositions())
