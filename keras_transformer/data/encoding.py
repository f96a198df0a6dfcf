"""Encodes sentence pairs as token ids."""

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from keras_transformer.data import pairs as sentence_pairs
from keras_transformer.text import SpecialIds, TextTokenizer

# `encode_pairs` encodes at most this number of pairs with one call of each
# tokenizer.
CHUNK = 8192


class PairWindows(Protocol):
    """Encoded pairs, such as `EncodedPairs`, that are read in windows.

    A corpus on disk may be larger than memory, so only the pairs of a window
    are shuffled and put into batches together. Windows are numbered from 0
    without end; the next epoch begins after `windows_per_epoch` windows. Each
    window of `EncodedPairs` has all pairs.

    windows_per_epoch: the number of windows of an epoch.
    num_pairs: the number of pairs of an epoch; the mean if epochs differ.
    longest: the number of tokens of the longest source or target, special ids
        included.
    source_special_ids, target_special_ids: special ids of the vocabularies.
    """

    @property
    def windows_per_epoch(self) -> int: ...
    @property
    def num_pairs(self) -> int: ...
    @property
    def longest(self) -> int: ...
    @property
    def source_special_ids(self) -> SpecialIds: ...
    @property
    def target_special_ids(self) -> SpecialIds: ...

    def window_lengths(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns the lengths of sources and targets, without special ids.

        Args:
            number: the number of the window.

        Returns:
            Two vectors of integers, with one element for each pair.
        """

    def read_window(self, number: int) -> "EncodedPairs":
        """Reads the pairs of a window.

        Args:
            number: the number of the window.

        Returns:
            The pairs, in the order of the result of `window_lengths`.
        """


@dataclasses.dataclass(frozen=True)
class EncodedPairs:
    """Token ids of sentence pairs, without special ids.

    sources, targets: one int32 vector for each pair.
    num_empty: the number of pairs that were left out because the source or the
        target was empty, was only white space, or had no tokens.
    num_too_long: the number of other pairs that were left out because the
        source or the target was too long.
    source_special_ids, target_special_ids: special ids of the vocabularies.
    """

    sources: list[np.ndarray]
    targets: list[np.ndarray]
    num_empty: int = 0
    num_too_long: int = 0
    source_special_ids: SpecialIds = SpecialIds()
    target_special_ids: SpecialIds = SpecialIds()

    @property
    def num_pairs(self) -> int:
        """The number of pairs."""
        return len(self.sources)

    @property
    def num_target_tokens(self) -> int:
        """The number of target tokens in the loss, special ids included."""
        added = 1 + len(self.target_special_ids.target_prefix)
        return sum(map(len, self.targets)) + added * len(self.targets)

    @property
    def longest(self) -> int:
        """The number of tokens of the longest source or target.

        Special ids are included. There must be at least one pair.
        """
        added = len(self.source_special_ids.around_source())
        target_added = 1 + len(self.target_special_ids.target_prefix)
        return max(
            added + max(map(len, self.sources)),
            target_added + max(map(len, self.targets)),
        )

    # The protocol `PairWindows` also requires the members below.

    @property
    def windows_per_epoch(self) -> int:
        """The number of windows of an epoch, which is 1."""
        return 1

    def read_window(self, number: int) -> "EncodedPairs":
        """Returns all pairs, whatever the number of the window."""
        return self

    def window_lengths(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns the lengths of sources and targets, without special ids.

        The result has the lengths of all pairs, because every window has all
        pairs.
        """
        sources, targets = (
            np.fromiter(map(len, side), "int64", len(side))
            for side in (self.sources, self.targets)
        )
        return sources, targets


def encode_pairs(
    pairs: Sequence[sentence_pairs.SentencePair],
    tokenizer: TextTokenizer,
    max_length: int = 128,
    target_tokenizer: TextTokenizer | None = None,
) -> EncodedPairs:
    """Encodes pairs, and leaves out those with a blank or too long sentence.

    A sentence is blank if it is empty or only white space. A pair with a
    sentence that has no tokens is left out too.

    Args:
        pairs: the pairs to encode.
        tokenizer: the tokenizer of the sources.
        max_length: the maximum number of tokens of a source and of a target,
            with special ids.
        target_tokenizer: the tokenizer of the targets; `tokenizer` if `None`.

    Returns:
        The pairs that are not left out, in their order.

    Raises:
        ValueError: no pair is left.
    """
    chunks = [
        encode_chunk(
            pairs[start : start + CHUNK],
            tokenizer,
            max_length,
            target_tokenizer,
        )
        for start in range(0, len(pairs), CHUNK)
    ]
    encoded = EncodedPairs(
        [ids for chunk in chunks for ids in chunk.sources],
        [ids for chunk in chunks for ids in chunk.targets],
        sum(chunk.num_empty for chunk in chunks),
        sum(chunk.num_too_long for chunk in chunks),
        tokenizer.special_ids,
        (target_tokenizer or tokenizer).special_ids,
    )
    if not encoded.sources:
        raise nothing_left(encoded.num_empty, encoded.num_too_long, max_length)
    return encoded


def encode_chunk(
    pairs: Sequence[sentence_pairs.SentencePair],
    tokenizer: TextTokenizer,
    max_length: int = 128,
    target_tokenizer: TextTokenizer | None = None,
) -> EncodedPairs:
    """Encodes pairs like `encode_pairs`, with one call of each tokenizer.

    The arguments are those of `encode_pairs`. If no pair is left, the result
    has no pairs, and no error is raised.
    """
    target_tokenizer = target_tokenizer or tokenizer
    sources, targets = [], []
    num_empty = num_too_long = 0
    added = len(tokenizer.special_ids.around_source())
    target_added = 1 + len(target_tokenizer.special_ids.target_prefix)
    for pair, source, target in zip(
        pairs,
        _encode([pair.source for pair in pairs], tokenizer),
        _encode([pair.target for pair in pairs], target_tokenizer),
        strict=True,
    ):
        if pair.has_blank_side() or not len(source) or not len(target):
            num_empty += 1
        elif max(len(source) + added, len(target) + target_added) > max_length:
            num_too_long += 1
        else:
            sources.append(source)
            targets.append(target)
    return EncodedPairs(
        sources,
        targets,
        num_empty,
        num_too_long,
        tokenizer.special_ids,
        target_tokenizer.special_ids,
    )


def nothing_left(
    num_empty: int, num_too_long: int, max_length: int
) -> ValueError:
    """Returns the error to raise if no pair is left.

    Args:
        num_empty: the number of pairs whose source or target is blank or has no
            tokens.
        num_too_long: the number of other pairs whose source or target is too
            long.
        max_length: the maximum number of tokens of a source and of a target,
            with special ids.
    """
    return ValueError(
        f"No sentence pair is left of {num_empty + num_too_long}: {num_empty} "
        f"have an empty side, {num_too_long} are longer than "
        f"max_length={max_length} tokens. Give other text or a larger "
        "max_length."
    )


def _encode(texts, tokenizer):
    encoded = tokenizer.encode(texts)
    ids = encoded.values.numpy()
    ends = encoded.row_splits.numpy().tolist()
    return [ids[a:b] for a, b in itertools.pairwise(ends)]
