"""Computes the architecture of a run and the defaults of its settings."""

import dataclasses

import keras_transformer as kt
from trainers import initial_model
from trainers import settings as run_settings
from trainers import tokenizers as run_tokenizers


def architecture_of(
    settings: run_settings.TrainingSettings,
    overrides: dict,
    tokenizers: run_tokenizers.Tokenizers | None = None,
) -> kt.TransformerConfig:
    """Returns the configuration of the model.

    The configuration comes from the preset; without a preset, from the initial
    model; without an initial model, from the default preset. Then its fields
    are replaced: first by --convention, then by `overrides`, and last by the
    vocabulary sizes.

    Args:
        settings: the settings of the run, before or after `with_defaults`.
        overrides: dict of the `TransformerConfig` fields that the user gave.
        tokenizers: the tokenizers of the run. They give the vocabulary sizes.
            `None` if they are not loaded yet. Then the padding id and the start
            id are compared with the special ids of the vocabularies of
            --vocabulary, --train_shards or --initial_model, or with those of
            `SpecialIds()` if the run learns its vocabularies.

    Raises:
        ValueError: the padding id is not that of the source vocabulary, or the
            start id is not the padding, begin or end id of this vocabulary.
    """
    if settings.initial_model is not None and settings.preset is None:
        config = initial_model.architecture_of(settings.initial_model)
    else:
        config = kt.PRESETS[settings.preset or settings.default_preset]
    if settings.convention is not None:
        config = kt.models.convention(settings.convention).apply(config)
    sizes = tokenizers.vocabulary_sizes() if tokenizers else {}
    config = dataclasses.replace(config, **{**overrides, **sizes})
    if tokenizers is None:
        tokenizers = _existing_tokenizers(settings, overrides)
    ids = kt.text.SpecialIds()
    if tokenizers:
        ids = tokenizers.source.special_ids
    starts = (ids.pad, ids.begin, ids.end)
    if config.pad_id != ids.pad or config.start_id not in starts:
        raise ValueError(
            f"Vocabularies of the trainer pad with {ids.pad} and can start "
            f"with one of {starts}. Received: pad_id={config.pad_id}, "
            f"start_id={config.start_id}. Give --pad_id={ids.pad} and one of "
            "these ids as --start_id."
        )
    return config


def _existing_tokenizers(settings, overrides):
    """Returns the tokenizers of --vocabulary, shards or --initial_model.

    Returns `None` if the run learns its vocabularies.
    """
    if settings.vocabulary is not None:
        return run_tokenizers.read(
            settings.vocabulary, settings.target_vocabulary
        )
    if settings.train_shards:
        shards = kt.data.ShardedPairs(settings.train_shards)
        return run_tokenizers.Tokenizers(*shards.tokenizers())
    has_sizes = any(
        overrides.get(name) is not None
        for name in ("vocabulary_size", "target_vocabulary_size")
    )
    if settings.initial_model and not has_sizes:
        return run_tokenizers.read(settings.initial_model)
    return None


def rounded_steps(
    settings: run_settings.TrainingSettings,
) -> dict[str, int]:
    """Returns a dict with `steps`, rounded up by `whole_executions`.

    `config.json` has this rounded number. If the user did not give `--steps`,
    the dict is empty.

    Args:
        settings: the settings that the user gave.
    """
    if settings.steps is None:
        return {}
    return {"steps": whole_executions(settings.steps, settings)}


def whole_executions(
    steps: int, settings: run_settings.TrainingSettings
) -> int:
    """Rounds steps up to a multiple of `steps_per_execution`.

    Args:
        steps: number of steps.
        settings: the settings of the run.

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
    existing_settings: dict | None = None,
) -> run_settings.TrainingSettings:
    """Replaces `None` by the default in each setting that has a default.

    `epochs` becomes `None`: `steps` replaces it.

    Args:
        settings: the settings that the user gave.
        steps_per_epoch: number of batches of the training data.
        existing_settings: the settings of the run that is continued; `None`
            for a new run. Their values are the defaults of `steps`,
            `evaluation_interval`, `average_checkpoints`, `warmup_steps`,
            `tokenize` and `target_language`. So `warmup_steps`, for instance,
            does not change if the run is made longer. But if the user gives
            `epochs`, it determines `steps`. If the user gives
            `target_language`, it determines the default of `tokenize`.
    """
    existing = existing_settings or {}
    epochs = settings.epochs or (4 if settings.is_built_in else 20)
    steps = settings.steps or epochs * steps_per_epoch
    if settings.steps is None and settings.epochs is None:
        steps = existing.get("steps", steps)
    interval = (
        settings.evaluation_interval
        or existing.get("evaluation_interval")
        or min(steps_per_epoch, 1000)
    )
    or_convention = _choice_of_conventions(settings)
    # A call of the training function does `steps_per_execution` steps. The run
    # can end only after a whole call.
    steps = whole_executions(steps, settings)
    return dataclasses.replace(
        settings,
        preset=settings.preset
        or (None if settings.initial_model else settings.default_preset),
        epochs=None,
        steps=steps,
        evaluation_interval=interval,
        # Weights of the first half of a run are too far from the final weights
        # to be averaged with them.
        average_checkpoints=settings.average_checkpoints
        or existing.get("average_checkpoints")
        or max(1, min(steps // interval // 2, 5)),
        learning_rate_factor=_learning_rate_factor(settings),
        warmup_steps=settings.warmup_steps
        or existing.get("warmup_steps")
        or max(1, min(steps // 4, 4000)),
        tokenize=_tokenization(settings, existing),
        target_language=settings.target_language
        or existing.get("target_language"),
        label_smoothing=or_convention("label_smoothing", "label_smoothing"),
        smoothing_over=or_convention("smoothing_over", "smoothing_over"),
        length_penalty=or_convention("length_penalty", "alpha"),
        length_penalty_form=or_convention(
            "length_penalty_form", "length_penalty_form"
        ),
    )


def _choice_of_conventions(settings):
    """Returns a function that returns the value of a setting, or its default.

    The function takes the name of a setting, and the name of its default in
    `Convention`. It returns the first of these values that exists: the setting,
    if it is not `None`; the default in the convention that --convention names;
    the value that `initial_model.search_settings` returns, such as the length
    penalty of an imported model; the default in the convention "paper".
    """
    convention = kt.models.convention(settings.convention or "paper")
    imported = {}
    if settings.convention is None:
        imported = initial_model.search_settings(settings.initial_model)

    def or_convention(name, convention_name):
        value = getattr(settings, name)
        if value is None:
            value = imported.get(name)
        return getattr(convention, convention_name) if value is None else value

    return or_convention


def _learning_rate_factor(settings):
    """Returns the factor of `--schedule=paper`; `None` for other schedules."""
    if settings.schedule != "paper":
        return None
    # A run with the built-in corpus has few steps, so its warm-up is short. The
    # peak of the paper's schedule is then too high.
    default = 0.5 if settings.is_built_in else 1.0
    return settings.learning_rate_factor or default


def _tokenization(settings, existing_settings):
    """Returns the name of the tokenization with which sacreBLEU computes BLEU.

    The name comes from the first of these that exists: --tokenize,
    --target_language, the run that is continued, the default of sacreBLEU.
    """
    if settings.tokenize:
        return settings.tokenize
    if settings.target_language is not None:
        return kt.translation.tokenization_of(settings.target_language)
    tokenize = existing_settings.get("tokenize")
    return tokenize or kt.translation.tokenization_of(None)
