"""The model of a run has the weights and the loss of its settings."""

import dataclasses
import types

import numpy as np
import tensorflow as tf

import keras_transformer as kt
from trainers import building, settings

SETTINGS = settings.TrainingSettings(
    steps=23,
    warmup_steps=5,
    learning_rate_factor=0.5,
    average_checkpoints=2,
    label_smoothing=0.2,
    smoothing_over="others",
    precision="float32",
)
SMALL = kt.TransformerConfig(11, 1, 1, model_dim=4, num_heads=2)


def make(tmp_path, **values):
    return building.make_model(
        dataclasses.replace(SETTINGS, **values),
        SMALL,
        None,
        kt.runs.RunDirectory(tmp_path),
        tf.distribute.get_strategy(),
        types.SimpleNamespace(needs_bookmarks=False),
    )


def test_the_seed_decides_about_the_weights(tmp_path):
    one, same, other = (
        make(tmp_path, seed=seed)[0].get_weights() for seed in (1, 1, 2)
    )
    for a, b in zip(one, same, strict=True):
        assert (a == b).all()
    assert any(
        (np.array(a) != b).any() for a, b in zip(one, other, strict=True)
    )


def test_is_compiled_with_the_settings(tmp_path):
    model, _, _ = make(tmp_path, freeze=["^encoder/"], consistency="r_drop")
    assert (model.loss.label_smoothing, model.loss.smoothing_over) == (
        0.2,
        "others",
    )
    assert model.consistency == kt.training.RDrop()
    assert not any("/encoder/" in w.path for w in model.trainable_weights)


def test_the_best_checkpoints_stay_beside_the_last(tmp_path):
    model, checkpoints, recorded = make(tmp_path, select_by="bleu")
    for step, bleu in ((1, 5.0), (2, 9.0), (3, 1.0), (4, 8.0), (5, 2.0)):
        model.optimizer.iterations.assign(step)
        scores = {"bleu": bleu, "chrf": 0.0, "loss": 0.0}
        recorded.record(step, scores)
        checkpoints.save()
    assert checkpoints.load_average(steps=range(9)) == [2, 4, 5]
