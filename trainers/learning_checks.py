"""Checks the settings that say how the model learns."""

import keras_transformer as kt
from trainers import consistency, learning_settings


def check(settings: learning_settings.LearningSettings) -> None:
    """Checks the settings of the optimizer, its learning rate and the loss.

    `settings_checks` checks the ranges of most numbers, such as `warmup_steps`
    and `label_smoothing`.

    Args:
        settings: the settings that the user gave.

    Raises:
        FileNotFoundError: a teacher is not the directory of a finished run.
        ValueError: a setting is invalid, two settings contradict each other, or
            a setting that another setting needs is missing.
    """
    if settings.schedule not in kt.training.SCHEDULES:
        raise ValueError(
            f"Unknown --schedule. Received: {settings.schedule!r}. Expected "
            f"one of {', '.join(kt.training.SCHEDULES)}."
        )
    kt.training.optimizers.check(settings.optimizer, settings.weight_decay)
    _check_rate(settings)
    consistency.check(settings)
    default = learning_settings.LearningSettings().adam_epsilon
    if settings.adam_epsilon != default and "adam" not in settings.optimizer:
        if settings.optimizer != "muon":
            raise ValueError(
                "--adam_epsilon is for adam, adamw and muon. Received: "
                f"--adam_epsilon={settings.adam_epsilon} with --optimizer="
                f"{settings.optimizer}. Leave it out."
            )
    if settings.layer_decay is not None and not 0 < settings.layer_decay <= 1:
        raise ValueError(
            "--layer_decay is a factor and must be in (0, 1]. Received: "
            f"{settings.layer_decay}."
        )


def _check_rate(settings):
    """Checks that the flag of the learning rate belongs to the schedule.

    The schedule "paper" accepts only `learning_rate_factor`. All other
    schedules need `learning_rate`, and accept no factor.
    """
    is_paper = settings.schedule == "paper"
    needed, other = "learning_rate", "learning_rate_factor"
    if is_paper:
        needed, other = other, needed
    if getattr(settings, other) is not None:
        raise ValueError(
            f"--schedule={settings.schedule} has no --{other}. Received: "
            f"--{other}={getattr(settings, other)}. Give --{needed} instead, "
            "or another schedule."
        )
    if not is_paper and settings.learning_rate is None:
        raise ValueError(
            f"--schedule={settings.schedule} needs the highest learning rate. "
            "Received: no --learning_rate. Give one, such as 0.001."
        )
