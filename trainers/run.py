"""One training run from settings to a served model."""

import dataclasses
import logging
import sys

import keras

import keras_transformer as kt
from trainers import (
    continuing,
    defaults,
    finishing,
    measuring,
    parts,
    program,
    settings_checks,
)
from trainers import corpora as run_corpora
from trainers import precision as run_precision
from trainers import settings as run_settings
from trainers import tokenizers as run_tokenizers

_LOG = logging.getLogger(__name__)
# Settings as they were asked for; the architecture has what the text gave.
_VOCABULARY_SIZES = ("vocabulary_size", "target_vocabulary_size")


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
    directory = kt.runs.RunDirectory(output_dir)
    with kt.training.lost_workers(strategy):
        settings = run_precision.resolve(settings, directory, strategy)
        _check_in_time(settings, overrides, directory, strategy)
        _train(settings, overrides, directory, strategy)


def _check_in_time(settings, overrides, directory, strategy):
    """Checks, before data are read, all that can be checked without them."""
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
        continuing.Continued(directory).check_same(asked)
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
    # So that Keras does not number the layers of the real model from 2.
    keras.utils.clear_session()


def _train(asked, overrides, directory, strategy):
    # The data.
    corpora = run_corpora.load(asked)
    tokenizers = run_tokenizers.load(
        directory, corpora, asked, overrides, strategy
    )
    architecture = defaults.architecture_of(asked, overrides, tokenizers)
    train_batches, dev_batches = _batches(
        asked, corpora, tokenizers, architecture, strategy
    )

    # The run, and the one that the directory holds, if any.
    continued = continuing.Continued(directory)
    settings = defaults.with_defaults(
        asked, train_batches.steps_per_epoch, continued.settings
    )
    config = _config(settings, overrides, architecture, corpora, tokenizers)
    kt.training.check_agreement(strategy, _by_name(config))
    if continued.settings:
        continued.check_same(config)
    run = parts.Parts(
        directory,
        strategy,
        corpora,
        tokenizers,
        settings,
        architecture,
        train_batches,
        dev_batches,
        *_model(settings, architecture, directory, strategy),
    )
    _restore(run)
    continued.check(settings, run.batches)

    # Nothing was written up to here, and other workers have read what was.
    if run.is_chief:
        _write_beginning(run, config, continued)
    if continued.is_complete(settings):
        if run.is_chief:
            finishing.repeat(directory, corpora)
        return
    if run.batches < settings.steps:
        _fit(run)
    if run.is_chief:
        finishing.finish(run)
    # Nobody leaves before all is done.
    kt.training.check_agreement(strategy, {"step": run.checkpoints.step})


def _config(settings, overrides, architecture, corpora, tokenizers):
    """What `config.json` says of the run."""
    return {
        "architecture": dataclasses.asdict(architecture),
        "settings": {
            **dataclasses.asdict(settings),
            **{name: overrides.get(name) for name in _VOCABULARY_SIZES},
        },
        "data": {**corpora.fingerprint(), **tokenizers.fingerprint()},
    }


def _model(settings, architecture, directory, strategy):
    """The model, compiled, and its checkpoints."""
    keras.utils.set_random_seed(settings.seed)
    with strategy.scope():
        model = kt.build_transformer(architecture, dtype=settings.precision)
        compile_model(model, settings, architecture)
    return model, kt.training.TrainingCheckpoints(
        directory.checkpoints,
        model,
        keep=settings.average_checkpoints,
        counters=("train_seconds", "batches"),
        is_writer=kt.training.is_chief(strategy),
    )


def _batches(settings, corpora, tokenizers, architecture, strategy):
    """The batches of the training and the development pairs."""
    made = []
    for name, pairs in (
        (
            "training",
            kt.data.with_rare_characters(
                corpora.train, settings.rare_characters, settings.seed
            ),
        ),
        ("dev", corpora.dev),
    ):
        encoded = kt.data.encode_pairs(
            pairs, tokenizers.source, settings.max_length, tokenizers.target
        )
        _LOG.info(
            "%d %s pairs; left out %d with an empty side and %d longer than "
            "%d tokens.",
            len(encoded.sources),
            name,
            encoded.num_empty,
            encoded.num_too_long,
            settings.max_length,
        )
        made.append(
            kt.data.TokenBatches(
                encoded,
                settings.tokens_per_batch,
                settings.max_length,
                settings.seed,
                _rows_multiple(settings, strategy),
                architecture.start_id,
            )
        )
    return made


def _restore(run):
    """Loads the newest checkpoint, if there is one, in all workers alike."""
    if run.checkpoints.restore():
        _LOG.info("Continuing at step %d.", run.checkpoints.step)
    kt.training.check_agreement(run.strategy, {"batches": run.batches})


def _write_beginning(run, config, continued):
    """Writes what says which run this is, before it trains."""
    run.directory.clear_unfinished()
    if continued.is_new_or_changed(run.settings):
        run.directory.write_config(config)
    run.tokenizers.save(run.directory)


def _fit(run):
    """Fits from the restored batch to the end, an epoch an interval."""
    settings, checkpoints = run.settings, run.checkpoints
    _LOG.info(
        "%d parameters; %d steps of %d target tokens, padding included.",
        run.model.count_params(),
        settings.steps,
        settings.tokens_per_batch,
    )
    how = {
        "validation_data": run.dev_batches.evaluation_dataset(),
        "callbacks": measuring.callbacks(run),
        "shuffle": False,
        "verbose": (1 if sys.stdout.isatty() else 2) if run.is_chief else 0,
    }
    batches = run.batches
    interval = defaults.whole_executions(settings.evaluation_interval, settings)
    epoch, begun = divmod(batches, interval)
    # A finished run that is made longer may have its last checkpoint between
    # two evaluations, where a run of the new length has none. It is deleted;
    # if it is the only one, after the next is saved.
    ended = checkpoints.step
    if begun:
        checkpoints.forget(ended)
    first = min(interval - begun, settings.steps - batches)
    if first < interval:
        run.model.fit(
            run.train_batches.training_dataset(batches),
            steps_per_epoch=first,
            initial_epoch=epoch,
            epochs=epoch + 1,
            **how,
        )
        if begun:
            checkpoints.forget(ended)
        batches, epoch = batches + first, epoch + 1
    if batches < settings.steps:
        run.model.fit(
            run.train_batches.training_dataset(batches),
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
