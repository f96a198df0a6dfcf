"""Trains a model, and writes a directory with all files of the run."""

import dataclasses
import logging
import os

import keras
import tensorflow as tf

import keras_transformer as kt
from trainers import (
    building,
    components,
    consistency,
    continuing,
    defaults,
    directions,
    evaluations,
    finishing,
    initial_model,
    measuring,
    program,
    settings_checks,
    training_pairs,
    training_progress,
)
from trainers import corpora as run_corpora
from trainers import precision as run_precision
from trainers import settings as run_settings
from trainers import tokenizers as run_tokenizers

_LOG = logging.getLogger(__name__)
# `config.json` has these sizes twice: in `settings` as the user gave them, in
# `architecture` as they are in the model.
_VOCABULARY_SIZES = ("vocabulary_size", "target_vocabulary_size")


def train(
    settings: run_settings.TrainingSettings,
    overrides: dict,
    output_dir: str | os.PathLike,
    strategy: tf.distribute.Strategy | None = None,
    keeps_end: bool = False,
) -> tf.distribute.Strategy:
    """Begins or continues a run and writes all its files.

    Args:
        settings: the settings that the user gave.
        overrides: dict of `TransformerConfig` fields that replace those of the
            preset or of the initial model.
        output_dir: the directory of the run.
        strategy: the strategy of an earlier run in this process; `None` to make
            it from the settings.
        keeps_end: whether a run that `output_dir` already has must keep its
            number of steps, because a later stage of a recipe started from it.

    Returns:
        The strategy of the run.

    Raises:
        ValueError: the settings or the data are invalid, differ from those of
            the run in `output_dir`, or differ between workers.
        OSError: a file cannot be read or written.
        FloatingPointError: the loss became NaN or infinite.
        ConnectionError: another worker was lost.
    """
    settings_checks.check(settings)
    strategy = strategy or kt.training.strategy(
        settings.strategy, settings.devices, settings.tpu
    )
    directory = kt.runs.RunDirectory(output_dir)
    with kt.training.lost_workers(strategy):
        settings = run_precision.resolve(settings, directory, strategy)
        _check_before_data(settings, overrides, directory, strategy)
        _train(settings, overrides, directory, strategy, keeps_end)
    return strategy


def _check_before_data(settings, overrides, directory, strategy):
    """Makes the remaining checks that do not need the data."""
    if kt.training.is_chief(strategy):
        program.check_output_dir(directory.path)
    requested = {
        "architecture": {
            name: value
            for name, value in overrides.items()
            if name not in _VOCABULARY_SIZES
        },
        "settings": {
            name: value
            for name, value in dataclasses.asdict(settings).items()
            # `epochs`, `evaluation_interval` and all settings that are `None`
            # are compared after the data are read. `config.json` has `steps`
            # instead of `epochs`, and defaults instead of `None`. They depend
            # on the data or on other settings.
            if value is not None
            and name not in ("epochs", "evaluation_interval")
        }
        | {name: overrides.get(name) for name in _VOCABULARY_SIZES}
        | defaults.rounded_steps(settings),
        "data": run_tokenizers.fingerprint_of_given(settings),
    }
    kt.training.check_agreement(
        strategy,
        {
            **_flatten({"settings": dataclasses.asdict(settings)}),
            "the architecture": sorted(overrides.items()),
            "a run in --output_dir": directory.is_started,
        },
    )
    if directory.is_started:
        continuing.ExistingRun(directory).check_same(requested)
    run_tokenizers.check(settings, overrides)
    kt.data.check_batch(
        settings.tokens_per_batch,
        settings.max_length,
        _rows_multiple(settings, strategy),
    )
    # Building one block of each stack finds all errors of the configuration.
    architecture = defaults.architecture_of(settings, overrides)
    one_block = {
        name: min(getattr(architecture, name), 1)
        for name in ("num_encoder_layers", "num_decoder_layers")
    }
    kt.build_transformer(
        dataclasses.replace(architecture, **one_block), dtype=settings.precision
    )
    # Keras counts layers to name them. The count starts again, so that names in
    # the real model do not depend on the model above.
    keras.utils.clear_session()


def _train(requested, overrides, directory, strategy, keeps_end):
    """Trains with settings that were checked."""
    corpora = directions.in_both(
        run_corpora.load(requested, directory), requested.direction_tags
    )
    tokenizers = run_tokenizers.load(
        directory, corpora, requested, overrides, strategy
    )
    architecture = defaults.architecture_of(requested, overrides, tokenizers)
    train_batches, dev_batches = _batches(
        directory, requested, corpora, tokenizers, architecture, strategy
    )

    existing = continuing.ExistingRun(directory)
    settings = defaults.with_defaults(
        requested, train_batches.steps_per_epoch, existing.settings
    )
    if keeps_end:
        existing.check_end(settings)
    config = _config(settings, overrides, architecture, corpora, tokenizers)
    kt.training.check_agreement(strategy, _flatten(config))
    if existing.settings:
        existing.check_same(config)
    run = components.Components(
        directory,
        strategy,
        corpora,
        tokenizers,
        settings,
        architecture,
        train_batches,
        dev_batches,
        *building.make_model(
            settings,
            architecture,
            tokenizers,
            directory,
            strategy,
            train_batches,
        ),
    )
    _restore(run)
    existing.check(settings, run.trained_batches)

    # All workers have read `config.json` before `_restore`, which waits for all
    # workers. So the chief may replace this file now.
    if run.is_chief:
        run.evaluations.forget_after(run.checkpoints.step)
        _write_config(run, config, existing)
    if existing.is_complete(settings):
        if run.is_chief:
            finishing.print_again(directory, corpora)
        return
    if run.trained_batches < settings.steps and not _is_over(run):
        _fit(run)
    if run.is_chief:
        finishing.finish(run)
    # This comparison makes all workers wait until the chief has finished.
    kt.training.check_agreement(strategy, {"step": run.checkpoints.step})


