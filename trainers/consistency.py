"""Makes the consistency loss of a run from its settings."""

import keras_transformer as kt
from trainers import learning_settings

NAMES = ("none", "r_drop", "simcut")
# Settings that need a consistency loss.
_OF_SECOND_PASS = (
    "consistency_weight",
    "cut_off",
    "consistency_start",
    "consistency_ramp",
)


def make_consistency(
    settings: learning_settings.LearningSettings, seed: int = 0
) -> kt.training.ConsistencyLoss | None:
    """Makes the loss between two passes, or returns `None`.

    Args:
        settings: the settings that the user gave.
        seed: the seed of the run.

    Raises:
        ValueError: a setting is invalid, or has no effect.

    Example:

    >>> make_consistency(learning_settings.LearningSettings()) is None
    True
    """
    name = settings.consistency
    if name not in NAMES:
        raise ValueError(
            f"Unknown --consistency. Received: {name!r}. Expected one of "
            f"{', '.join(NAMES)}."
        )
    unused = set(_OF_SECOND_PASS) if name == "none" else set()
    if name == "r_drop":
        unused = {"cut_off"}
    for flag in _OF_SECOND_PASS:
        if flag in unused and getattr(settings, flag):
            raise ValueError(
                f"--{flag} has no effect with --consistency={name}. Received: "
                f"--{flag}={getattr(settings, flag)}. Leave it out, or give "
                "another --consistency."
            )
    if name == "none":
        return None
    options = {
        "start_step": settings.consistency_start,
        "ramp_steps": settings.consistency_ramp,
    }
    if settings.consistency_weight is not None:
        options["weight"] = settings.consistency_weight
    if name == "r_drop":
        return kt.training.RDrop(**options)
    if settings.cut_off is not None:
        options["cut_off"] = settings.cut_off
    return kt.training.SimCut(**options, seed=seed)
