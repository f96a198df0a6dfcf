"""Quantization and LoRA of matrices must work as in Keras, and be saved.

B batch   T length   D model_dim   H heads   F feed_forward_dim   V vocabulary
"""

import tempfile
import warnings
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transformer import layers, models
from keras_transformer.layers import dense
from tests import costs
from tests.assertions import assert_all_close, assert_all_equal
from tests.layers.kinds import random

pytestmark = pytest.mark.seconds

B, T, S, D, H, F, V = 3, 5, 7, 24, 4, 11, 13
GENERATOR = np.random.default_rng(0)
IDS = {
    "source_ids": GENERATOR.integers(1, V, (B, S)).astype("int32"),
    "target_input_ids": GENERATOR.integers(1, V, (B, T)).astype("int32"),
}


def make_model():
    keras.utils.set_random_seed(0)
    return models.build_transformer(
        models.TransformerConfig(
            vocabulary_size=V,
            num_encoder_layers=1,
            num_decoder_layers=2,
            model_dim=D,
            num_heads=H,
            num_key_value_heads=2,
            feed_forward_dim=F,
            positions="rotary",
            biases="all",
        )
    )


def quantize(model, mode):
    """Quantizes a model; returns Keras's warnings of skipped layers."""
    # Keras runs the garbage collector for each weight, which is slow.
    with (
        mock.patch("gc.collect"),
        warnings.catch_warnings(record=True) as messages,
    ):
        warnings.simplefilter("always")
        model.quantize(mode)
    return " ".join(str(one.message) for one in messages)


def steps(model):
    """Returns the logits of all positions, computed step by step."""
    state, logits = model.start(IDS["source_ids"], max_length=T), []
    for i in range(T):
        one, state = model.step(IDS["target_input_ids"][:, i], i, state)
        logits.append(one)
    return np.stack(logits, axis=1)


def save_and_load(model):
    path = f"{tempfile.mkdtemp()}/model.keras"
    model.save(path)
    return keras.saving.load_model(path)


