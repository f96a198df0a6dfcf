"""What a run is where nothing else was asked for."""

import dataclasses

import keras_transformer as kt
from trainers import settings as run_settings
from trainers import tokenizers as run_tokenizers


def architecture_of(
    settings: run_settings.TrainingSettings,
    overrides: dict,
    tokenizers: run_tokenizers.Tokenizers | None = None,
) -> kt.TransformerConfig:
    """The preset, with what the convention, the flags and the text change.

    Args:
        settings: what was asked for.
        overrides: dict of fields that were asked for.
        tokenizers: of the run, whose sizes are those of the model; `None`
            before there are any.

    Raises:
        ValueError: special ids that the vocabulary does not have.
    """
    config = kt.PRESETS[settings.preset or settings.default_preset]
    if settings.convention is not None:
        config = kt.models.convention(settings.convention).apply(config)
    sizes = tokenizers.vocabulary_sizes() if tokenizers else {}
    config = dataclasses.replace(config, **{**overrides, **sizes})
    ids = kt.text.SpecialIds()
    if tokenizers:
        ids = tokenizers.source.special_ids
    starts = (ids.pad, ids.begin, ids.end)
    if config.pad_id != ids.pad or config.start_id not in starts:
        raise ValueError(
            f"The vocabularies made here pad with {ids.pad} and can start "
            f"with one of {starts}. Received: pad_id={config.pad_id}, "
            f"start_id={config.start_id}."
        )
    return config


def whole_executions(
    steps: int, settings: run_settings.TrainingSettings
) -> int:
    """So many updates, or a few more, that they fill calls of the graph.

    Example:

    >>> settings = run_settings.TrainingSettings(steps_per_execution=4)
    >>> whole_executions(10, settings)
    12
    """
    per_call = settings.steps_per_execution
    return -(-steps // per_call) * per_call


def with_defaults(
    settings: run_settings.TrainingSettings,
    steps_per_epoch: int,
    of_run: dict | None = None,
) -> run_settings.TrainingSettings:
    """Replaces every `None` by the default that fits the data.

    Args:
        settings: what was asked for.
        steps_per_epoch: batches of the training data.
        of_run: the settings of the run that is continued. What depends on its
            end stays as it is, also where it shall now go on for longer.
    """
    of_run = of_run or {}
    epochs = settings.epochs or (6 if settings.is_built_in else 20)
    steps = settings.steps or epochs * steps_per_epoch
    if settings.steps is None and settings.epochs is None:
        steps = of_run.get("steps", steps)
    interval = (
        settings.evaluation_interval
        or of_run.get("evaluation_interval")
        or min(steps_per_epoch, 1000)
    )
    convention = kt.models.convention(settings.convention or "paper")

    def or_convention(name, wanted):
        given = getattr(settings, name)
        return getattr(convention, wanted) if given is None else given

    # Whole executions, so that the last one ends where the run ends.
    steps = whole_executions(steps, settings)
    return dataclasses.replace(
        settings,
        preset=settings.preset or settings.default_preset,
        epochs=None,
        steps=steps,
        evaluation_interval=interval,
        # The first half of a run is too far from its end to be averaged.
        average_checkpoints=settings.average_checkpoints
        or of_run.get("average_checkpoints")
        or max(1, min(steps // interval // 2, 5)),
        # So few updates leave a short warm-up, whose peak is high.
        learning_rate_factor=settings.learning_rate_factor
        or (0.5 if settings.is_built_in else 1.0),
        warmup_steps=settings.warmup_steps
        or of_run.get("warmup_steps")
        or max(1, min(steps // 4, 4000)),
        tokenize=_tokenization(settings, of_run),
        target_language=settings.target_language
        or of_run.get("target_language"),
        label_smoothing=or_convention("label_smoothing", "label_smoothing"),
        smoothing_over=or_convention("smoothing_over", "smoothing_over"),
        length_penalty=or_convention("length_penalty", "alpha"),
        length_penalty_form=or_convention(
            "length_penalty_form", "length_penalty_form"
        ),
    )


def _tokenization(settings, of_run):
    """That of the flag, of the language, of the run, or of most languages."""
    if settings.tokenize:
        return settings.tokenize
    if settings.target_language is not None:
        return kt.translation.tokenization_of(settings.target_language)
    return of_run.get("tokenize") or kt.translation.tokenization_of(None)
