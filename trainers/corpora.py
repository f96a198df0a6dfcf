"""Reads the sentence pairs of a run, from files or the built-in corpus."""

import hashlib
import logging
import random
from typing import NamedTuple

import keras_transformer as kt
from keras_transformer import data
from keras_transformer.text import fold
from trainers import large_text
from trainers import settings as run_settings

_LOG = logging.getLogger(__name__)
# If the user gives training text without development data, this number of
# distinct training pairs is held out, but at most a twentieth of all distinct
# training pairs.
_HELD_OUT = 500


class Corpora(NamedTuple):
    """The data sets of a run.

    train: the sentence pairs to train on, in a list, a `LargeText` or a
        `ShardedPairs`.
    dev: sentence pairs to evaluate on during training and at the end.
    test: test pairs of the built-in corpus; empty for the user's data.
    contrast: contrast examples of the built-in corpus; empty for the user's
        data.
    """

    train: list[data.SentencePair] | large_text.LargeText | data.ShardedPairs
    dev: list[data.SentencePair]
    test: list[data.SentencePair]
    contrast: list[data.ContrastExample]

    def fingerprint(self) -> dict[str, int | str]:
        """Returns a dict with the numbers of pairs and a hash of the data.

        The dict identifies the training data and the development data. If the
        training data are in shards, the hash is made from the hashes of the
        shards and from the development pairs. For a `LargeText`, the first call
        may read the whole text.
        """
        if isinstance(self.train, large_text.LargeText):
            return self.train.fingerprint(self.dev)
        digest = hashlib.sha256()
        if isinstance(self.train, data.ShardedPairs):
            num_pairs, pairs = self.train.num_pairs, self.dev
            digest.update(self.train.sha256().encode())
        else:
            num_pairs, pairs = len(self.train), self.train + self.dev
        for pair in pairs:
            digest.update(repr(tuple(pair)).encode())
        return {
            "train_pairs": num_pairs,
            "dev_pairs": len(self.dev),
            "sha256": digest.hexdigest(),
        }


def load(
    settings: run_settings.TrainingSettings,
    directory: kt.runs.RunDirectory | None = None,
) -> Corpora:
    """Reads the data that the settings ask for.

    If the settings name no data, the result is the built-in corpus. Small
    training text is read into memory. For large text and for shards, the result
    has an object that reads the pairs later. If the user gives training text
    without development data, some training pairs are held out.

    Args:
        settings: the settings of the run, before or after all defaults are
            filled in.
        directory: the directory of the run. If it has shards of the large
            text, and neither the files nor the seed nor the development data
            have changed, the text is not read again. `None` for a new run.

    Raises:
        FileNotFoundError: a file is missing. This is checked before any text
            is read.
        ValueError: the numbers of source and target files differ, the content
            of a file is invalid, there are too few pairs to hold out
            development data, or `ShardedPairs` raises the error.
    """
    if settings.is_built_in:
        _LOG.info("No data files given: training on the built-in corpus.")
        corpus = data.illustrated_corpus(seed=settings.seed)
        return Corpora(corpus.train, corpus.dev, corpus.test, corpus.contrast)
    if settings.train_shards:
        train = _open_shards(settings)
    for name in ("source", "target", "tsv"):
        data.files.expand(getattr(settings, f"train_{name}"))
    # The development files are read first, because they are small. So an error
    # in them is reported before the large training files are read.
    dev = _read(settings.dev_source, settings.dev_target, settings.dev_tsv)
    if settings.train_shards:
        return Corpora(train, dev, [], [])
    continued = directory and _continued(settings, dev, directory)
    if continued:
        return continued
    train = large_text.read_small(settings)
    if train is None:
        _LOG.info("The training text is large: it stays on the disk.")
        if dev:
            return Corpora(large_text.LargeText(settings), dev, [], [])
        dev, train = large_text.hold_out(settings, _HELD_OUT)
    elif not dev:
        train, dev = _hold_out(train, settings.seed)
    return Corpora(train, dev, [], [])


def describe(corpora: Corpora) -> dict:
    """Describes large text, so that `load` need not read this text again.

    Args:
        corpora: the data sets, with a `LargeText` as `train`.

    Returns:
        A dict that can be written as JSON.
    """
    train = corpora.train
    return {
        "files": train.files(),
        "fingerprint": corpora.fingerprint(),
        "dev": list(map(list, corpora.dev)),
        "held_out": sorted(train.held_out),
    }


def _continued(settings, dev, directory):
    """Returns the data sets if the run already has shards of its large text.

    Returns `None` if there are no shards, or if they were made from other
    files, or with another seed or other development data.
    """
    record = large_text.read_record(directory)
    if not record or record["seed"] != settings.seed:
        return None
    train = large_text.LargeText(
        settings, record["held_out"], record["fingerprint"]
    )
    recorded_dev = [data.SentencePair(*pair) for pair in record["dev"]]
    if train.files() != record["files"]:
        return None
    if dev != ([] if record["held_out"] else recorded_dev):
        return None
    return Corpora(train, recorded_dev, [], [])


def _open_shards(settings):
    return data.ShardedPairs(
        settings.train_shards,
        list(map(float, settings.train_weights)) or None,
        settings.sampling_temperature,
        settings.seed,
    )


def _read(sources, targets, tsv):
    if tsv:
        return data.read_tsv(tsv)
    return data.read_parallel(sources, targets) if sources else []


def _hold_out(pairs, seed):
    """Splits pairs into training pairs and distinct development pairs.

    Development pairs have text on both sides. Pairs with the same normalized
    text are duplicates. Duplicates of development pairs are left out. Raises
    ValueError if fewer than 20 distinct pairs have text on both sides.
    """
    keys = list(map(_key, pairs))
    distinct = list(dict.fromkeys(key for key in keys if all(key)))
    count = min(_HELD_OUT, len(distinct) // 20)
    if not count:
        raise ValueError(
            "Too few sentence pairs to hold out development data. Received: "
            f"{len(pairs)} pairs, of which {len(distinct)} are distinct and "
            "have text on both sides. Give at least 20 such pairs, or "
            "--dev_source and --dev_target."
        )
    held_out = set(random.Random(seed).sample(distinct, count))
    train, dev, seen = [], [], set()
    for pair, key in zip(pairs, keys, strict=True):
        if key not in held_out:
            train.append(pair)
        elif key not in seen:
            seen.add(key)
            dev.append(pair)
    _LOG.info(
        "No development data given: held out %d of the training pairs and "
        "removed %d duplicates of them.",
        len(dev),
        len(pairs) - len(train) - len(dev),
    )
    return train, dev


def _key(pair):
    """Returns the same key for all pairs with the same normalized text."""
    folded = tuple(fold(side) for side in pair)
    # If the text is already normalized, the pair itself is the key, so that
    # memory does not hold a second copy of the pair.
    return pair if folded == pair else folded
