"""Functions of the package must work in functional models.

B batch   T query length   S key length   D model_dim   H heads   K head_dim
"""

import tempfile

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transformer import layers
from keras_transformer.layers import masks, symbolic
from tests.assertions import (
    assert_all_close,
    assert_all_equal,
    assert_not_all_close,
)
from tests.layers.kinds import random

B, T, S, H, K, D, V = 3, 5, 7, 2, 11, 22, 13
IDS = np.random.default_rng(0).integers(0, 3, (B, T)).astype("int32")
SHORT = IDS[:2, :3]


def heads(length):
    return random(B, length, H, K)


# Functions of tensors, each with arrays to call it on.
FUNCTIONS = {
    "padding_mask": (lambda ids: layers.padding_mask(ids, 0), [IDS]),
    "started_mask": (lambda ids: layers.started_mask(ids, 0), [IDS]),
    "causal_mask": (
        lambda ids: layers.causal_mask(keras.ops.sum(ids[0] * 0 + 1)),
        [IDS],
    ),
    "combine_masks": (
        lambda ids: layers.combine_masks(
            layers.padding_mask(ids, 0), layers.causal_mask(None)
        ),
        [IDS],
    ),
    "attended_keys": (
        lambda mask: layers.attended_keys(mask),
        [random(B, T, S) > 0.5],
    ),
    "dot_product_attention": (
        lambda *args: layers.dot_product_attention(*args),
        [heads(T), heads(S), heads(S), random(B, T, S) > 0],
    ),
    "sinusoidal_encoding": (
        lambda ids: layers.sinusoidal_encoding(ids, D),
        [IDS],
    ),
}


def between_inputs(function, arrays):
    """Makes a functional model with unknown batch and length."""
    inputs = [
        keras.Input((None,) * (array.ndim - 1), dtype=str(array.dtype))
        if array.ndim < 4
        else keras.Input((None, *array.shape[2:]))
        for array in arrays
    ]
    return keras.Model(inputs, function(*inputs))


class TestSymbolic:
    def assert_same(self, actual, expected):
        for one, other in zip(
            tf.nest.flatten(actual), tf.nest.flatten(expected), strict=True
        ):
            assert_all_close(one, other, rtol=0, atol=1e-6)

    @pytest.mark.parametrize("name", FUNCTIONS)
    def test_a_function_is_a_node_and_is_in_the_file(self, name):
        function, arrays = FUNCTIONS[name]
        model = between_inputs(function, arrays)
        path = f"{tempfile.mkdtemp()}/model.keras"
        model.save(path)
        for loaded in (model, keras.saving.load_model(path)):
            for batch in (arrays, [array[:2] for array in arrays]):
                expected = function(*map(tf.constant, batch))
                self.assert_same(loaded(batch), expected)

    def test_a_causal_language_model_of_unknown_length_is_trained(self):
        """The embedding layer is used twice, for ids and for logits."""
        embedding = layers.TokenEmbedding(V, D, output_bias=True)
        encoder = layers.Encoder(
            1,
            layers.MultiHeadAttention(D, H),
            layers.FeedForward(D, 17),
            dropout=0.0,
        )
        ids = keras.Input((None,), dtype="int32")
        mask = layers.causal_mask(keras.ops.shape(ids)[1])
        outputs = embedding.logits(encoder(embedding(ids), mask=mask))
        model = keras.Model(ids, outputs)
        assert outputs.shape == (None, None, V)
        assert len(model.trainable_weights) == len(embedding.weights) + len(
            encoder.weights
        )
        expected = embedding.logits(
            encoder(embedding(IDS), mask=layers.causal_mask(T))
        )
        assert_all_close(model(IDS), expected, rtol=0, atol=1e-5)
        # Later ids do not change earlier outputs.
        assert_all_close(model(IDS[:, :3]), expected[:, :3], rtol=0, atol=1e-5)
        model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(True))
        before = embedding.bias.numpy()
        model.fit(IDS, IDS, verbose=0)
        assert_not_all_close(embedding.bias, before)
        path = f"{tempfile.mkdtemp()}/model.keras"
        model.save(path)
        loaded = keras.saving.load_model(path)
        assert_all_close(loaded(SHORT), model(SHORT), rtol=0, atol=1e-6)

    @pytest.mark.parametrize(
        "positions",
        [None, layers.RotaryPositions(), layers.RelativePositions(2)],
    )
    def test_methods_of_attention(self, positions):
        size = 24
        attention = layers.MultiHeadAttention(size, H, 1, positions=positions)
        inputs, memory = keras.Input((None, size)), keras.Input((None, size))
        mask = keras.Input((None,), dtype="bool")
        key, value = attention.project_memory(memory)
        output, scores = attention.attend(inputs, key, value, mask)
        model = keras.Model([inputs, memory, mask], [output, scores])
        assert len(model.trainable_weights) == len(attention.weights)
        arrays = [random(B, T, size), random(B, S, size), random(B, S) > 0]
        expected = attention(
            *arrays[:2], attention_mask=arrays[2], return_attention_scores=True
        )
        self.assert_same(model(arrays), expected)
        path = f"{tempfile.mkdtemp()}/model.keras"
        model.save(path)
        self.assert_same(keras.saving.load_model(path)(arrays), expected)
        with pytest.raises(ValueError, match="counted from 0"):
            attention.project_memory(memory, key_positions=np.arange(S))

    def test_options_that_a_functional_model_cannot_have_are_refused(self):
        symbolic.check_plain(attention_bias=None, key_positions=None)
        with pytest.raises(
            ValueError,
            match="no attention bias. Received: .*_bias': 3.*Call the",
        ):
            symbolic.check_plain(attention_bias=3, key_positions=None)

    def test_a_function_of_tensors_with_values_makes_no_node(self):
        assert not symbolic.has_no_values([IDS, None], 3)
        assert isinstance(masks.padding_mask(IDS, 0), tf.Tensor)

    def test_a_causal_mask_without_a_length(self):
        mask = layers.causal_mask(None)
        assert layers.combine_masks(None, mask) is mask
        assert layers.attended_keys(mask) is None
        allowed = random(B, T) > 0
        assert_all_equal(
            layers.combine_masks(mask, allowed),
            layers.combine_masks(layers.causal_mask(T), allowed),
        )
        inputs = random(B, T, D)
        attention = layers.MultiHeadAttention(D, H)
        assert_all_close(
            attention(inputs, attention_mask=mask),
            attention(inputs, attention_mask=layers.causal_mask(T)),
        )
