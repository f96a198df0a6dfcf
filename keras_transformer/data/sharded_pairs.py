"""Mixes the pairs of one or several shard directories, window by window."""

import hashlib
import math
import os
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from keras_transformer.data import encoding
from keras_transformer.data.shards import directory as directories_of_shards
from keras_transformer.data.shards import passes
from keras_transformer.text import SpecialIds, TextTokenizer, texts


class ShardedPairs:
    """The pairs of shard directories, in an endless sequence of windows.

    A window is the pairs that are in memory at the same time: a part of each
    corpus. The arguments below and the number of a window decide which pairs it
    has. Only the shards with these pairs are read. The first
    `windows_per_epoch` windows are the first epoch. An epoch reads each pair of
    a corpus as often as the weight of the corpus says. With a weight of 1/2,
    each pair is read once in two epochs, see `Passes`.

    Args:
        directories: shard directories, one for each corpus, all with the same
            vocabularies.
        weights: how often an epoch reads each pair of a corpus, a finite number
            of at least 0 for each directory. With `None`, the weights are
            computed from `temperature`. Without a temperature they are 1.
        temperature: a number above 0 from which the weights are computed, or
            `None`; it must be `None` if `weights` is given. In an epoch, the
            number of pairs from a corpus of n pairs is proportional to
            n^(1 / temperature). An epoch has as many pairs as all corpora
            together. So with a temperature of 1, an epoch reads each pair once.
            A larger temperature makes the numbers more equal.
        seed: the seed of the order of the shards, at least 0.
        window_pairs: the approximate maximum number of pairs of a window. A
            window with pairs of c corpora can have about c pairs more, because
            the number of pairs of each corpus is rounded.

    Attributes:
        windows_per_epoch: the number of windows of an epoch, at least 1.
        weights: the weight of each corpus, as `Fraction`.

    Raises:
        FileNotFoundError: a directory has no index, or a shard is missing.
        ValueError: a directory is damaged, the vocabularies differ, an argument
            is invalid, or the weights are so small that an epoch has no pair.
    """

    def __init__(
        self,
        directories: Sequence[str | os.PathLike[str]],
        weights: Sequence[float] | None = None,
        temperature: float | None = None,
        seed: int = 0,
        window_pairs: int = 131072,
    ):
        texts.check_list("directories", directories)
        check_weights(len(directories), weights, temperature)
        for name, value, least in (
            ("seed", seed, 0),
            ("window_pairs", window_pairs, 1),
        ):
            if value < least:
                raise ValueError(
                    f"`{name}` must be at least {least}. Received: {value}."
                )
        self._directories = [
            directories_of_shards.ShardDirectory(path) for path in directories
        ]
        self._check_vocabularies()
        sizes = [each.index.num_pairs for each in self._directories]
        if temperature is not None:
            self.weights = _weights_of(temperature, sizes)
        else:
            # `str(0.1)` is "0.1", so the weight 0.1 becomes exactly 1/10.
            # `Fraction(0.1)` would be slightly more than 1/10.
            self.weights = [
                Fraction(str(weight)) for weight in weights or [1] * len(sizes)
            ]
        self._passes = [
            passes.Passes(
                [shard.num_pairs for shard in each.index.files],
                weight,
                [seed, number],
            )
            for number, (each, weight) in enumerate(
                zip(self._directories, self.weights, strict=True)
            )
        ]
        largest = max(int(each.pairs_per_epoch) for each in self._passes)
        if not largest:
            raise ValueError(
                "An epoch has no pair of any corpus. Received: weights="
                f"{list(map(str, self.weights))} for corpora of {sizes} pairs. "
                "Give larger weights."
            )
        # One corpus has at least `largest` pairs in every epoch. They are
        # divided equally among at most `largest` windows. So each window has at
        # least one of these pairs.
        self.windows_per_epoch = min(
            -(-self.num_pairs // window_pairs), largest
        )

    @property
    def num_pairs(self) -> int:
        """The number of pairs of an epoch.

        This number is the mean of all epochs, rounded down.
        """
        return int(sum(each.pairs_per_epoch for each in self._passes))

    @property
    def num_target_tokens(self) -> int:
        """The number of target tokens of an epoch, special ids included.

        This number is the mean of all epochs, rounded.
        """
        prefix = len(self.target_special_ids.target_prefix)
        return round(
            sum(
                weight
                * (
                    each.index.num_target_tokens
                    + (1 + prefix) * each.index.num_pairs
                )
                for weight, each in zip(
                    self.weights, self._directories, strict=True
                )
            )
        )

    @property
    def longest(self) -> int:
        """The length of the longest source or target, special ids included."""
        added = [
            [len(self.source_special_ids.around_source())],
            [1 + len(self.target_special_ids.target_prefix)],
        ]
        return max(
            int((each.lengths + added).max()) for each in self._directories
        )

    @property
    def source_special_ids(self) -> SpecialIds:
        """The special ids of the vocabulary of the sources."""
        return self._directories[0].index.source_vocabulary.special_ids

    @property
    def target_special_ids(self) -> SpecialIds:
        """The special ids of the vocabulary of the targets."""
        return self._directories[0].index.target_vocabulary.special_ids

    def read_window(self, number: int) -> encoding.EncodedPairs:
        """Reads the pairs of a window.

        Args:
            number: the number of the window, from 0 on without end.

        Raises:
            ValueError: a shard is damaged.
        """
        sources: list[np.ndarray] = []
        targets: list[np.ndarray] = []
        for corpus, part in self._slices(number):
            pairs = corpus.read(*part)
            sources += pairs[0]
            targets += pairs[1]
        return encoding.EncodedPairs(
            sources,
            targets,
            source_special_ids=self.source_special_ids,
            target_special_ids=self.target_special_ids,
        )

    def window_lengths(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns the lengths of sources and targets, without special ids.

        No shard is read. The pairs are in the order of `read_window`.

        Args:
            number: the number of the window.

        Returns:
            Two int64 vectors, with one element for each pair.
        """
        lengths = [
            corpus.slice_lengths(*part) for corpus, part in self._slices(number)
        ]
        sources, targets = np.concatenate(lengths, axis=1).astype("int64")
        return sources, targets

    def sha256(self) -> str:
        """Returns a hash of the token ids of the pairs of all directories.

        The order of the directories changes the hash, but the weights do not.
        """
        digest = hashlib.sha256()
        for each in self._directories:
            digest.update(each.index.sha256.encode())
        return digest.hexdigest()

    def tokenizers(self) -> tuple[TextTokenizer, TextTokenizer | None]:
        """Reads the tokenizers of sources and of targets.

        The second is `None` if sources and targets share one tokenizer.

        Raises:
            FileNotFoundError: the file of a vocabulary is missing.
            ValueError: the file of a vocabulary is damaged.
        """
        return self._directories[0].tokenizers()

    def check_vocabularies(self, source: str, target: str) -> None:
        """Checks that the shards have the vocabularies of a model.

        Args:
            source, target: the `text.vocabulary_sha256` of the model's source
                vocabulary and of its target vocabulary.

        Raises:
            ValueError: a hash differs.
        """
        index = self._directories[0].index
        for side, expected, vocabulary in (
            ("sources", source, index.source_vocabulary),
            ("targets", target, index.target_vocabulary),
        ):
            if vocabulary.sha256 != expected:
                raise ValueError(
                    f"The vocabulary of the {side} in "
                    f"{self._directories[0].path} is not that of the model. "
                    "Received: the hash "
                    f"{vocabulary.sha256[:12]}. Expected: {expected[:12]}. "
                    "Prepare the shards with the vocabulary of the model, or "
                    "train a model with the vocabulary of the shards."
                )

    def _slices(self, number):
        """Yields the slices of a window, each as (directory, `Slice`)."""
        epoch, part = divmod(number, self.windows_per_epoch)
        for corpus, order in zip(self._directories, self._passes, strict=True):
            for each in order.slices(epoch, part, self.windows_per_epoch):
                yield corpus, each

    def _check_vocabularies(self):
        first = self._directories[0]
        for each in self._directories[1:]:
            for side in ("source_vocabulary", "target_vocabulary"):
                if getattr(each.index, side) != getattr(first.index, side):
                    raise ValueError(
                        "Corpora that are mixed must have one vocabulary. "
                        f"Received: {first.path} and {each.path}, which differ "
                        f"in their {side}. Prepare the second with the first's "
                        "vocabulary."
                    )


def check_weights(
    count: int,
    weights: Sequence[float] | None = None,
    temperature: float | None = None,
) -> None:
    """Checks the arguments of `ShardedPairs` that give the weights of corpora.

    This function does not know the sizes of the corpora. So only `ShardedPairs`
    refuses weights or a temperature that are too small for these sizes.

    Args:
        count: the number of directories.
        weights, temperature: arguments of `ShardedPairs`.

    Raises:
        ValueError: `count` is 0, both weights and a temperature are given, the
            numbers of weights and directories differ, a weight is below 0 or
            not finite, or the temperature is not above 0.
    """
    if not count:
        raise ValueError(
            "Received no shard directory. Give at least one directory."
        )
    if weights is not None and temperature is not None:
        raise ValueError(
            "Weights and a temperature both set how often corpora are read. "
            f"Received: weights={list(weights)}, temperature={temperature}. "
            "Give one of them."
        )
    if temperature is not None and not temperature > 0:
        raise ValueError(
            f"`temperature` must be above 0. Received: {temperature}."
        )
    if weights is None:
        return
    if len(weights) != count:
        raise ValueError(
            "Every directory needs its weight. Received: "
            f"{len(weights)} weights {list(weights)}, {count} directories."
        )
    if not all(0 <= weight < math.inf for weight in weights):
        raise ValueError(
            f"Weights must be at least 0 and finite. Received: {list(weights)}."
        )


def _weights_of(temperature, sizes):
    """Computes the weights of corpora from a temperature and their sizes."""
    try:
        shares = [Fraction(size ** (1 / temperature)) for size in sizes]
    except OverflowError as error:
        raise ValueError(
            "`temperature` is too small for the sizes of the corpora. "
            f"Received: temperature={temperature}, sizes={sizes}. Give a "
            "larger one, such as 1 for the natural shares."
        ) from error
    unit = Fraction(sum(sizes)) / sum(shares)
    return [
        unit * share / size for share, size in zip(shares, sizes, strict=True)
    ]