class TestDense:
    # Tolerances relative to the largest logit, about twice the observed error.
    @pytest.mark.parametrize(
        ("mode", "tolerance"),
        costs.grid_of_several(
            [("int8", 0.05), ("int4", 0.6)], keep=[("int8", 0.05)]
        ),
    )
    def test_a_quantized_model(self, mode, tolerance):
        model = make_model()
        before = model(IDS).numpy()
        messages = quantize(model, mode)
        assert "projection" not in messages
        after = model(IDS).numpy()
        error = np.abs(after - before).max() / np.abs(before).max()
        assert error > 1e-4
        assert error < tolerance
        attention = model.decoder.blocks[1].cross_attention
        for layer in (attention.key, attention.out, model.source_embedding):
            matrices = [w for w in layer.weights if len(w.shape) == 2]
            assert matrices[0].dtype == "int8", layer.name
        floats = [w.path for w in model.weights if "query_kernel" in w.path]
        assert len(floats) == 0, "the float matrices are still in memory"
        assert_all_close(steps(model), after, rtol=0, atol=1e-4)
        loaded = save_and_load(model)
        assert_all_close(loaded(IDS), after, rtol=0, atol=1e-6)
        assert_all_close(steps(loaded), after, rtol=0, atol=1e-4)
        half = models.in_precision(model, "bfloat16")
        assert half.source_embedding.quantization_mode == mode
        error = np.abs(half(IDS) - after).max() / np.abs(after).max()
        assert error < 0.1

    def test_a_mode_that_attention_cannot_have_is_refused(self):
        model = make_model()
        before = [w.numpy() for w in model.encoder.blocks[0].attention.weights]
        messages = quantize(model, "float8")
        assert "'query' of an attention can be quantized to" in messages
        for new, old in zip(
            model.encoder.blocks[0].attention.weights, before, strict=True
        ):
            assert_all_equal(new, old)
        loaded = save_and_load(model)
        assert_all_close(loaded(IDS), model(IDS), rtol=0, atol=1e-6)
        with pytest.raises(NotImplementedError, match="'int8' and 'int4'"):
            layer = layers.MultiHeadAttention(D, H)
            layer.build()
            layer.quantize("float8")

    @pytest.mark.parametrize("mode", costs.grid([None, "int8"], ["int8"]))
    def test_adapted_steps_equal_the_call(self, mode):
        model = make_model()
        if mode:
            quantize(model, mode)
        before = model(IDS).numpy()
        for layer in (model.encoder, model.decoder, model.source_embedding):
            layer.enable_lora(2)
        assert_all_close(model(IDS), before, rtol=0, atol=1e-5)
        for weight in model.trainable_weights:
            if "lora" in weight.path:
                weight.assign_add(0.1 * random(*weight.shape))
        after = model(IDS).numpy()
        assert np.abs(after - before).max() > 1e-2
        assert_all_close(steps(model), after, rtol=0, atol=1e-4)
        assert_all_close(save_and_load(model)(IDS), after, rtol=0, atol=1e-6)

    def test_every_matrix_has_a_gradient_where_it_is_adapted(self):
        model = make_model()
        model.encoder.enable_lora(2)
        adapted = [w for w in model.trainable_weights if "lora" in w.path]
        assert len(adapted) == 2 * 6
        for weight in adapted:
            weight.assign_add(0.1 * random(*weight.shape))
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model(IDS) ** 2)
        for gradient in tape.gradient(loss, [w.value for w in adapted]):
            assert np.abs(gradient).max() > 0

    @pytest.mark.parametrize("has_lora", [True, False])
    def test_a_quantized_embedding_scores_with_what_it_embeds(self, has_lora):
        layer = layers.TokenEmbedding(V, D, "none", output_bias=True)
        layer.build()
        if has_lora:
            layer.enable_lora(2)
            layer.lora_embeddings_b.assign(random(2, D))
        layer.bias.assign(random(V))
        before = layer.logits(random(B, T, D))
        layer.quantize("int8")
        matrix = layer(np.arange(V)[None])[0]
        x = random(B, T, D)
        expected = x @ np.transpose(matrix) + layer.bias
        assert_all_close(layer.logits(x), expected, rtol=0, atol=1e-4)
        assert_all_close(
            layer.scorer()(x[:, 0]), expected[:, 0], rtol=0, atol=1e-4
        )
        assert before.shape == expected.shape

    def test_attention_files_have_the_weights_of_older_versions(self):
        """Older versions had no projection layers inside of an attention."""
        attention = layers.MultiHeadAttention(D, H, 2, use_bias=True)
        attention.build()
        names = [
            f"{name}_{kind}"
            for name in ("query", "key", "value", "output")
            for kind in ("kernel", "bias")
        ]
        assert [w.name for w in attention.weights] == names
        assert [w.path for w in attention.weights] == [
            f"{attention.name}/{name}" for name in names
        ]
        store = {}
        attention.save_own_variables(store)
        assert len(store) == 8
        for inside in (attention.query, attention.out):
            inner = {}
            inside.save_own_variables(inner)
            assert len(inner) == 0

    def test_a_file_of_other_weights_is_refused(self):
        attention = layers.MultiHeadAttention(D, H)
        attention.build()
        with pytest.raises(ValueError, match="Quantize the attention"):
            attention.query.load_own_variables({"0": 1, "1": 2})

    @pytest.mark.parametrize(
        ("make", "x"),
        [
            (lambda: dense.Dense(F), random(B, D)),
            (lambda: layers.TokenEmbedding(V, D), np.arange(B)[None]),
        ],
    )
    def test_lora_learns_after_a_file_without_it(self, make, x):
        first, second = make(), make()
        expected = first(x)
        store = {}
        first.save_own_variables(store)
        second(x)
        second.enable_lora(2)
        second.load_own_variables(store)
        with tf.GradientTape() as tape:
            result = second(x)
            loss = tf.reduce_sum(result**2)
        assert_all_equal(result, expected)
        [b] = [w for w in second.weights if w.name.endswith("_b")]
        assert np.abs(tf.convert_to_tensor(tape.gradient(loss, b.value))).max()

    def test_lora_of_an_embedding_after_a_file_with_a_bias(self):
        first, second = (
            layers.TokenEmbedding(V, D, output_bias=True) for _ in range(2)
        )
        first.build(), second.build()
        first.bias.assign(random(V))
        store = {}
        first.save_own_variables(store)
        second.enable_lora(2)
        second.load_own_variables(store)
        x = random(B, T, D)
        assert_all_equal(second.logits(x), first.logits(x))

    def test_dense_equals_that_of_keras(self):
        ours, theirs = dense.Dense(F), keras.layers.Dense(F)
        x = random(B, T, D)
        ours(x), theirs(x)
        theirs.set_weights(ours.get_weights())
        assert_all_equal(ours(x), theirs(x))
        for layer in (ours, theirs):
            layer.quantize("int8")
        assert_all_equal(ours(x), theirs(x))
