"""Reads and writes the index of a shard directory, and its pairs' lengths.

The index is a JSON file that describes the other files of the directory.
"""

import dataclasses
import io
import json
from typing import Any

import numpy as np
import tensorflow as tf

from keras_transformer.data.shards import blocks
from keras_transformer.text import SpecialIds

INDEX = "index.json"
LENGTHS = "lengths.npy"
SOURCE_VOCABULARY = "source_vocabulary.model"
TARGET_VOCABULARY = "target_vocabulary.model"
# The version of the format. An index of another version is refused.
_FORMAT = 1


@dataclasses.dataclass(frozen=True)
class Shard:
    """The part of an index that describes one shard.

    name: the name of the file in the directory.
    num_pairs: the number of pairs in the file.
    num_bytes: the size of the compressed file, in bytes.
    """

    name: str
    num_pairs: int
    num_bytes: int


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """The part of an index that describes one vocabulary.

    sha256: the `text.vocabulary_sha256` of the vocabulary.
    special_ids: the special ids of the vocabulary.
    """

    sha256: str
    special_ids: SpecialIds


@dataclasses.dataclass(frozen=True)
class ShardIndex:
    """The content of `index.json`.

    num_pairs: the number of pairs of all shards.
    num_source_tokens, num_target_tokens: the numbers of tokens of these pairs,
        without special ids.
    max_length: the maximum number of tokens of a source and of a target, with
        special ids. Longer pairs were left out.
    num_empty, num_too_long: the numbers of pairs that were left out because the
        source or the target was blank or without tokens, or was too long.
    tag: the symbol that was put before every source; `None` for no symbol.
    pairs_per_record: the number of pairs of a record; the last record of a
        shard may have fewer.
    sha256: the SHA-256 of all records in their order, before compression. The
        records contain the lengths and the token ids of all pairs.
    source_vocabulary, target_vocabulary: facts about the vocabularies.
    files: the shards in their order.
    source_files: names of the files whose text was encoded.
    cleaning: the report of the cleaning, as a dict; empty without a cleaning.
    """

    num_pairs: int
    num_source_tokens: int
    num_target_tokens: int
    max_length: int
    num_empty: int
    num_too_long: int
    tag: str | None
    pairs_per_record: int
    sha256: str
    source_vocabulary: Vocabulary
    target_vocabulary: Vocabulary
    files: tuple[Shard, ...]
    source_files: tuple[str, ...] = ()
    cleaning: dict[str, Any] = dataclasses.field(default_factory=dict)


def is_shard_directory(path: str) -> bool:
    """Tells whether a directory has an index.

    The index is written last. So a directory with an index is complete.

    Example:

    >>> is_shard_directory("nowhere")
    False
    """
    return tf.io.gfile.exists(tf.io.gfile.join(path, INDEX))


def write(path: str, index: ShardIndex) -> None:
    """Writes `index.json` into a shard directory, with `write_file`."""
    content = {"format": _FORMAT, **dataclasses.asdict(index)}
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    write_file(tf.io.gfile.join(path, INDEX), text.encode("utf-8"))


def read(path: str) -> ShardIndex:
    """Reads `index.json`.

    Args:
        path: a shard directory.

    Raises:
        FileNotFoundError: there is no index.
        ValueError: the index is damaged, has another format, or has no pairs.
    """
    if not is_shard_directory(path):
        raise FileNotFoundError(
            f"{path} is not a shard directory: there is no {INDEX}, which is "
            "written last. Run `python -m tools.prepare_data`, or run it again "
            "if it was stopped."
        )
    file = tf.io.gfile.join(path, INDEX)
    try:
        content = json.loads(read_file(file).decode("utf-8"))
        version = content.pop("format")
        if version != _FORMAT:
            raise ValueError(f"format {version}, not {_FORMAT}")
        for name in ("source_vocabulary", "target_vocabulary"):
            vocabulary = content[name]
            special_ids = SpecialIds(**vocabulary["special_ids"])
            content[name] = Vocabulary(vocabulary["sha256"], special_ids)
        content["files"] = tuple(Shard(**each) for each in content["files"])
        content["source_files"] = tuple(content["source_files"])
        index = ShardIndex(**content)
        if index.num_pairs < 1:
            raise ValueError("it has no pairs")
        return index
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{file} is not the index of a shard directory ({error!r}). Copy "
            "it again from the original, or prepare the directory again."
        ) from error


def write_lengths(path: str, lengths: np.ndarray) -> None:
    """Writes the lengths of all pairs into a shard directory.

    Args:
        path: the shard directory.
        lengths: uint16 `(2, pairs)`, the numbers of tokens of sources and of
            targets, without special ids.
    """
    buffer = io.BytesIO()
    np.save(buffer, lengths, allow_pickle=False)
    write_file(tf.io.gfile.join(path, LENGTHS), buffer.getvalue())


def read_lengths(path: str, index: ShardIndex) -> np.ndarray:
    """Reads the lengths that `write_lengths` wrote.

    Args:
        path: a shard directory.
        index: the index of the directory.

    Returns:
        uint16 `(2, pairs)`, the numbers of tokens of sources and of targets,
        without special ids.

    Raises:
        ValueError: the file is missing or damaged, or does not fit the index.
    """
    file = tf.io.gfile.join(path, LENGTHS)
    expected = [index.num_source_tokens, index.num_target_tokens]
    try:
        lengths = np.load(io.BytesIO(read_file(file)), allow_pickle=False)
        fits = (
            lengths.shape == (2, index.num_pairs)
            and lengths.max(initial=0) <= blocks.MAX_LENGTH
            and lengths.sum(axis=1, dtype="int64").tolist() == expected
            and sum(each.num_pairs for each in index.files) == index.num_pairs
        )
    except (ValueError, EOFError, OSError, tf.errors.NotFoundError):
        fits = False
    if not fits:
        raise ValueError(
            f"{file} and {INDEX} do not belong together. Expected the lengths "
            f"of {index.num_pairs} pairs. Copy the directory again from the "
            "original, or prepare it again."
        )
    return lengths


def read_file(path: str) -> bytes:
    """Returns the bytes of a file."""
    with tf.io.gfile.GFile(path, "rb") as file:
        return file.read()


def write_file(path: str, content: bytes) -> None:
    """Writes a file completely or, after an error, not at all.

    After an error, the old content of the file is unchanged. A file `path`.tmp
    may be left.
    """
    temporary = f"{path}.tmp"
    with tf.io.gfile.GFile(temporary, "wb") as file:
        file.write(content)
    tf.io.gfile.rename(temporary, path, overwrite=True)
