"""The sentence pairs of a run: those of the user, or the built-in corpus."""

import hashlib
import logging
import random
from typing import NamedTuple

from keras_transformer import data
from trainers import settings as run_settings

_LOG = logging.getLogger(__name__)
# Without development data, this many training pairs are held out, or the
# twentieth part if that is less.
_HELD_OUT = 500


class Corpora(NamedTuple):
    """What a run trains on and is measured with.

    train, dev: sentence pairs.
    test, contrast: of the built-in corpus; empty for other data.
    """

    train: list[data.SentencePair]
    dev: list[data.SentencePair]
    test: list[data.SentencePair]
    contrast: list[data.ContrastExample]

    def fingerprint(self) -> dict:
        """What tells this data from other data: counts and a hash."""
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

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is not what it should be.
    """
    if settings.is_built_in:
        _LOG.info("No data given: training on the built-in corpus.")
        corpus = data.illustrated_corpus(seed=settings.seed)
        return Corpora(corpus.train, corpus.dev, corpus.test, corpus.contrast)
    train = _read(
        settings.train_source, settings.train_target, settings.train_tsv
    )
    dev = _read(settings.dev_source, settings.dev_target, settings.dev_tsv)
    if not dev:
        train, dev = _hold_out(train, settings.seed)
        _LOG.info(
            "No development data given: held out %d of the training pairs.",
            len(dev),
        )
    return Corpora(train, dev, [], [])


def _read(sources, targets, tsv):
    if tsv:
        return data.read_tsv(tsv)
    return data.read_parallel(sources, targets) if sources else []


def _hold_out(pairs, seed):
    count = min(_HELD_OUT, len(pairs) // 20)
    usable = [
        i
        for i, pair in enumerate(pairs)
        if pair.source.strip() and pair.target.strip()
    ]
    if not count or len(usable) <= count:
        raise ValueError(
            f"Too few sentence pairs to hold some out for development: "
            f"{len(pairs)}, of which {len(usable)} have text on both sides. "
            "Give --dev_source and --dev_target, or at least 20 pairs."
        )
    held_out = set(random.Random(seed).sample(usable, count))
    train = [pair for i, pair in enumerate(pairs) if i not in held_out]
    return train, [pairs[i] for i in sorted(held_out)]
