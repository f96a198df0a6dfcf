"""Chooses the precision of a run if `--precision` is `auto`."""

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
    """Replaces `auto` by a precision and logs the choice and its reason.

    If the run is continued, `auto` is replaced by the precision with which the
    run began. A precision other than `auto` is not replaced. But if the user
    chose mixed_bfloat16, and bfloat16 is probably slow on this CPU, a warning
    is logged.

    Args:
        settings: the settings that the user gave.
        directory: the output directory. It may already hold a run.
        strategy: the strategy of the run.

    Returns:
        The settings, with a precision that is not `auto`.

    Raises:
        ValueError: the workers of a run do not have the same precision, or the
            run in the directory is damaged.
    """
    policy = settings.precision
    compared = "settings.precision"
    if policy == AUTO:
        compared = "what --precision=auto chooses (give all the same precision)"
        policy, reason = kt.training.fast_precision(strategy)
        existing_settings = directory.read_config().get("settings", {})
        if existing_settings.get("precision") is not None:
            policy = existing_settings["precision"]
            reason = "the run began with it"
        _LOG.info("Precision %s: %s.", policy, reason)
    elif warning := kt.training.precision_warning(policy, strategy):
        _LOG.warning("%s", warning)
    # `auto` may choose another precision on a worker with another processor.
    kt.training.check_agreement(strategy, {compared: policy})
    return dataclasses.replace(settings, precision=policy)
