"""Encodes the pairs of a run, in memory or to shards, and opens shards."""

import logging
import os
import shutil

import tensorflow as tf

import keras_transformer as kt
from trainers import continuing, directions, large_text, progress
from trainers import corpora as run_corpora
from trainers import settings as run_settings
from trainers import tokenizers as run_tokenizers

_LOG = logging.getLogger(__name__)


def load(
    directory: kt.runs.RunDirectory,
    corpora: run_corpora.Corpora,
    tokenizers: run_tokenizers.Tokenizers,
    settings: run_settings.TrainingSettings,
    strategy: tf.distribute.Strategy | None = None,
) -> kt.data.PairWindows:
    """Encodes the training pairs, or opens their shards.

    Text that is too large for memory is first encoded to shards in the
    directory of the run. Rare characters are added to a share of the sources,
    see `kt.data.with_rare_characters`. Shards that the user gives are read
    without this change. With `segmentation_sampling`, the pairs get a new
    random segmentation in each epoch.

    Args:
        directory: the directory of the run.
        corpora: the data sets of the run.
        tokenizers: the tokenizers of the run.
        settings: the settings of the run, before or after all defaults are
            filled in.
        strategy: the strategy of the run; `None` for the current strategy of
            TensorFlow.

    Raises:
        ValueError: no pair is left, shards have another vocabulary, a sentence
            in shards has more than `max_length` tokens, or the run has begun
            with other large text or another vocabulary.
    """
    pairs = _load(directory, corpora, tokenizers, settings, strategy)
    if settings.segmentation_sampling is None:
        return pairs
    return kt.data.SampledSegmentation(
        pairs,
        tokenizers.source,
        tokenizers.target,
        settings.segmentation_sampling,
        settings.seed,
    )


def _load(directory, corpora, tokenizers, settings, strategy):
    """Returns the training pairs: encoded in memory, or read from shards.

    Small text is encoded in memory, as `EncodedPairs`. The chief encodes large
    text to shards in the directory of the run, unless the directory has the
    shards of this text already. `ShardedPairs` reads these shards, or the
    shards that the user gives.
    """
    strategy = strategy or tf.distribute.get_strategy()
    train = corpora.train
    if isinstance(train, kt.data.ShardedPairs):
        _check_shards(train, tokenizers, settings)
    elif isinstance(train, large_text.LargeText):
        # The other workers wait until the chief has written the shards.
        kt.training.from_chief(
            strategy,
            lambda: _write_shards(directory, corpora, tokenizers, settings),
        )
        train = kt.data.ShardedPairs(
            [os.fspath(directory.shards)], seed=settings.seed
        )
    else:
        pairs = directions.without_tags(
            train,
            settings.direction_tags,
            lambda bare: kt.data.with_rare_characters(
                bare, settings.rare_characters, settings.seed
            ),
        )
        return encode("training", pairs, tokenizers, settings)
    _LOG.info(
        "%d training pairs an epoch, in shards. %d windows an epoch.",
        train.num_pairs,
        train.windows_per_epoch,
    )
    return train


def encode(
    name: str,
    pairs: list[kt.data.SentencePair],
    tokenizers: run_tokenizers.Tokenizers,
    settings: run_settings.TrainingSettings,
) -> kt.data.EncodedPairs:
    """Encodes pairs in memory, and logs how many pairs are left out.

    Args:
        name: the name of the pairs in the log, such as "training".
        pairs: the pairs.
        tokenizers: the tokenizers of the run.
        settings: the settings of the run.

    Raises:
        ValueError: no pair is left.
    """
    encoded = kt.data.encode_pairs(
        pairs, tokenizers.source, settings.max_length, tokenizers.target
    )
    _log(name, encoded, settings)
    return encoded


def _log(name, counts, settings):
    """Logs the numbers of pairs of an `EncodedPairs` or a `ShardIndex`."""
    _LOG.info(
        "%d %s pairs. Left out: %d with an empty side, %d longer than %d "
        "tokens.",
        counts.num_pairs,
        name,
        counts.num_empty,
        counts.num_too_long,
        settings.max_length,
    )


def _check_shards(train, tokenizers, settings):
    target = tokenizers.target or tokenizers.source
    train.check_vocabularies(
        kt.text.vocabulary_sha256(tokenizers.source),
        kt.text.vocabulary_sha256(target),
    )
    if train.longest > settings.max_length:
        raise ValueError(
            f"--train_shards has sides of {train.longest} tokens. Received: "
            f"--max_length={settings.max_length}. Give --max_length="
            f"{train.longest}, or prepare the shards with that --max_length."
        )


def _write_shards(directory, corpora, tokenizers, settings):
    """Writes the shards of large text, unless they exist already.

    Returns empty bytes, because `from_chief` needs bytes to send. Raises
    ValueError if the run has begun with other text or another vocabulary.
    """
    data = {**corpora.fingerprint(), **tokenizers.fingerprint()}
    record = {
        "seed": settings.seed,
        "max_length": settings.max_length,
        "rare_characters": settings.rare_characters,
        "data": data,
        **run_corpora.describe(corpora),
    }
    if large_text.read_record(directory) == record:
        return b""
    # A run that has begun must go on with the same text.
    continuing.ExistingRun(directory).check_same(
        {"data": data} if directory.is_started else {}
    )
    _LOG.info("Encoding the training text to %s.", directory.shards)
    shutil.rmtree(directory.shards, ignore_errors=True)
    directory.shards.mkdir(parents=True)
    kt.runs.write_json(directory.text_of_shards, record)
    index = kt.data.shard_pairs(
        _with_rare_characters(corpora.train, tokenizers, settings),
        directory.shards,
        tokenizers.source,
        tokenizers.target,
        settings.max_length,
        source_files=[name for name, *_ in record["files"]],
    )
    _log("training", index, settings)
    return b""


def _with_rare_characters(pairs, tokenizers, settings):
    """Yields the pairs; rare characters are added to a share of the sources."""
    return kt.data.iterate_with_rare_characters(
        progress.track(pairs),
        tokenizers.characters(),
        settings.rare_characters,
        settings.seed,
    )
