"""Encodes sentence pairs as token ids."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from keras_transformer.data import pairs as sentence_pairs
from keras_transformer.text import SpecialIds, Tokenizer

# The number of sentences that one call of the tokenizer encodes.
_CHUNK = 8192


@dataclasses.dataclass(frozen=True)
class EncodedPairs:
    """Token ids of sentence pairs, without special ids.

    sources, targets: one int32 array for each pair.
    num_empty: the number of pairs left out because a side was empty.
    num_too_long: the number of pairs left out because a side was too long.
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
        """The number of target tokens in the loss, end tokens included."""
        return sum(map(len, self.targets)) + len(self.targets)

    @property
    def longest(self) -> int:
        """The number of tokens of the longest side, its end token included."""
        return 1 + max(max(map(len, self.sources)), max(map(len, self.targets)))

    # As `ShardedPairs`, which has several windows an epoch.

    @property
    def windows_per_epoch(self) -> int:
        """The number of windows of an epoch: 1, all pairs."""
        return 1

    def read_window(self, number: int) -> "EncodedPairs":
        """Returns the pairs of a window: all pairs, in every window."""
        return self

    def window_lengths(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns the lengths of sources and targets, without end tokens."""
        sources, targets = (
            np.fromiter(map(len, side), "int64", len(side))
            for side in (self.sources, self.targets)
        )
        return sources, targets


def encode_pairs(
    pairs: Sequence[sentence_pairs.SentencePair],
    tokenizer: Tokenizer,
    max_length: int = 128,
    target_tokenizer: Tokenizer | None = None,
) -> EncodedPairs:
    """Encodes pairs and leaves out those that are empty or too long.

    Args:
        pairs: the pairs to encode.
        tokenizer: the tokenizer of the sources.
        max_length: the maximum number of tokens of a side, with its end token.
        target_tokenizer: the tokenizer of the targets; `tokenizer` if `None`.

    Raises:
        ValueError: no pair is left.
    """
    target_tokenizer = target_tokenizer or tokenizer
    sources, targets = [], []
    num_empty = num_too_long = 0
    for start in range(0, len(pairs), _CHUNK):
        chunk = pairs[start : start + _CHUNK]
        encoded_sources = _encode([pair.source for pair in chunk], tokenizer)
        encoded_targets = _encode(
            [pair.target for pair in chunk], target_tokenizer
        )
        for pair, source, target in zip(
            chunk, encoded_sources, encoded_targets, strict=True
        ):
            if pair.has_blank_side():
                num_empty += 1
            elif max(len(source), len(target)) >= max_length:
                num_too_long += 1
            else:
                sources.append(source)
                targets.append(target)
    if not sources:
        raise ValueError(
            f"No sentence pair is left of {len(pairs)}: {num_empty} have an "
            f"empty side, {num_too_long} are longer than "
            f"max_length={max_length} tokens. Give other text or a larger "
            "max_length."
        )
    return EncodedPairs(
        sources,
        targets,
        num_empty,
        num_too_long,
        tokenizer.special_ids,
        target_tokenizer.special_ids,
    )


def _encode(texts, tokenizer):
    encoded = tokenizer.encode(texts)
    return np.split(encoded.values.numpy(), encoded.row_splits.numpy()[1:-1])
