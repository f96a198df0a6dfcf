"""Makes models and batches for training benchmarks; defines their flags."""

import dataclasses
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import keras_transformer as kt
from trainers.settings_flags import setting


@dataclasses.dataclass(frozen=True)
class TrainingSizes:
    """The flags for the sizes of a Transformer and its batches, and for XLA."""

    layers: int = setting("Encoder and decoder blocks each.", 3, least=1)
    model_dim: int = setting("d_model.", 256, least=1)
    vocabulary_size: int = setting("Pieces.", 8000, least=5)
    batch_size: int = setting("Sentences.", 64, least=1)
    length: int = setting("Tokens of each side.", 32, least=1)
    jit_compile: bool = setting("Use XLA.", False)


@dataclasses.dataclass(frozen=True)
class StepSizes(TrainingSizes):
    """The flags for the sizes and precision of a training step, and for XLA."""

    feed_forward_dim: int = setting("d_ff.", 1024, least=1)
    num_heads: int = setting("Heads.", 8, least=1)
    precision: str = setting("A Keras policy.", "float32")


def config_of(sizes: Any, **settings: Any) -> kt.TransformerConfig:
    """Returns the configuration of a model of these sizes.

    Args:
        sizes: an object with the attributes of `StepSizes`.
        **settings: other fields of `TransformerConfig`.
    """
    return kt.TransformerConfig(
        vocabulary_size=sizes.vocabulary_size,
        num_encoder_layers=sizes.layers,
        num_decoder_layers=sizes.layers,
        model_dim=sizes.model_dim,
        num_heads=sizes.num_heads,
        feed_forward_dim=sizes.feed_forward_dim,
        **settings,
    )


def compiled_model(sizes: Any, **settings: Any) -> keras.Model:
    """Returns a model, compiled with the optimizer and loss of the paper.

    The paper is "Attention Is All You Need".

    Args:
        sizes: an object with the attributes of `StepSizes`.
        **settings: other fields of `TransformerConfig`.
    """
    config = config_of(sizes, **settings)
    model = kt.build_transformer(config, dtype=sizes.precision)
    model.compile(
        kt.training.paper_adam(sizes.model_dim),
        kt.training.SmoothedCrossEntropy(),
        jit_compile=sizes.jit_compile,
    )
    return model


def endless_batches(
    batch_size: int, length: int, vocabulary_size: int
) -> tf.data.Dataset:
    """Returns a data set that repeats one batch of random ids.

    Args:
        batch_size: the number of sentence pairs of a batch.
        length: the number of tokens of each source and of each target.
        vocabulary_size: all ids are below this number, which is at least 5.

    Returns:
        Endless batches of inputs, labels and weights for `fit`, each of shape
        `(batch_size, length)`. The source, the input of the decoder and the
        labels have the same ids. All ids are at least 4, so none is special.
        All weights are 1.
    """
    shape = (batch_size, length)
    generator = np.random.default_rng(0)
    ids = generator.integers(4, vocabulary_size, shape, dtype="int32")
    inputs = {"source_ids": ids, "target_input_ids": ids}
    batch = (inputs, ids, np.ones(shape, "float32"))
    return tf.data.Dataset.from_tensors(batch).repeat()
