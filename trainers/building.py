"""Builds and compiles the model of a run, and prepares its checkpoints."""

import functools

import keras
import tensorflow as tf

import keras_transformer as kt
from trainers import (
    consistency,
    evaluations,
    initial_model,
    measuring,
    optimization,
)
from trainers import settings as run_settings
from trainers import tokenizers as run_tokenizers


def make_model(
    settings: run_settings.TrainingSettings,
    architecture: kt.TransformerConfig,
    tokenizers: run_tokenizers.Tokenizers,
    directory: kt.runs.RunDirectory,
    strategy: tf.distribute.Strategy,
    train_batches: kt.data.TokenBatches,
) -> tuple[
    kt.Transformer,
    kt.training.TrainingCheckpoints,
    evaluations.Evaluations,
]:
    """Builds and compiles the model, and prepares its checkpoints.

    The settings say whether the model takes the weights of an initial model,
    and which weights are frozen. The `seed` of the settings becomes the seed of
    the random generators of Python, NumPy, Keras and TensorFlow.

    Args:
        settings: the settings, with all defaults filled in.
        architecture: the configuration of the model.
        tokenizers: the tokenizers of the run.
        directory: the directory of the run.
        strategy: the strategy of the run.
        train_batches: the batches that the run trains on.

    Returns:
        The model, its checkpoints, and the recorded evaluations. If `select_by`
        is `"last"`, the newest checkpoints are kept. Otherwise the newest
        checkpoint and the checkpoints with the best evaluations are kept.

    Raises:
        FileNotFoundError: as for `compile_model`.
        ValueError: no weight of the initial model can be copied unchanged,
            `initial_model.freeze` refuses the patterns of `--freeze`, or
            `compile_model` raises the error.
    """
    keras.utils.set_random_seed(settings.seed)
    with strategy.scope():
        model = kt.build_transformer(architecture, dtype=settings.precision)
        initial_model.take_weights(model, tokenizers, settings)
        initial_model.freeze(model, settings.freeze)
        compile_model(model, settings, architecture)
    recorded = evaluations.Evaluations(
        directory, settings.select_by, settings.patience
    )
    count, is_last = settings.average_checkpoints, settings.select_by == "last"
    checkpoints = kt.training.TrainingCheckpoints(
        directory.checkpoints,
        model,
        max_to_keep=count if is_last else 1,
        counters=measuring.counters(train_batches),
        is_writer=kt.training.is_chief(strategy),
        pinned=tuple if is_last else functools.partial(recorded.best, count),
    )
    return model, checkpoints, recorded


def compile_model(
    model: keras.Model,
    settings: run_settings.TrainingSettings,
    architecture: kt.TransformerConfig,
) -> None:
    """Compiles the model with the optimizer and the losses of the settings.

    Args:
        model: a model that was built under the strategy of the run.
        settings: the settings, with all defaults filled in.
        architecture: the configuration of the model.

    Raises:
        FileNotFoundError: a file of a teacher is missing.
        ValueError: as for `optimization.make_optimizer` and
            `consistency.make_consistency`.
    """
    model.compile(
        optimizer=optimization.make_optimizer(settings, architecture),
        loss=kt.training.SmoothedCrossEntropy(
            settings.label_smoothing, settings.smoothing_over
        ),
        weighted_metrics=[kt.training.TokenAccuracy()],
        steps_per_execution=settings.steps_per_execution,
        jit_compile=settings.jit_compile,
        gradient_accumulation_steps=settings.gradient_accumulation_steps,
        consistency=consistency.make_consistency(
            settings, settings.seed, settings.precision
        ),
    )
