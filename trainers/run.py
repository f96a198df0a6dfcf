"""One training run from settings to a served model."""

import dataclasses
import functools
import logging
import pathlib
import sys

import keras
import tensorflow as tf

import keras_transformer as kt
from trainers import (
    continuing,
    defaults,
    evaluation,
    program,
    run_directory,
    settings_checks,
)
from trainers import corpora as run_corpora
from trainers import settings as run_settings
from trainers import tokenizers as run_tokenizers

_LOG = logging.getLogger(__name__)
# Development sentences translated at every evaluation, by greedy search.
_DEV_SENTENCES = 500
# Settings as they were asked for; the architecture has what the text gave.
_VOCABULARY_SIZES = ("vocabulary_size", "target_vocabulary_size")
# The sentence of The Illustrated Transformer, and the one that differs in what
# "it" refers to.
_ILLUSTRATED = (
    "The animal didn't cross the street because it was too tired.",
    "The animal didn't cross the street because it was too wide.",
)


def train(settings: run_settings.TrainingSettings, overrides, output_dir):
    """Trains, or continues to train, and writes the run directory.

    Args:
        settings: what was asked for.
        overrides: dict of `TransformerConfig` fields instead of the preset's.
        output_dir: the run directory.

    Raises:
        ValueError: settings or data that cannot be trained on.
        OSError: files that are missing or exist already.
        FloatingPointError: the loss became NaN.
        ConnectionError: another worker has gone.
    """
    settings_checks.check(settings)
    strategy = kt.training.strategy(
        settings.strategy, settings.devices, settings.tpu
    )
    directory = run_directory.RunDirectory(output_dir)
    with kt.training.lost_workers(strategy):
        _check_in_time(settings, overrides, directory, strategy)
        _train(settings, overrides, directory, strategy)


def _check_in_time(settings, overrides, directory, strategy):
    """Refuses, before any data is read, what will not work after it."""
    if kt.training.is_chief(strategy):
        program.check_output_dir(directory.path)
    asked = {
        "architecture": {
            name: value
            for name, value in overrides.items()
            if name not in _VOCABULARY_SIZES
        },
        "settings": {
            name: value
            for name, value in dataclasses.asdict(settings).items()
            # Not those whose value depends on the data and each other.
            if value is not None
            and name not in ("epochs", "evaluation_interval")
        }
        | {name: overrides.get(name) for name in _VOCABULARY_SIZES},
    }
    kt.training.check_agreement(
        strategy,
        {
            **_by_name({"settings": dataclasses.asdict(settings)}),
            "the architecture": sorted(overrides.items()),
            "a run in --output_dir": directory.is_started,
        },
    )
    if directory.is_started:
        directory.check_same(asked)
    kt.data.check_batch(
        settings.tokens_per_batch,
        settings.max_length,
        _rows_multiple(settings, strategy),
    )
    # A model of one block has all that a config may be wrong in.
    architecture = defaults.architecture_of(settings, overrides)
    fewer = {
        name: min(getattr(architecture, name), 1)
        for name in ("num_encoder_layers", "num_decoder_layers")
    }
    kt.build_transformer(
        dataclasses.replace(architecture, **fewer), dtype=settings.precision
    )
    # So that the model's own names are not the second of their kind.
    keras.utils.clear_session()


def _train(settings, overrides, directory, strategy):
    is_chief = kt.training.is_chief(strategy)

    # Data.
    corpora = run_corpora.load(settings)
    tokenizers = run_tokenizers.load(
        directory, corpora, settings, overrides, strategy
    )
    encode = functools.partial(
        kt.data.encode_pairs,
        tokenizer=tokenizers.source,
        max_length=settings.max_length,
        target_tokenizer=tokenizers.target,
    )
    train_pairs = encode(
        kt.data.with_rare_characters(
            corpora.train, settings.rare_characters, settings.seed
        )
    )
    dev_pairs = encode(corpora.dev)
    for name, encoded in (("training", train_pairs), ("dev", dev_pairs)):
        _LOG.info(
            "%d %s pairs; left out %d with an empty side and %d longer than "
            "%d tokens.",
            len(encoded.sources),
            name,
            encoded.num_empty,
            encoded.num_too_long,
            settings.max_length,
        )
    architecture = defaults.architecture_of(settings, overrides, tokenizers)
    batching = {
        "tokens_per_batch": settings.tokens_per_batch,
        "max_length": settings.max_length,
        "seed": settings.seed,
        "rows_multiple_of": _rows_multiple(settings, strategy),
        "start_id": architecture.start_id,
    }
    train_batches = kt.data.TokenBatches(train_pairs, **batching)
    dev_batches = kt.data.TokenBatches(dev_pairs, **batching)

    # The run: its settings, those of the directory if it holds one.
    continued = continuing.Continued(directory)
    settings = defaults.with_defaults(
        settings, train_batches.steps_per_epoch, continued.settings
    )
    config = {
        "architecture": dataclasses.asdict(architecture),
        "settings": {
            **dataclasses.asdict(settings),
            **{name: overrides.get(name) for name in _VOCABULARY_SIZES},
        },
        "data": {**corpora.fingerprint(), **tokenizers.fingerprint()},
    }
    kt.training.check_agreement(strategy, _by_name(config))
    if continued.settings:
        directory.check_same(config)

    # Model.
    keras.utils.set_random_seed(settings.seed)
    with strategy.scope():
        model = kt.build_transformer(architecture, dtype=settings.precision)
        compile_model(model, settings, architecture)
    checkpoints = kt.training.TrainingCheckpoints(
        directory.checkpoints,
        model,
        keep=settings.average_checkpoints,
        counters=("train_seconds", "batches"),
        is_writer=is_chief,
    )
    if checkpoints.restore():
        _LOG.info("Continuing at step %d.", checkpoints.step)
    # Not the optimizer's steps, which leave out gradients that overflow.
    batches = int(checkpoints.counters["batches"].numpy())
    kt.training.check_agreement(strategy, {"batches": batches})
    continued.check(settings, batches)
    # Nothing was written up to here, and other workers have read what was.
    if is_chief:
        directory.clear_unfinished()
        if continued.is_new_or_changed(settings):
            directory.write_config(config)
        tokenizers.save(directory)
    if continued.is_complete(settings):
        if is_chief:
            evaluation.repeat(directory, corpora)
        return

    # Fit.
    if batches < settings.steps:
        _LOG.info(
            "%d parameters; %d steps of %d target tokens, padding included.",
            model.count_params(),
            settings.steps,
            settings.tokens_per_batch,
        )
        _fit(
            model,
            train_batches,
            settings,
            checkpoints,
            validation_data=dev_batches.evaluation_dataset(),
            callbacks=[
                kt.training.StopOnNaN(),
                evaluation.Progress(checkpoints, settings.steps),
                *(
                    _views(directory, settings, corpora, tokenizers, model)
                    if is_chief
                    else ()
                ),
            ],
            shuffle=False,
            verbose=(1 if sys.stdout.isatty() else 2) if is_chief else 0,
        )

    # What is left for use.
    if is_chief:
        evaluation.finish(
            directory,
            settings=settings,
            architecture=architecture,
            corpora=corpora,
            tokenizers=tokenizers,
            model=model,
            checkpoints=checkpoints,
            dev_batches=dev_batches,
            train_batches=train_batches,
        )
    # Nobody leaves before all is done.
    kt.training.check_agreement(strategy, {"step": checkpoints.step})


