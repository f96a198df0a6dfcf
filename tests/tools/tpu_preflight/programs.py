"""Toy models that tests of the TPU tools compile, if there is a compiler."""

import dataclasses
import importlib.util

import pytest
import tensorflow as tf

import keras_transformer as kt

needs_compiler = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("jax", "libtpu"))),
    reason="needs the TPU compiler: pip install '.[tpu-preflight]'",
)
CONFIG = dataclasses.replace(
    kt.PRESETS["tiny"],
    vocabulary_size=23,
    num_encoder_layers=1,
    num_decoder_layers=1,
    model_dim=6,
    num_heads=3,
    feed_forward_dim=7,
    dropout=0.0,
)
beam_search = kt.search.BeamSearch(beam_size=3)


def compiled(model):
    model.compile(
        kt.training.paper_adam(6),
        kt.training.SmoothedCrossEntropy(),
        weighted_metrics=["sparse_categorical_accuracy"],
    )
    return model


def toy_model():
    return compiled(kt.build_transformer(CONFIG))


class Odd(kt.Transformer):
    """A model with an operation whose shape depends on values."""

    def call(self, inputs, training=None):
        logits = super().call(inputs, training=training)
        is_real = inputs["target_input_ids"] > 0
        return logits + tf.reduce_mean(tf.boolean_mask(logits, is_real))


def odd_model():
    return compiled(Odd.from_config(kt.build_transformer(CONFIG).get_config()))
