"""What settings may not be, said in the first second of a run."""

import math

import keras_transformer as kt
from trainers import precision as run_precision

# Of numpy's generators, which `keras.utils.set_random_seed` sets too.
_SEEDS = 2**32


def check(settings) -> None:
    """Raises ValueError for settings that no run can have.

    Args:
        settings: `TrainingSettings`.
    """
    _check_data(settings)
    if settings.preset is not None and settings.preset not in kt.PRESETS:
        raise ValueError(
            f"Unknown preset. Received: {settings.preset!r}. Expected one of "
            f"{', '.join(kt.PRESETS)}."
        )
    if settings.convention is not None:
        kt.models.convention(settings.convention)
    if settings.epochs is not None and settings.steps is not None:
        raise ValueError(
            "--epochs and --steps both say how long to train. Received: "
            f"epochs={settings.epochs}, steps={settings.steps}. Give one."
        )
    _check_names(settings)
    _check_numbers(settings)
    # Refuses a tokenization that is not there, which is asked at the end.
    kt.translation.corpus_metrics(
        tokenize=settings.tokenize
        or kt.translation.tokenization_of(settings.target_language)
    )


def _check_names(settings):
    for name, known in (
        ("precision", run_precision.NAMES),
        ("smoothing_over", (None, *kt.training.SMOOTHING_OVER)),
        ("text_normalization", kt.text.NORMALIZATIONS),
        ("length_penalty_form", (None, *kt.search.LENGTH_PENALTIES)),
    ):
        if getattr(settings, name) not in known:
            raise ValueError(
                f"Unknown --{name}. Received: {getattr(settings, name)!r}. "
                f"Expected one of {', '.join(filter(None, known))}."
            )


def _check_numbers(settings):
    penalty = settings.length_penalty
    if penalty is not None and not 0 <= penalty < math.inf:
        raise ValueError(
            "--length_penalty must be at least 0 and finite. Received: "
            f"{penalty}."
        )
    for name in (
        "max_length",
        "tokens_per_batch",
        "epochs",
        "steps",
        "warmup_steps",
        "evaluation_interval",
        "average_checkpoints",
        "beam_size",
        "gradient_accumulation_steps",
        "steps_per_execution",
        "learning_rate_factor",
        "adam_epsilon",
        "clip_norm",
        "ema_momentum",
    ):
        value = getattr(settings, name)
        if value is not None and not 0 < value < math.inf:
            raise ValueError(f"--{name} must be positive. Received: {value}.")
    for name in ("ema_momentum", "label_smoothing"):
        value = getattr(settings, name)
        if value is not None and not 0 <= value < 1:
            raise ValueError(
                f"--{name} must be at least 0 and below 1. Received: {value}."
            )
    if not 0 <= settings.rare_characters <= 1:
        raise ValueError(
            "--rare_characters is a share of the pairs, in [0, 1]. Received: "
            f"{settings.rare_characters}."
        )
    if not 0 <= settings.seed < _SEEDS:
        raise ValueError(
            f"--seed must be at least 0 and below {_SEEDS}, as Keras's. "
            f"Received: {settings.seed}."
        )


def _check_data(settings):
    if settings.train_tsv and (settings.train_source or settings.train_target):
        raise ValueError(
            "Give the training data once: --train_tsv, or --train_source and "
            "--train_target. Received both."
        )
    for side in ("train", "dev"):
        source = getattr(settings, f"{side}_source")
        target = getattr(settings, f"{side}_target")
        if bool(source) != bool(target):
            raise ValueError(
                f"--{side}_source and --{side}_target go together. Received: "
                f"{side}_source={source}, {side}_target={target}."
            )
    if settings.is_built_in and (settings.dev_source or settings.dev_tsv):
        raise ValueError(
            "Development data without training data. Received: "
            f"{settings.dev_source or settings.dev_tsv}. Give --train_source "
            "and --train_target, or --train_tsv."
        )
    if settings.dev_tsv and settings.dev_source:
        raise ValueError(
            "Give the development data once: --dev_tsv, or --dev_source and "
            "--dev_target. Received both."
        )