def _fit(model, train_batches, settings, checkpoints, **how):
    """Fits from the restored batch to the end, an epoch an interval."""
    interval = settings.evaluation_interval
    batches = int(checkpoints.counters["batches"].numpy())
    epoch, begun = divmod(batches, interval)
    # An end that was, where a run as long as this one has no checkpoint; if it
    # is the only one, until there is another.
    ended = checkpoints.step
    if begun:
        checkpoints.forget(ended)
    first = min(interval - begun, settings.steps - batches)
    if first < interval:
        model.fit(
            train_batches.training_dataset(batches),
            steps_per_epoch=first,
            initial_epoch=epoch,
            epochs=epoch + 1,
            **how,
        )
        if begun:
            checkpoints.forget(ended)
        batches, epoch = batches + first, epoch + 1
    if batches < settings.steps:
        model.fit(
            train_batches.training_dataset(batches),
            steps_per_epoch=interval,
            initial_epoch=epoch,
            epochs=-(-settings.steps // interval),
            **how,
        )


def _rows_multiple(settings, strategy):
    return strategy.num_replicas_in_sync * settings.gradient_accumulation_steps


def _by_name(config):
    """Groups of settings as one, for workers to compare."""
    return {
        f"{group}.{name}": value
        for group, fields in config.items()
        for name, value in fields.items()
    }


def compile_model(model, settings, architecture) -> None:
    """Compiles the model as section 5 of the paper trains it."""
    model.compile(
        optimizer=kt.training.paper_adam(
            architecture.model_dim,
            settings.warmup_steps,
            settings.learning_rate_factor,
            settings.adam_epsilon,
            global_clipnorm=settings.clip_norm,
            use_ema=settings.ema_momentum is not None,
            ema_momentum=settings.ema_momentum or 0.99,
        ),
        loss=kt.training.SmoothedCrossEntropy(
            settings.label_smoothing, settings.smoothing_over
        ),
        weighted_metrics=[
            keras.metrics.SparseCategoricalAccuracy(name="token_accuracy")
        ],
        steps_per_execution=settings.steps_per_execution,
        jit_compile=settings.jit_compile,
        gradient_accumulation_steps=settings.gradient_accumulation_steps,
    )


def _views(directory, settings, corpora, tokenizers, model):
    """What shows the model as it trains."""
    translator = kt.Translator(
        model,
        tokenizers.source,
        kt.search.greedy_search,
        target_tokenizer=tokenizers.target,
        # A TPU runs nothing but static graphs.
        jit_compile=isinstance(
            model.distribute_strategy, tf.distribute.TPUStrategy
        ),
    )
    dev = [p for p in corpora.dev if p.source.strip() and p.target.strip()]
    dev = dev[:_DEV_SENTENCES]
    texts = [dev[0].source]
    if settings.is_built_in:
        texts = list(_ILLUSTRATED)
    logs = pathlib.Path(directory.logs)
    return [
        kt.training.BleuCallback(
            translator.translate,
            [pair.source for pair in dev],
            [pair.target for pair in dev],
            logs / "bleu",
            settings.tokenize,
        ),
        kt.summaries.SampleTranslations(
            logs / "translations", dev[:3], translator.translate
        ),
        kt.summaries.AttentionImages(
            logs / "attention",
            texts,
            lambda text: kt.summaries.AttentionMaps(
                *kt.translation.explain(translator, text)
            ),
        ),
        keras.callbacks.TensorBoard(logs, write_graph=False),
    ]
