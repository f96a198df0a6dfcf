"""A run counts its updates, whatever its optimizer does."""

import dataclasses

import keras
import tensorflow as tf

import keras_transformer as kt
from trainers import parts


def test_batches_are_those_of_the_checkpoints(tmp_path):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile("sgd", "mse")
    checkpoints = kt.training.TrainingCheckpoints(
        tmp_path, model, counters=("train_seconds", "batches")
    )
    names = [field.name for field in dataclasses.fields(parts.Parts)]
    run = parts.Parts(
        **{
            **dict.fromkeys(names),
            "checkpoints": checkpoints,
            "model": model,
            "strategy": tf.distribute.get_strategy(),
        }
    )
    assert run.batches == 0
    checkpoints.counters["batches"].assign(7)
    assert run.batches == 7
    assert run.is_chief