def _config(settings, overrides, architecture, corpora, tokenizers):
    """Returns the content of `config.json`."""
    search = initial_model.search_config(settings, tokenizers)
    return {
        **search,
        "architecture": dataclasses.asdict(architecture),
        "settings": {
            **dataclasses.asdict(settings),
            **{name: overrides.get(name) for name in _VOCABULARY_SIZES},
            **search["settings"],
        },
        "data": {
            **corpora.fingerprint(),
            **tokenizers.fingerprint(),
            **initial_model.fingerprint(settings.initial_model),
            **consistency.fingerprint(settings, tokenizers, architecture),
        },
    }


def _batches(directory, settings, corpora, tokenizers, architecture, strategy):
    """Returns the batches of the training data and of the development data."""
    return [
        kt.data.TokenBatches(
            encoded,
            settings.tokens_per_batch,
            settings.max_length,
            settings.seed,
            _rows_multiple(settings, strategy),
            architecture.start_id,
            settings.packed,
        )
        for encoded in (
            training_pairs.load(
                directory, corpora, tokenizers, settings, strategy
            ),
            training_pairs.encode("dev", corpora.dev, tokenizers, settings),
        )
    ]


def _restore(run):
    """Restores the newest checkpoint, if there is one.

    Then checks that all workers have trained the same number of batches.
    """
    if run.checkpoints.restore():
        _LOG.info("Continuing at step %d.", run.checkpoints.step)
        measuring.use_bookmark(run.checkpoints.counters, run.train_batches)
    kt.training.check_agreement(run.strategy, {"batches": run.trained_batches})


def _write_config(run, config, existing):
    """Writes the configuration and the vocabularies of the run.

    Files that a killed process left unfinished are deleted first. An existing
    configuration is replaced only if the number of steps or the way to compute
    BLEU has changed.
    """
    run.directory.clear_unfinished()
    if existing.is_new_or_changed(run.settings):
        run.directory.write_config(config)
    run.tokenizers.save(run.directory)


def _fit(run):
    """Trains to the end. An epoch of `fit` is an evaluation interval."""
    settings, checkpoints = run.settings, run.checkpoints
    _LOG.info(
        "%d parameters. %d steps of %d target tokens each, padding included.",
        run.model.count_params(),
        settings.steps,
        settings.tokens_per_batch,
    )
    progress, observe = None, None
    if run.is_chief:
        progress = training_progress.TrainingProgress(
            checkpoints, settings.steps
        )
        observe = progress.observe
    callbacks = measuring.callbacks(run, progress)
    if progress is not None:
        # `progress` must be last, because it prints what the other callbacks
        # add to the logs.
        callbacks.append(progress)
    fit_options = {
        "validation_data": run.dev_batches.evaluation_dataset(),
        "callbacks": callbacks,
        "shuffle": False,
        "verbose": 0,
    }
    batches = run.trained_batches
    interval = defaults.whole_executions(settings.evaluation_interval, settings)
    epoch, in_interval = divmod(batches, interval)
    # The last checkpoint of a complete run may be in the middle of an interval.
    # If the run is made longer, this checkpoint is deleted, because a run that
    # had the new number of steps from the start would not save it. If this is
    # the only checkpoint, it is deleted after the next one is saved.
    restored_step = checkpoints.step
    if in_interval:
        _forget(run, restored_step)
    rest = min(interval - in_interval, settings.steps - batches)
    if rest < interval:
        run.model.fit(
            run.train_batches.training_dataset(batches, observe),
            steps_per_epoch=rest,
            initial_epoch=epoch,
            epochs=epoch + 1,
            **fit_options,
        )
        if in_interval:
            _forget(run, restored_step)
        if settings.ema_momentum is not None:
            # `fit` has replaced the weights by their moving average. Training
            # goes on from the weights before that, those of the checkpoint.
            checkpoints.restore()
        batches, epoch = batches + rest, epoch + 1
    if batches < settings.steps and not _is_over(run):
        run.model.fit(
            run.train_batches.training_dataset(batches, observe),
            steps_per_epoch=interval,
            initial_epoch=epoch,
            epochs=-(-settings.steps // interval),
            **fit_options,
        )


def _forget(run, step):
    """Deletes a checkpoint and its scores, unless it is the only checkpoint."""
    if run.checkpoints.forget(step) and run.is_chief:
        run.evaluations.forget(step)


def _is_over(run):
    """Tells whether `--patience` ends the run early."""
    if run.settings.patience is None:
        return False
    return evaluations.is_over(run.strategy, run.evaluations)


def _rows_multiple(settings, strategy):
    """Returns the number that must divide the number of rows of a batch."""
    return strategy.num_replicas_in_sync * settings.gradient_accumulation_steps


def _flatten(config):
    """Turns a dict of groups into one dict with keys `group.name`."""
    return {
        f"{group}.{name}": value
        for group, fields in config.items()
        for name, value in fields.items()
    }
