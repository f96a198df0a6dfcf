"""Writes a shard directory.

The shards are written while pairs arrive. At the end come the other files: the
lengths of the pairs, the vocabularies, and the index.
"""

import hashlib
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from keras_transformer.data import encoding
from keras_transformer.data.shards import blocks, records
from keras_transformer.data.shards import index as indexing
from keras_transformer.text import TextTokenizer, vocabulary_sha256

_PAIRS_PER_RECORD = 1024


class ShardWriter:
    """Writer of a shard directory.

    A shard is a compressed TFRecord file. Each record has the ids of a block of
    pairs. Memory holds only the pairs that are not in a shard yet, and the
    lengths of all pairs, four bytes for each pair. The directory can be on
    every file system that `tf.io.gfile` supports.

    Args:
        path: the directory, which is made if it is missing. Shards that a
            stopped program left in it are deleted.
        tokenizer: the tokenizer of the sources.
        target_tokenizer: the tokenizer of the targets; `tokenizer` if `None`.
        max_length: the maximum number of tokens of a source and of a target,
            special ids included. It is written to the index; the pairs are not
            checked.
        tag: the symbol that was put before every source; `None` for no symbol.
            It is written to the index; the pairs are not changed.
        pairs_per_shard: the number of pairs of a shard; the last shard may have
            fewer.

    Raises:
        ValueError: the directory has an index already, or `max_length` or
            `pairs_per_shard` is below 1 or too large.

    Example:

    >>> import tempfile
    >>> from keras_transformer.text import Tokenizer, learn_vocabulary
    >>> tokenizer = Tokenizer(learn_vocabulary(["a cat"], may_be_smaller=True))
    >>> writer = ShardWriter(tempfile.mkdtemp(), tokenizer)
    >>> ids = [np.array([5, 6, 7], "int32")] * 3
    >>> writer.write(encoding.EncodedPairs(ids, ids))
    >>> writer.finish().num_pairs
    3
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        tokenizer: TextTokenizer,
        target_tokenizer: TextTokenizer | None = None,
        max_length: int = 128,
        tag: str | None = None,
        pairs_per_shard: int = 16384,
    ):
        for name, value, most in (
            ("max_length", max_length, blocks.MAX_LENGTH),
            ("pairs_per_shard", pairs_per_shard, 2**31),
        ):
            if not 1 <= value <= most:
                raise ValueError(
                    f"`{name}` must be at least 1 and at most {most}. "
                    f"Received: {value}."
                )
        self._path = os.fspath(path)
        self._tokenizers = tokenizer, target_tokenizer
        self._max_length = max_length
        self._tag = tag
        self._pairs_per_shard = pairs_per_shard
        self._id_bytes = max(
            blocks.bytes_per_id(each.vocabulary_size)
            for each in self._tokenizers
            if each is not None
        )
        # The pairs that are not in a shard yet.
        self._sources: list[np.ndarray] = []
        self._targets: list[np.ndarray] = []
        self._num_empty = self._num_too_long = 0
        self._shards: list[indexing.Shard] = []
        self._lengths: list[np.ndarray] = []
        self._digest = hashlib.sha256()
        self._clear()

    @property
    def num_pairs(self) -> int:
        """The number of pairs that `write` has received so far."""
        return len(self._sources) + sum(each.num_pairs for each in self._shards)

    def write(self, encoded: encoding.EncodedPairs) -> None:
        """Appends pairs, and adds up the numbers of pairs that were left out.

        Args:
            encoded: the pairs, and the numbers of pairs that were left out when
                the text was encoded.

        Raises:
            tf.errors.OpError: a file cannot be written, for example because the
                disk is full.
        """
        self._num_empty += encoded.num_empty
        self._num_too_long += encoded.num_too_long
        self._sources += encoded.sources
        self._targets += encoded.targets
        size = self._pairs_per_shard
        while len(self._sources) >= size:
            self._write_shard(self._sources[:size], self._targets[:size])
            del self._sources[:size], self._targets[:size]

    def finish(
        self,
        source_files: Sequence[str] = (),
        cleaning: dict[str, Any] | None = None,
    ) -> indexing.ShardIndex:
        """Writes the remaining files. The directory is then complete.

        Args:
            source_files: names of the files whose text was encoded.
            cleaning: the report of the cleaning, a dict that JSON can
                represent; `None` if the pairs were not cleaned.

        Returns:
            The index of the directory.

        Raises:
            ValueError: no pair was written.
            tf.errors.OpError: a file cannot be written.
        """
        if self._sources:
            self._write_shard(self._sources, self._targets)
            self._sources, self._targets = [], []
        if not self._shards:
            raise encoding.nothing_left(
                self._num_empty, self._num_too_long, self._max_length
            )
        lengths = np.concatenate(self._lengths, axis=1)
        indexing.write_lengths(self._path, lengths)
        self._write_vocabularies()
        source, target = self._tokenizers
        num_source_tokens, num_target_tokens = lengths.sum(1, "int64").tolist()
        index = indexing.ShardIndex(
            num_pairs=lengths.shape[1],
            num_source_tokens=num_source_tokens,
            num_target_tokens=num_target_tokens,
            max_length=self._max_length,
            num_empty=self._num_empty,
            num_too_long=self._num_too_long,
            tag=self._tag,
            pairs_per_record=_PAIRS_PER_RECORD,
            sha256=self._digest.hexdigest(),
            source_vocabulary=_describe(source),
            target_vocabulary=_describe(target or source),
            files=tuple(self._shards),
            source_files=tuple(source_files),
            cleaning=cleaning or {},
        )
        indexing.write(self._path, index)
        return index

    def _write_shard(self, sources, targets):
        name = f"shard-{len(self._shards):06d}.tfrecord"
        file = tf.io.gfile.join(self._path, name)
        slices = [
            slice(start, start + _PAIRS_PER_RECORD)
            for start in range(0, len(sources), _PAIRS_PER_RECORD)
        ]
        packed = [
            blocks.pack(sources[each], targets[each], self._id_bytes)
            for each in slices
        ]
        for record in packed:
            self._digest.update(record)
        records.write_records(file, packed)
        self._shards.append(
            indexing.Shard(name, len(sources), tf.io.gfile.stat(file).length)
        )
        self._lengths.append(
            np.stack([blocks.lengths_of(sources), blocks.lengths_of(targets)])
        )

    def _write_vocabularies(self):
        for name, tokenizer in zip(
            (indexing.SOURCE_VOCABULARY, indexing.TARGET_VOCABULARY),
            self._tokenizers,
            strict=True,
        ):
            if tokenizer is not None:
                file = tf.io.gfile.join(self._path, name)
                indexing.write_file(file, tokenizer.model)

    def _clear(self):
        """Makes the directory, or deletes the shards in it.

        Raises ValueError if the directory has an index.
        """
        if indexing.is_shard_directory(self._path):
            raise ValueError(
                f"{self._path} is a shard directory already. Give another "
                "directory, or delete this one."
            )
        tf.io.gfile.makedirs(self._path)
        pattern = tf.io.gfile.join(self._path, "shard-*.tfrecord")
        for file in tf.io.gfile.glob(pattern):
            tf.io.gfile.remove(file)


def _describe(tokenizer):
    return indexing.Vocabulary(
        vocabulary_sha256(tokenizer), tokenizer.special_ids
    )
