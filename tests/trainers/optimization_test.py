"""The optimizer of a run must be the one that its settings name."""

import dataclasses

import keras
import pytest

import keras_transformer as kt
from trainers import optimization, settings

DEFAULTS = settings.TrainingSettings(
    steps=23, warmup_steps=5, learning_rate_factor=0.5
)
SMALL = kt.TransformerConfig(11, 2, 3, model_dim=4, num_heads=2)


def make(**values):
    return optimization.make_optimizer(
        dataclasses.replace(DEFAULTS, **values), SMALL
    )


def test_the_default_is_that_of_the_paper():
    expected = kt.training.paper_adam(
        4, 5, 0.5, global_clipnorm=None, use_ema=False, ema_momentum=0.99
    )
    config = make().get_config()
    assert config == {**expected.get_config(), "name": config["name"]}
    assert type(make()) is keras.optimizers.Adam


def test_settings_reach_optimizer_and_schedule():
    optimizer = make(
        optimizer="adamw",
        weight_decay=0.1,
        schedule="cosine",
        learning_rate=0.3,
        learning_rate_factor=None,
        cooldown_steps=7,
        clip_norm=0.7,
        ema_momentum=0.9,
    )
    config = optimizer.get_config()
    assert (config["weight_decay"], config["global_clipnorm"]) == (0.1, 0.7)
    assert (config["use_ema"], config["ema_momentum"]) == (True, 0.9)
    schedule = config["learning_rate"]["config"]
    assert (schedule["total_steps"], schedule["cooldown_steps"]) == (23, 7)
    assert schedule["schedule"]["config"] == {
        "form": "cosine",
        "peak": 0.3,
        "warmup_steps": 5,
        "total_steps": 23,
    }


def test_every_weight_has_a_rate_by_its_layer():
    model = kt.build_transformer(SMALL)
    factors = {
        weight.path.split("/", 1)[1]: optimization.factor_of(
            weight.path, 0.5, SMALL
        )
        for weight in model.trainable_weights
    }
    expected = {
        "embedding/": 0.125,
        "encoder/block_1/": 0.5,
        "encoder/block_2/": 1.0,
        "decoder/block_1/": 0.25,
        "decoder/block_2/": 0.5,
        "decoder/block_3/": 1.0,
    }
    for path, factor in factors.items():
        [match] = [name for name in expected if path.startswith(name)]
        assert factor == expected[match], path
    optimizer = make(layer_decay=0.5)
    optimizer.build(model.trainable_weights)
    assert isinstance(optimizer, keras.optimizers.Adam)
    assert type(optimizer) is not keras.optimizers.Adam


def test_warm_up_and_cool_down_must_fit():
    with pytest.raises(ValueError, match="cooldown_steps=19, steps=23"):
        make(cooldown_steps=19)


def test_learned_positions_have_the_rate_of_embeddings():
    for stack in ("encoder", "decoder"):
        path = f"{stack}/positions/encodings"
        assert optimization.factor_of(path, 0.5, SMALL) == 0.125
