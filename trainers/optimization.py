"""Makes the optimizer of a run from its settings."""

import re

import keras

import keras_transformer as kt
from trainers import settings as run_settings

_BLOCK = re.compile(r"(encoder|decoder)/block_(\d+)/")


def make_optimizer(
    settings: run_settings.TrainingSettings,
    architecture: kt.TransformerConfig,
) -> keras.optimizers.Optimizer:
    """Makes the optimizer, with its learning rate schedule.

    Args:
        settings: the settings, with all defaults filled in.
        architecture: the configuration of the model.

    Raises:
        ValueError: as for `make_schedule` and `kt.training.make_optimizer`.
    """
    options = {}
    if settings.layer_decay is not None:
        options["factor_of"] = lambda path: factor_of(
            path, settings.layer_decay, architecture
        )
    return kt.training.make_optimizer(
        settings.optimizer,
        make_schedule(settings, architecture),
        settings.weight_decay,
        settings.adam_epsilon,
        global_clipnorm=settings.clip_norm,
        use_ema=settings.ema_momentum is not None,
        ema_momentum=settings.ema_momentum or 0.99,
        **options,
    )


def make_schedule(
    settings: run_settings.TrainingSettings,
    architecture: kt.TransformerConfig,
) -> keras.optimizers.schedules.LearningRateSchedule:
    """Makes the learning rate schedule of a run.

    Args:
        settings: the settings, with all defaults filled in.
        architecture: the configuration of the model.

    Raises:
        ValueError: warm-up and cool-down do not fit into the steps of the run,
            or the schedule `"cosine"` has no steps after the warm-up.
    """
    if settings.schedule == "paper":
        schedule = kt.training.WarmupInverseSqrt(
            architecture.model_dim,
            settings.warmup_steps,
            settings.learning_rate_factor,
        )
    else:
        schedule = kt.training.WarmupTo(
            settings.schedule,
            settings.learning_rate,
            settings.warmup_steps,
            settings.steps,
        )
    if settings.cooldown_steps is None:
        return schedule
    check_parts(settings)
    return kt.training.CoolDown(
        schedule, settings.steps, settings.cooldown_steps
    )


def check_parts(settings: run_settings.TrainingSettings) -> None:
    """Checks that warm-up and cool-down fit into the steps of the run.

    Nothing is checked if the number of steps is unknown or there is no
    cool-down. An unknown warm-up counts as 0 steps.

    Args:
        settings: the settings of a run, before or after all defaults are
            filled in.

    Raises:
        ValueError: warm-up and cool-down do not fit.
    """
    warmup, cooldown = settings.warmup_steps or 0, settings.cooldown_steps
    if settings.steps is None or cooldown is None:
        return
    if warmup + cooldown > settings.steps:
        raise ValueError(
            "Warm-up and cool-down together must not be longer than the run. "
            f"Received: warmup_steps={warmup}, cooldown_steps={cooldown}, "
            f"steps={settings.steps}. Give fewer steps of warm-up or of "
            "cool-down."
        )


def factor_of(
    path: str, layer_decay: float, architecture: kt.TransformerConfig
) -> float:
    """Returns the factor of the learning rate of a weight.

    The last block of each stack has the factor 1, the block before it has
    `layer_decay`, the block before that has `layer_decay ** 2`, and so on.
    Embeddings have `layer_decay ** n`, where n is the number of blocks of the
    stack with more blocks. All other weights have the factor 1, for example the
    final norms, and an output projection that is not tied.

    Args:
        path: the path of the weight.
        layer_decay: the factor between neighbouring blocks.
        architecture: the configuration of the model.

    Example:

    >>> factor_of("encoder/block_4/feed_forward", 0.5, kt.TransformerConfig())
    0.25
    """
    sizes = {
        "encoder": architecture.num_encoder_layers,
        "decoder": architecture.num_decoder_layers,
    }
    block = _BLOCK.search(path)
    if block:
        return layer_decay ** (sizes[block[1]] - int(block[2]))
    # Learned positions are embeddings too.
    if "embedding/" in path or "positions/encodings" in path:
        return layer_decay ** max(sizes.values())
    return 1.0
