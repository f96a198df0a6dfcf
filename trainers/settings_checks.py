"""Checks the settings of a run before anything else is done."""

import math

import keras_transformer as kt
from trainers import directions, evaluations, initial_model, learning_checks
from trainers import precision as run_precision
from trainers import settings as run_settings

# --seed must be below this number, because `keras.utils.set_random_seed` also
# seeds NumPy, which accepts only seeds below it.
_SEEDS = 2**32


def check(settings: run_settings.TrainingSettings) -> None:
    """Checks all settings that can be checked without the data.

    Args:
        settings: the settings that the user gave.

    Raises:
        FileNotFoundError: the initial model or a teacher is not the directory
            of a finished run.
        ValueError: a setting is invalid, or two settings contradict each other.
    """
    _check_data(settings)
    _check_shards(settings)
    if settings.preset is not None and settings.preset not in kt.PRESETS:
        raise ValueError(
            f"Unknown preset. Received: {settings.preset!r}. Expected one of "
            f"{', '.join(kt.PRESETS)}."
        )
    if settings.convention is not None:
        kt.models.convention(settings.convention)
    if settings.epochs is not None and settings.steps is not None:
        raise ValueError(
            "--epochs and --steps both set the length of training. Received: "
            f"epochs={settings.epochs}, steps={settings.steps}. Give one."
        )
    learning_checks.check(settings)
    initial_model.check(settings.initial_model)
    directions.check(settings)
    _check_names(settings)
    _check_numbers(settings)
    _check_selection(settings)
    if settings.trace_sentences:
        kt.summaries.check_sentences(
            "--trace_sentences", settings.trace_sentences
        )
    # This raises an error if a tokenization is unknown or not installed.
    # Without this call, the error would come only at the first evaluation.
    kt.translation.corpus_metrics(
        tokenize=settings.tokenize
        or kt.translation.tokenization_of(settings.target_language)
    )


def _check_names(settings):
    for name, known_values in (
        ("precision", run_precision.NAMES),
        ("smoothing_over", (None, *kt.training.SMOOTHING_OVER)),
        ("text_normalization", kt.text.NORMALIZATIONS),
        ("select_by", tuple(evaluations.CRITERIA)),
        ("length_penalty_form", (None, *kt.search.LENGTH_PENALTIES)),
    ):
        if getattr(settings, name) not in known_values:
            raise ValueError(
                f"Unknown --{name}. Received: {getattr(settings, name)!r}. "
                f"Expected one of {', '.join(filter(None, known_values))}."
            )


def _check_numbers(settings):
    if not 0 <= settings.minimum_risk <= settings.beam_size:
        raise ValueError(
            "--minimum_risk must be at least 0, and at most --beam_size. "
            f"Received: --minimum_risk={settings.minimum_risk} "
            f"--beam_size={settings.beam_size}. Give a larger beam size, or "
            "a smaller --minimum_risk."
        )
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
        "patience",
        "beam_size",
        "gradient_accumulation_steps",
        "steps_per_execution",
        "learning_rate",
        "learning_rate_factor",
        "cooldown_steps",
        "weight_decay",
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
            "--rare_characters is a share of the sources and must be in "
            f"[0, 1]. Received: {settings.rare_characters}."
        )
    sampling = settings.segmentation_sampling
    if sampling is not None and not 0 < sampling <= 1:
        raise ValueError(
            "--segmentation_sampling is a probability and must be in (0, 1]. "
            f"Received: {sampling}."
        )
    if not 0 <= settings.seed < _SEEDS:
        raise ValueError(
            f"--seed must be at least 0 and below {_SEEDS}. Received: "
            f"{settings.seed}."
        )


def _check_selection(settings):
    if settings.select_by == "last" and settings.patience is not None:
        raise ValueError(
            "--patience ends a run whose score by --select_by does not become "
            f"better. Received: --patience={settings.patience} with "
            "--select_by=last, which is no score. Give --select_by=bleu, chrf "
            "or loss."
        )
    if settings.select_by != "last" and settings.ema_momentum is not None:
        raise ValueError(
            "The final weights are either a moving average or a mean of the "
            f"best checkpoints. Received: --ema_momentum="
            f"{settings.ema_momentum} with --select_by={settings.select_by}. "
            "Leave one of them out."
        )


def _check_data(settings):
    given = [
        name
        for name, is_given in (
            ("--train_shards", settings.train_shards),
            ("--train_tsv", settings.train_tsv),
            (
                "--train_source and --train_target",
                settings.train_source or settings.train_target,
            ),
        )
        if is_given
    ]
    if len(given) > 1:
        raise ValueError(
            "Give the training data once: --train_shards, --train_tsv, or "
            f"--train_source and --train_target. Received: {'; '.join(given)}."
        )
    for split in ("train", "dev"):
        source = getattr(settings, f"{split}_source")
        target = getattr(settings, f"{split}_target")
        if bool(source) != bool(target):
            raise ValueError(
                f"--{split}_source and --{split}_target go together. Received: "
                f"{split}_source={source}, {split}_target={target}. Give both."
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


def _check_shards(settings):
    """Checks the flags of shards and of vocabularies."""
    if settings.train_shards and not (settings.dev_source or settings.dev_tsv):
        raise ValueError(
            "Shards have no text of which development data can be held out. "
            "Received: --train_shards without development data. Give "
            "--dev_source and --dev_target, or --dev_tsv."
        )
    if not settings.train_shards:
        for name in ("train_weights", "sampling_temperature"):
            if getattr(settings, name):
                raise ValueError(
                    f"--{name} is for the directories of --train_shards. "
                    f"Received: --{name} without --train_shards. Leave it out."
                )
    else:
        try:
            weights = list(map(float, settings.train_weights)) or None
        except ValueError:
            raise ValueError(
                "--train_weights must be numbers, one for each directory of "
                f"--train_shards. Received: {','.join(settings.train_weights)}."
            ) from None
        kt.data.check_weights(
            len(settings.train_shards), weights, settings.sampling_temperature
        )
    if settings.target_vocabulary is not None and settings.vocabulary is None:
        raise ValueError(
            "--target_vocabulary goes with --vocabulary. Received: "
            f"--target_vocabulary={settings.target_vocabulary} alone. Give "
            "both."
        )
