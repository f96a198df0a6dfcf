"""The sentence pairs of a run: those of the user, or the built-in corpus."""

import hashlib
import logging
import random
from typing import NamedTuple

from keras_transformer import data
from keras_transformer.text import fold
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
        FileNotFoundError: a file is missing; said before any is read.
        ValueError: a file is not what it should be.
    """
    if settings.is_built_in:
        _LOG.info("No data given: training on the built-in corpus.")
        corpus = data.illustrated_corpus(seed=settings.seed)
        return Corpora(corpus.train, corpus.dev, corpus.test, corpus.contrast)
    for name in ("source", "target", "tsv"):
        data.files.expand(getattr(settings, f"train_{name}"))
    # First what is small, so that its faults are said before the large is read.
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
    """Takes distinct pairs, and their duplicates, out of the training data."""
    texts = list(map(_text, pairs))
    distinct = list(dict.fromkeys(text for text in texts if all(text)))
    count = min(_HELD_OUT, len(distinct) // 20)
    if not count:
        raise ValueError(
            f"Too few sentence pairs to hold some out for development: "
            f"{len(pairs)}, of which {len(distinct)} are distinct and have "
            "text on both sides. Give --dev_source and --dev_target, or at "
            "least 20 such pairs."
        )
    held_out = set(random.Random(seed).sample(distinct, count))
    train, dev, seen = [], [], set()
    for pair, text in zip(pairs, texts, strict=True):
        if text not in held_out:
            train.append(pair)
        elif text not in seen:
            seen.add(text)
            dev.append(pair)
    _LOG.info(
        "No development data given: held out %d of the training pairs, and "
        "removed %d duplicates of them.",
        len(dev),
        len(pairs) - len(train) - len(dev),
    )
    return train, dev


def _text(pair):
    """What is the same for pairs that a vocabulary would read alike."""
    text = tuple(fold(side) for side in pair)
    # The pair itself where it can be, so that millions are not kept twice.
    return pair if text == pair else text
