"""Reads the sentence pairs of a run: the user's or the built-in corpus."""

import hashlib
import logging
import random
from typing import NamedTuple

from keras_transformer import data
from keras_transformer.text import fold
from trainers import settings as run_settings

_LOG = logging.getLogger(__name__)
# If the user gives no development data, this many training pairs are held out,
# but at most one in twenty.
_HELD_OUT = 500


class Corpora(NamedTuple):
    """The data sets of a run.

    train: sentence pairs to train on.
    dev: sentence pairs to evaluate on during training and at the end.
    test: test pairs of the built-in corpus; empty for the user's data.
    contrast: contrast examples of the built-in corpus; empty for the user's
        data.
    """

    train: list[data.SentencePair]
    dev: list[data.SentencePair]
    test: list[data.SentencePair]
    contrast: list[data.ContrastExample]

    def fingerprint(self) -> dict[str, int | str]:
        """Returns the numbers of pairs and a hash; they identify the data."""
        digest = hashlib.sha256()
        for pair in self.train + self.dev:
            digest.update(repr(tuple(pair)).encode())
        return {
            "train_pairs": len(self.train),
            "dev_pairs": len(self.dev),
            "sha256": digest.hexdigest(),
        }


def load(settings: run_settings.TrainingSettings) -> Corpora:
    """Reads the data that the settings name.

    Args:
        settings: the settings of the run, with or without defaults.

    Raises:
        FileNotFoundError: a file is missing. This is checked before any file
            is read.
        ValueError: the content of a file is invalid.
    """
    if settings.is_built_in:
        _LOG.info("No data files given: training on the built-in corpus.")
        corpus = data.illustrated_corpus(seed=settings.seed)
        return Corpora(corpus.train, corpus.dev, corpus.test, corpus.contrast)
    for name in ("source", "target", "tsv"):
        data.files.expand(getattr(settings, f"train_{name}"))
    # The development files come first: they are small, so that an error in
    # them is reported before the large training files are read.
    dev = _read(settings.dev_source, settings.dev_target, settings.dev_tsv)
    train = _read(
        settings.train_source, settings.train_target, settings.train_tsv
    )
    if not dev:
        train, dev = _hold_out(train, settings.seed)
    return Corpora(train, dev, [], [])


def _read(sources, targets, tsv):
    if tsv:
        return data.read_tsv(tsv)
    return data.read_parallel(sources, targets) if sources else []


def _hold_out(pairs, seed):
    """Splits pairs into training pairs and distinct development pairs.

    Duplicates of development pairs are removed from both.
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
    """Returns a key, the same for all pairs with the same normalized text."""
    folded = tuple(fold(side) for side in pair)
    # If folding changes nothing, the pair itself is the key. This saves the
    # memory of a second copy of millions of pairs.
    return pair if folded == pair else folded
