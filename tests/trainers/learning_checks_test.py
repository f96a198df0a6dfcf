"""Settings of learning that contradict each other are refused by name."""

import pytest

import keras_transformer as kt
from trainers import learning_checks, learning_settings


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"schedule": "step"}, "Received: 'step'.*paper, inverse_square_root"),
        ({"optimizer": "sgd"}, "Unknown optimizer. Received: 'sgd'"),
        ({"weight_decay": 0.1}, "Use adamw"),
        ({"optimizer": "adamw"}, "without a weight decay"),
        ({"learning_rate": 0.1}, "paper has no --learning_rate.*=0.1"),
        (
            {
                "schedule": "cosine",
                "learning_rate": 0.1,
                "learning_rate_factor": 2.0,
            },
            "cosine has no --learning_rate_factor.*=2.0",
        ),
        ({"schedule": "constant"}, "no --learning_rate. Give one"),
        (
            {"optimizer": "lion", "adam_epsilon": 1e-6},
            "--adam_epsilon=1e-06 with --optimizer=lion",
        ),
        ({"layer_decay": 1.5}, r"must be in \(0, 1\]. Received: 1.5"),
    ],
)
def test_refuses(values, message):
    with pytest.raises(ValueError, match=message):
        learning_checks.check(learning_settings.LearningSettings(**values))


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"optimizer": "muon", "adam_epsilon": 1e-6, "weight_decay": 0.1},
        {"schedule": "constant", "learning_rate": 0.1, "cooldown_steps": 7},
    ],
)
def test_accepts(values, monkeypatch):
    # With an older Keras, muon would be refused.
    monkeypatch.setattr(kt.training.optimizers, "_KERAS_HAS_MUON", True)
    learning_checks.check(learning_settings.LearningSettings(**values))
