"""A model of one layer and a few updates of it, for tests of callbacks."""

import keras
import numpy as np
import tensorflow as tf


def make(optimizer="sgd"):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile(optimizer, "mse")
    return model


def fit(model, *used, epochs=1, steps=5):
    return model.fit(
        tf.data.Dataset.from_tensors((np.ones((7, 3)), np.ones((7, 2)))).repeat(
            steps
        ),
        epochs=epochs,
        callbacks=list(used),
        verbose=0,
        shuffle=False,
    )
