"""Reads pairs from a shard directory, and checks that no file is missing."""

import concurrent.futures
import os

import numpy as np
import tensorflow as tf

from keras_transformer.data.shards import blocks, records
from keras_transformer.data.shards import index as indexing
from keras_transformer.text import TextTokenizer, tokenizer_of

# The number of files whose sizes are requested at the same time. A remote file
# system takes a while to answer, so the requests run in parallel.
_REQUESTS = 32


class ShardDirectory:
    """A shard directory. Only the lengths of its pairs are held in memory.

    Args:
        path: a directory that `ShardWriter` wrote.

    Attributes:
        path: the directory.
        index: the `ShardIndex`.
        lengths: an array `(2, pairs)`, uint16: the numbers of tokens of sources
            and targets, without special ids, in the order of the shards.

    Raises:
        FileNotFoundError: the directory has no index, or a shard is missing.
        ValueError: the index is damaged or has another format, the file of
            lengths is missing or does not fit the index, or a shard has another
            size than in the index.
    """

    def __init__(self, path: str | os.PathLike[str]):
        self.path = os.fspath(path)
        self.index = indexing.read(self.path)
        self.lengths = indexing.read_lengths(self.path, self.index)
        self._check_sizes()
        sizes = [shard.num_pairs for shard in self.index.files]
        self._starts = np.cumsum([0, *sizes]).tolist()

    def slice_lengths(self, number: int, first: int, last: int) -> np.ndarray:
        """Returns the lengths `(2, pairs)` of the pairs that `read` returns.

        The arguments are those of `read`.
        """
        start = self._starts[number]
        return self.lengths[:, start + first : start + last]

    def read(
        self, number: int, first: int, last: int
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Reads the token ids of pairs `first` to `last` - 1 of a shard.

        Args:
            number: the number of the shard, counted from 0.
            first: the number of the first pair to read, counted from 0 in the
                shard.
            last: the number of the last pair to read, plus 1.

        Returns:
            Sources and targets, each a list of int32 vectors, without special
            ids.

        Raises:
            ValueError: the shard is damaged.
        """
        file = self._file(number)
        size = self.index.pairs_per_record
        begin, end = first // size, -(-last // size)
        sources: list[np.ndarray] = []
        targets: list[np.ndarray] = []
        try:
            for record in records.read_records(file)[begin:end]:
                pairs = blocks.unpack(record)
                sources += pairs[0]
                targets += pairs[1]
        except (tf.errors.OpError, ValueError) as error:
            raise self._damaged(file, error) from error
        kept = slice(first - begin * size, last - begin * size)
        sources, targets = sources[kept], targets[kept]
        lengths = [blocks.lengths_of(side) for side in (sources, targets)]
        if not np.array_equal(lengths, self.slice_lengths(number, first, last)):
            raise self._damaged(file, "other lengths than in the index")
        return sources, targets

    def tokenizers(self) -> tuple[TextTokenizer, TextTokenizer | None]:
        """Reads the tokenizers of sources and of targets.

        Returns:
            The tokenizer of the sources, and the tokenizer of the targets. The
            second is `None` if sources and targets share one tokenizer.

        Raises:
            FileNotFoundError: the file of a vocabulary is missing.
            ValueError: the file of a vocabulary is damaged.
        """
        source, target = (
            tf.io.gfile.join(self.path, name)
            for name in (indexing.SOURCE_VOCABULARY, indexing.TARGET_VOCABULARY)
        )
        are_same = self.index.source_vocabulary == self.index.target_vocabulary
        if are_same and not tf.io.gfile.exists(target):
            return self._tokenizer(source), None
        return self._tokenizer(source), self._tokenizer(target)

    def _tokenizer(self, file):
        if not tf.io.gfile.exists(file):
            raise self._missing(file)
        return tokenizer_of(indexing.read_file(file))

    def _file(self, number):
        return tf.io.gfile.join(self.path, self.index.files[number].name)

    def _check_sizes(self):
        files = [self._file(i) for i in range(len(self.index.files))]
        with concurrent.futures.ThreadPoolExecutor(_REQUESTS) as pool:
            sizes = pool.map(_size, files)
        for file, size, shard in zip(
            files, sizes, self.index.files, strict=True
        ):
            if size is None:
                raise self._missing(file)
            if size != shard.num_bytes:
                raise self._damaged(
                    file, f"{size} bytes instead of {shard.num_bytes}"
                )

    def _missing(self, file):
        return FileNotFoundError(
            f"{file} is missing, which {indexing.INDEX} describes. Copy the "
            "directory again from the original, or prepare it again."
        )

    def _damaged(self, file, reason):
        return ValueError(
            f"{file} is damaged, or does not belong to {indexing.INDEX} "
            f"({reason}). Copy the directory again from the original, or "
            "prepare it again."
        )


def _size(file):
    """Returns the size of a file in bytes, or `None` if it is missing."""
    try:
        return tf.io.gfile.stat(file).length
    except tf.errors.NotFoundError:
        return None
