"""One training run from settings to a served model."""

import dataclasses
import functools
import logging
import pathlib
import sys

import keras
import tensorflow as tf

import keras_transformer as kt
from trainers import corpora as run_corpora
from trainers import evaluation, run_directory
from trainers import settings as run_settings
from trainers import tokenizers as run_tokenizers

_LOG = logging.getLogger(__name__)
# Development sentences translated at every evaluation, by greedy search.
_DEV_SENTENCES = 500
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
    strategy = kt.training.strategy(
        settings.strategy, settings.devices, settings.tpu
    )
    with kt.training.lost_workers(strategy):
        _train(settings, overrides, output_dir, strategy)


def _train(settings, overrides, output_dir, strategy):
    is_chief = kt.training.is_chief(strategy)
    directory = run_directory.RunDirectory(output_dir)

    # Data.
    corpora = run_corpora.load(settings)
    tokenizers = run_tokenizers.load(directory, corpora, settings, overrides)
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
    architecture = architecture_of(settings, overrides, tokenizers)
    batching = {
        "tokens_per_batch": settings.tokens_per_batch,
        "max_length": settings.max_length,
        "seed": settings.seed,
        "rows_multiple_of": strategy.num_replicas_in_sync
        * settings.gradient_accumulation_steps,
        "start_id": architecture.start_id,
    }
    train_batches = kt.data.TokenBatches(train_pairs, **batching)
    dev_batches = kt.data.TokenBatches(dev_pairs, **batching)

    # The run: its settings, those of the directory if it holds one.
    settings = with_defaults(settings, train_batches.steps_per_epoch)
    config = {
        "architecture": dataclasses.asdict(architecture),
        "settings": {
            **dataclasses.asdict(settings),
            # As asked for; the architecture has what the text gave.
            "vocabulary_size": overrides.get("vocabulary_size"),
            "target_vocabulary_size": overrides.get("target_vocabulary_size"),
        },
        "data": {**corpora.fingerprint(), **tokenizers.fingerprint()},
    }
    kt.training.check_agreement(
        strategy,
        {
            f"{group}.{name}": value
            for group, fields in config.items()
            for name, value in fields.items()
        },
    )
    if directory.is_started:
        directory.check_same(config)

    # Model.
    keras.utils.set_random_seed(settings.seed)
    with strategy.scope():
        model = kt.build_transformer(architecture, dtype=settings.precision)
        compile_model(model, settings, architecture)
    # Nothing was written up to here, and other workers have read what was.
    if is_chief:
        if not directory.is_started:
            directory.write_config(config)
        directory.clear_unfinished()
        tokenizers.save(directory)
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

    # Fit.
    if batches < settings.steps:
        _LOG.info(
            "%d parameters; %d steps of %d target tokens, padding included.",
            model.count_params(),
            settings.steps,
            settings.tokens_per_batch,
        )
        model.fit(
            train_batches.training_dataset(batches),
            steps_per_epoch=settings.evaluation_interval,
            epochs=-(-settings.steps // settings.evaluation_interval),
            initial_epoch=batches // settings.evaluation_interval,
            validation_data=dev_batches.evaluation_dataset(),
            callbacks=[
                kt.training.StopOnNaN(),
                evaluation.Progress(
                    checkpoints, settings.evaluation_interval, settings.steps
                ),
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


def architecture_of(
    settings: run_settings.TrainingSettings,
    overrides: dict,
    tokenizers: run_tokenizers.Tokenizers,
) -> kt.TransformerConfig:
    """The preset, with what the convention, the flags and the text change.

    Raises:
        ValueError: special ids that the vocabulary does not have.
    """
    config = kt.PRESETS[settings.preset or settings.default_preset]
    if settings.convention is not None:
        config = kt.models.convention(settings.convention).apply(config)
    config = dataclasses.replace(
        config, **{**overrides, **tokenizers.vocabulary_sizes()}
    )
    ids = kt.text.special_ids
    starts = (ids.PAD_ID, ids.BOS_ID, ids.EOS_ID)
    if config.pad_id != ids.PAD_ID or config.start_id not in starts:
        raise ValueError(
            f"The vocabularies made here pad with {ids.PAD_ID} and can start "
            f"with one of {starts}. Received: pad_id={config.pad_id}, "
            f"start_id={config.start_id}."
        )
    return config


def with_defaults(
    settings: run_settings.TrainingSettings, steps_per_epoch: int
) -> run_settings.TrainingSettings:
    """Replaces every `None` by the default that fits the data."""
    epochs = settings.epochs or (6 if settings.is_built_in else 20)
    steps = settings.steps or epochs * steps_per_epoch
    interval = settings.evaluation_interval or min(steps_per_epoch, 1000)
    # Whole executions, so that the last one ends where the run ends.
    per_call = settings.steps_per_execution
    convention = kt.models.convention(settings.convention or "paper")

    def or_convention(name, wanted):
        given = getattr(settings, name)
        return getattr(convention, wanted) if given is None else given

    steps = -(-steps // per_call) * per_call
    interval = min(-(-interval // per_call) * per_call, steps)
    return dataclasses.replace(
        settings,
        preset=settings.preset or settings.default_preset,
        epochs=None,
        steps=steps,
        evaluation_interval=interval,
        # The first half of a run is too far from its end to be averaged.
        average_checkpoints=settings.average_checkpoints
        or max(1, min(steps // interval // 2, 5)),
        # So few updates leave a short warm-up, whose peak is high.
        learning_rate_factor=settings.learning_rate_factor
        or (0.5 if settings.is_built_in else 1.0),
        warmup_steps=settings.warmup_steps or max(1, min(steps // 4, 4000)),
        label_smoothing=or_convention("label_smoothing", "label_smoothing"),
        smoothing_over=or_convention("smoothing_over", "smoothing_over"),
        length_penalty=or_convention("length_penalty", "alpha"),
        length_penalty_form=or_convention(
            "length_penalty_form", "length_penalty"
        ),
    )


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
