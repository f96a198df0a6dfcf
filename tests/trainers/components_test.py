"""A run counts its batches, also those that the optimizer skips."""

import dataclasses

import keras
import tensorflow as tf

import keras_transformer as kt
from trainers import components


def test_batches_are_counted_by_the_checkpoints(tmp_path):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile("sgd", "mse")
    checkpoints = kt.training.TrainingCheckpoints(
        tmp_path, model, counters=("train_seconds", "batches")
    )
    names = [field.name for field in dataclasses.fields(components.Components)]
    run = components.Components(
        **{
            **dict.fromkeys(names),
            "checkpoints": checkpoints,
            "model": model,
            "strategy": tf.distribute.get_strategy(),
        }
    )
    assert run.trained_batches == 0
    checkpoints.counters["batches"].assign(7)
    assert run.trained_batches == 7
    assert run.is_chief
