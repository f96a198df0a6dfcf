"""Training text that is too large to be held in memory.

Each loop over the text reads its files again. The directory of the shards that
are made from the text has a file `text.json`, with the hash of the text, and
the sizes and modification times of its files. If these are unchanged, a run
that continues does not read the text.
"""

import hashlib
import heapq
import itertools
import json
import logging
import os
from collections.abc import Iterable, Iterator
from typing import Any

import keras_transformer as kt
from trainers import settings as run_settings

_LOG = logging.getLogger(__name__)
# Text is large if it has more than `MAX_PAIRS` pairs, or more than
# `MAX_CHARACTERS` characters; see `read_small`.
MAX_PAIRS = 1_000_000
MAX_CHARACTERS = 2**28
# Development pairs come from a random sample of at most this number of distinct
# pairs: those with the smallest hashes. At most a twentieth of the sample is
# held out.
_SKETCH = 10_000


class LargeText:
    """Training pairs in files, without the held-out pairs.

    Each loop over the object reads the files again.

    Args:
        settings: the settings of the run.
        held_out: the hashes of the pairs that are left out, see `hold_out`.
        fingerprint: an earlier result of the method `fingerprint`; `None` if
            there is none.
    """

    def __init__(
        self,
        settings: run_settings.TrainingSettings,
        held_out: Iterable[int] = (),
        fingerprint: dict[str, Any] | None = None,
    ):
        self._settings = settings
        self.held_out = frozenset(held_out)
        self._fingerprint = fingerprint

    def __iter__(self) -> Iterator[kt.data.SentencePair]:
        pairs = iterate(self._settings)
        if not self.held_out:
            return pairs
        seed = self._settings.seed
        return (p for p in pairs if _hash(p, seed) not in self.held_out)

    def fingerprint(self, dev: list[kt.data.SentencePair]) -> dict[str, Any]:
        """Returns the numbers of pairs and a hash, see `Corpora.fingerprint`.

        The first call reads the text, unless the constructor got a fingerprint.

        Args:
            dev: the development pairs.
        """
        if self._fingerprint is None:
            digest, count = hashlib.sha256(), 0
            for pair in itertools.chain(self, dev):
                digest.update(repr(tuple(pair)).encode())
                count += 1
            self._fingerprint = {
                "train_pairs": count - len(dev),
                "dev_pairs": len(dev),
                "sha256": digest.hexdigest(),
            }
        return self._fingerprint

    def files(self) -> list[list[Any]]:
        """Returns the name, the size and the modification time of each file.

        Sizes are in bytes, and times in nanoseconds. If names, sizes and times
        are unchanged, a run that continues assumes that the text is unchanged.
        """
        settings = self._settings
        files = []
        for name in kt.data.files.expand(
            settings.train_source + settings.train_target + settings.train_tsv
        ):
            status = os.stat(name)
            files.append([name, status.st_size, status.st_mtime_ns])
        return files


def iterate(
    settings: run_settings.TrainingSettings,
) -> Iterator[kt.data.SentencePair]:
    """Yields the pairs of the training text."""
    if settings.train_tsv:
        return kt.data.iterate_tsv(settings.train_tsv)
    return kt.data.iterate_parallel(
        settings.train_source, settings.train_target
    )


def read_small(
    settings: run_settings.TrainingSettings,
) -> list[kt.data.SentencePair] | None:
    """Reads the training pairs; returns `None` if the text is large.

    Large text is read several times. A pipe can be read only once, so text
    from a pipe never counts as large.
    """
    files = kt.data.files.expand(
        settings.train_source + settings.train_target + settings.train_tsv
    )
    are_files = all(map(os.path.isfile, files))
    if are_files and sum(map(os.path.getsize, files)) > 4 * MAX_CHARACTERS:
        # A character has at most four bytes, so these files have more than
        # `MAX_CHARACTERS` characters.
        return None
    pairs, num_characters = [], 0
    for pair in iterate(settings):
        pairs.append(pair)
        num_characters += len(pair.source) + len(pair.target)
        if are_files and (
            len(pairs) > MAX_PAIRS or num_characters > MAX_CHARACTERS
        ):
            return None
    return pairs


def hold_out(
    settings: run_settings.TrainingSettings, most: int
) -> tuple[list[kt.data.SentencePair], LargeText]:
    """Splits the text into development pairs and training pairs.

    Development pairs are distinct pairs with text on both sides, drawn at
    random. Pairs with the same normalized text are duplicates. Duplicates of
    development pairs are left out of the training pairs. The text is read once,
    and only a random sample is held in memory: the distinct pairs with the
    smallest hashes.

    Args:
        settings: the settings of the run.
        most: the maximum number of development pairs. At most one in twenty
            distinct pairs is held out, and never more than 500 pairs: a
            twentieth of `_SKETCH`.

    Returns:
        The development pairs, in the order of the text, and the training pairs.

    Raises:
        ValueError: there are fewer than 20 distinct pairs with text on both
            sides.
    """
    # The heap has the smallest hashes so far, and must give the largest of
    # them. A `heapq` gives its smallest number, so the hashes are negated.
    heap: list[int] = []
    pairs: dict[int, tuple[int, kt.data.SentencePair]] = {}
    for position, pair in enumerate(iterate(settings)):
        if not all(map(kt.text.fold, pair)):
            continue
        key = _hash(pair, settings.seed)
        if key in pairs or (len(heap) == _SKETCH and key > -heap[0]):
            continue
        pairs[key] = (position, pair)
        heapq.heappush(heap, -key)
        if len(heap) > _SKETCH:
            del pairs[-heapq.heappop(heap)]
    held_out = sorted(pairs)[: min(most, len(pairs) // 20)]
    if not held_out:
        raise ValueError(
            "Too few sentence pairs to hold out development data. Received: "
            f"{len(pairs)} distinct pairs with text on both sides. Give at "
            "least 20, or --dev_source and --dev_target."
        )
    _LOG.info(
        "No development data given: held out %d of the training pairs.",
        len(held_out),
    )
    dev = [pair for _, pair in sorted(pairs[key] for key in held_out)]
    return dev, LargeText(settings, held_out)


def read_record(directory: kt.runs.RunDirectory) -> dict[str, Any]:
    """Reads the record of the text that the shards of a run were made from.

    Args:
        directory: the directory of the run.

    Returns:
        The content of `text.json`; an empty dict if this file is missing or
        the shards are incomplete.

    Raises:
        ValueError: the file is damaged.
    """
    file = directory.text_of_shards
    is_whole = kt.data.is_shard_directory(os.fspath(directory.shards))
    if not (is_whole and file.exists()):
        return {}
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(
            f"{file} is damaged ({error}). Delete {directory.shards}, so that "
            "the text is read again."
        ) from error


def _hash(pair, seed):
    """Returns a 64-bit hash of the seed and the normalized text of a pair."""
    text = "\0".join(kt.text.fold(side) for side in pair)
    digest = hashlib.blake2b(
        text.encode("utf-8"), digest_size=8, salt=seed.to_bytes(8, "little")
    )
    return int.from_bytes(digest.digest(), "little")
