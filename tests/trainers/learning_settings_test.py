"""The defaults of learning are those of the paper."""

from trainers import learning_settings


def test_defaults_are_those_of_the_paper():
    settings = learning_settings.LearningSettings()
    assert (settings.optimizer, settings.schedule) == ("adam", "paper")
    assert (settings.adam_epsilon, settings.weight_decay) == (1e-9, None)
    assert settings.cooldown_steps is settings.layer_decay is None
