"""The reported norm is that of the gradients before clipping."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transformer import training

# Ids repeat, so the sparse gradient of the embeddings repeats indices.
IDS = np.array([[1, 3, 1], [4, 1, 2]])
LABELS = np.array([[2, 0, 1], [1, 1, 3]])
EPOCHS = 2


class Logs(keras.callbacks.Callback):
    """A callback that keeps the norm of each epoch."""

    def __init__(self):
        super().__init__()
        self.norms = []

    def on_epoch_end(self, epoch, logs=None):
        self.norms.append(logs.get("gradient_norm"))


class Table(training.DistributedModel):
    """A model whose logits are rows of a matrix."""

    def __init__(self):
        super().__init__()
        self.rows = keras.layers.Embedding(5, 7)

    def call(self, ids):
        return self.rows(ids)


def make(**settings):
    keras.utils.set_random_seed(0)
    model = Table()
    model(IDS)
    # The rate is 0, so every epoch has the same gradients.
    model.compile(keras.optimizers.SGD(0.0, **settings), loss())
    return model


def loss():
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def expected(model, ids=IDS, labels=LABELS):
    with tf.GradientTape() as tape:
        value = loss()(labels, model(ids))
    gradient = tape.gradient(value, model.trainable_variables[0].value)
    return float(np.linalg.norm(tf.convert_to_tensor(gradient)))


def norms(model, *callbacks, ids=IDS, labels=LABELS):
    logs = Logs()
    model.fit(
        ids,
        labels,
        batch_size=2,
        shuffle=False,
        epochs=EPOCHS,
        callbacks=[*callbacks, logs],
        verbose=0,
    )
    return logs.norms


@pytest.mark.parametrize("settings", [{}, {"global_clipnorm": 0.01}])
def test_one_replica(settings):
    model = make(**settings)
    found = norms(model, training.GradientNorms())
    np.testing.assert_allclose(found, [expected(model)] * EPOCHS, rtol=1e-6)


def test_first_of_every_16_steps():
    model = make()
    steps = 37
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 5, (steps, 2, 3))
    labels = rng.integers(0, 5, (steps, 2, 3))
    found = norms(
        model,
        training.GradientNorms(),
        ids=ids.reshape(-1, 3),
        labels=labels.reshape(-1, 3),
    )
    mean = np.mean([expected(model, ids[i], labels[i]) for i in (0, 16, 32)])
    np.testing.assert_allclose(found, [mean] * EPOCHS, rtol=1e-6)


def test_without_the_loss_scale():
    model = make()
    model.compile(
        keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.0)), loss()
    )
    found = norms(model, training.GradientNorms())
    np.testing.assert_allclose(found, [expected(model)] * EPOCHS, rtol=1e-6)


def test_several_replicas_if_the_optimizer_clips(two_replicas):
    with two_replicas.scope():
        clipping, plain = make(global_clipnorm=0.01), make()
    found = norms(clipping, training.GradientNorms())
    np.testing.assert_allclose(found, [expected(make())] * EPOCHS, rtol=1e-6)
    assert norms(plain, training.GradientNorms()) == [None] * EPOCHS


def test_a_step_that_was_traced_before():
    model = make()
    assert norms(model) == [None] * EPOCHS
    callback = training.GradientNorms()
    for _ in range(2):
        found = norms(model, callback)
        np.testing.assert_allclose(found, [expected(model)] * EPOCHS, rtol=1e-6)


def test_infinite_gradients_are_left_out():
    callback = training.GradientNorms()
    norms(make(), callback)
    callback.on_epoch_begin(0)
    for norm in (3.0, np.inf, 5.0):
        callback.report(lambda norm=norm: tf.constant(norm))
    logs = {}
    callback.on_epoch_end(0, logs)
    assert logs == {"gradient_norm": 4.0}
