"""The objects that a training run consists of."""

import dataclasses

import tensorflow as tf

import keras_transformer as kt
from trainers import corpora as run_corpora
from trainers import evaluations
from trainers import settings as run_settings
from trainers import tokenizers as run_tokenizers


@dataclasses.dataclass(frozen=True)
class Components:
    """The components of a run, after all of them were built.

    directory: the directory that the run writes to.
    strategy: the distribution strategy of the run.
    corpora: the sentence pairs.
    tokenizers: the tokenizers of source and target.
    settings: the settings, with all defaults filled in.
    architecture: the configuration of the model.
    train_batches, dev_batches: the batches of the training data and of the
        development data.
    model: the model that is trained.
    checkpoints: the checkpoints that a stopped run continues from.
    evaluations: the development scores by which checkpoints are chosen.
    """

    directory: kt.runs.RunDirectory
    strategy: tf.distribute.Strategy
    corpora: run_corpora.Corpora
    tokenizers: run_tokenizers.Tokenizers
    settings: run_settings.TrainingSettings
    architecture: kt.TransformerConfig
    train_batches: kt.data.TokenBatches
    dev_batches: kt.data.TokenBatches
    model: kt.Transformer
    checkpoints: kt.training.TrainingCheckpoints
    evaluations: evaluations.Evaluations

    @property
    def is_chief(self) -> bool:
        """Returns whether this process is the worker that writes files."""
        return kt.training.is_chief(self.strategy)

    @property
    def trained_batches(self) -> int:
        """Returns how many batches the model was trained on so far.

        This number can be larger than the optimizer's number of steps: with a
        loss scale, the optimizer does not count batches whose gradients
        overflow.
        """
        return int(self.checkpoints.counters["batches"].numpy())
