"""A model of two small matrices, its data, and its training in NumPy.

B batch   T target length   V vocabulary_size
"""

import contextlib

import keras
import numpy as np
import tensorflow as tf

from keras_transformer.training import distributed_model, losses
from tests.assertions import assert_all_close

VOCABULARY, LENGTH, SMOOTHING, RATE = 11, 5, 0.3, 0.7
# How many real tokens the four rows of each batch have. Each of two replicas
# gets two rows, with very different numbers of tokens, or without tokens.
TOKENS = ([5, 5, 1, 0], [2, 1, 5, 4], [5, 4, 0, 0], [1, 0, 0, 5], [3, 2, 4, 1])


class Speller(distributed_model.DistributedModel):
    """A model of two matrices that predicts a token from the one before."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.embedding = keras.layers.Embedding(VOCABULARY, 7)
        self.logits = keras.layers.Dense(VOCABULARY)
        self.embedding.build((None, None))
        self.logits.build((None, None, 7))
        self.built = True
        start = np.random.default_rng(0)
        self.set_weights([start.normal(0, 0.5, w.shape) for w in self.weights])

    def call(self, inputs, training=None):
        return self.logits(self.embedding(inputs))


def draw(tokens=TOKENS, seed=1):
    """Returns a batch (ids, labels, weights) for each entry of `tokens`."""
    generator = np.random.default_rng(seed)
    return [
        (
            generator.integers(VOCABULARY, size=(len(counts), LENGTH)),
            generator.integers(VOCABULARY, size=(len(counts), LENGTH)),
            np.array(
                [[i < count for i in range(LENGTH)] for count in counts],
                "float32",
            ),
        )
        for counts in tokens
    ]


def dataset(batches):
    def generate():
        # Copies, since TensorFlow may write into arrays it was given.
        for batch in batches:
            yield tuple(array.copy() for array in batch)

    spec = tf.TensorSpec((None, None), tf.int32)
    weights = tf.TensorSpec((None, None), tf.float32)
    data = tf.data.Dataset.from_generator(
        generate, output_signature=(spec, spec, weights)
    )
    return data.apply(tf.data.experimental.assert_cardinality(len(batches)))


def make(strategy=None, optimizer=None, loss=None, **settings):
    with strategy.scope() if strategy else contextlib.nullcontext():
        model = Speller()
        model.compile(
            optimizer or keras.optimizers.SGD(RATE),
            loss or losses.SmoothedCrossEntropy(SMOOTHING),
            weighted_metrics=[
                keras.metrics.SparseCategoricalAccuracy(name="accuracy")
            ],
            **settings,
        )
    return model


def fit(model, batches, **settings):
    history = model.fit(
        dataset(batches), verbose=0, shuffle=False, **settings
    ).history
    return {name: values[-1] for name, values in history.items()}


def token_losses(model, batch, smoothing=0.0):
    """Returns the loss of every real token, computed with NumPy."""
    ids, labels, weights = batch
    embedding, kernel, bias = (w.astype("float64") for w in model.get_weights())
    logits = embedding[ids] @ kernel + bias
    log_probabilities = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    targets = (1 - smoothing) * np.eye(VOCABULARY)[labels]
    targets += smoothing / VOCABULARY
    return -(targets * log_probabilities).sum(-1)[weights > 0]


def train_by_hand(batches):
    """Returns weights after one SGD step per batch on the mean token loss."""
    model = Speller()
    embedding, kernel, bias = (w.astype("float64") for w in model.get_weights())
    for ids, labels, weights in batches:
        vectors = embedding[ids]
        powers = np.exp(vectors @ kernel + bias)
        slopes = powers / powers.sum(-1, keepdims=True)
        slopes -= (1 - SMOOTHING) * np.eye(VOCABULARY)[labels]
        slopes -= SMOOTHING / VOCABULARY
        slopes *= weights[..., None] / max(weights.sum(), 1)
        into_embedding = np.zeros_like(embedding)
        np.add.at(into_embedding, ids, slopes @ kernel.T)
        kernel = kernel - RATE * np.einsum("BTD,BTV->DV", vectors, slopes)
        bias = bias - RATE * slopes.sum((0, 1))
        embedding = embedding - RATE * into_embedding
    return [embedding, kernel, bias]


class Cases:
    def assert_same_weights(self, found, expected):
        for one, other in zip(found, expected, strict=True):
            assert_all_close(one, other, rtol=1e-5, atol=1e-6)
