"""What a training run is made of."""

import dataclasses

import tensorflow as tf

import keras_transformer as kt
from trainers import corpora as run_corpora
from trainers import settings as run_settings
from trainers import tokenizers as run_tokenizers


@dataclasses.dataclass(frozen=True)
class Parts:
    """The parts of one run, each made of those before it.

    directory: where the run leaves what it makes.
    strategy: the devices that it trains on.
    corpora: its sentence pairs.
    tokenizers: its vocabularies.
    settings: with every default.
    architecture: of the model.
    train_batches, dev_batches: what the model reads.
    model: what trains.
    checkpoints: what a run that was stopped goes on from.
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

    @property
    def is_chief(self) -> bool:
        """Whether this process writes, of several workers."""
        return kt.training.is_chief(self.strategy)

    @property
    def batches(self) -> int:
        """Updates that the run has behind it.

        Not the optimizer's steps, which leave out gradients that overflow.
        """
        return int(self.checkpoints.counters["batches"].numpy())
