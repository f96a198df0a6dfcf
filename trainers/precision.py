"""The precision of a run: as asked for, as begun, or as its devices compute."""

import dataclasses
import logging

import tensorflow as tf

import keras_transformer as kt
from trainers import settings as run_settings

_LOG = logging.getLogger(__name__)
AUTO = "auto"
NAMES = (AUTO, "float32", "mixed_bfloat16", "mixed_float16")


def resolve(
    settings: run_settings.TrainingSettings,
    directory: kt.runs.RunDirectory,
    strategy: tf.distribute.Strategy,
) -> run_settings.TrainingSettings:
    """Replaces `auto` by a precision, and logs which and why.

    A run that is continued keeps the precision that it began with. One that was
    asked for stays; a warning says where it is slow.

    Args:
        settings: what was asked for.
        directory: of the run, which may be there already.
        strategy: of the run.

    Raises:
        ValueError: the workers of a run do not all come to the same precision,
            or the run in the directory is damaged.
    """
    policy = settings.precision
    compared = "settings.precision"
    if policy == AUTO:
        compared = "what --precision=auto chooses (give all the same precision)"
        policy, reason = kt.training.fast_precision(strategy)
        begun = directory.found_config().get("settings", {}).get("precision")
        if begun is not None:
            policy, reason = begun, "the run began with it"
        _LOG.info("Precision %s: %s.", policy, reason)
    elif slowness := kt.training.slowness(policy, strategy):
        _LOG.warning("%s", slowness)
    # Workers with the same flags may have other processors.
    kt.training.check_agreement(strategy, {compared: policy})
    return dataclasses.replace(settings, precision=policy)
