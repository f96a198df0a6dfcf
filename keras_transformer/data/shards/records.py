"""Reads and writes TFRecord files that are compressed by gzip.

The files can be on every file system that `tf.io.gfile` supports.
`tf.data.TFRecordDataset` can read these files too. It is not used here, because
making a `tf.data.Dataset` for each shard takes longer than reading the shard.
"""

import gzip
import struct
import zlib
from collections.abc import Iterable

import tensorflow as tf

_COMPRESSION = "GZIP"
# For each record, a file has the length of the record, a checksum of this
# length, the bytes of the record, and a checksum of the bytes.
_LENGTH = struct.Struct("<Q")
_CHECKSUM_BYTES = 4


def write_records(file: str, records: Iterable[bytes]) -> None:
    """Writes a file of records.

    Raises:
        tf.errors.OpError: the file cannot be written.
    """
    with tf.io.TFRecordWriter(file, _COMPRESSION) as writer:
        for record in records:
            writer.write(record)


def read_records(file: str) -> list[bytes]:
    """Reads all records of a file.

    The checksums of the records are not verified, because gzip verifies a
    checksum of the whole file.

    Raises:
        tf.errors.OpError: the file cannot be read.
        ValueError: the file is damaged.

    Example:

    >>> import tempfile
    >>> file = tempfile.mkdtemp() + "/file"
    >>> write_records(file, [b"one", b"two"])
    >>> read_records(file)
    [b'one', b'two']
    """
    with tf.io.gfile.GFile(file, "rb") as stream:
        compressed = stream.read()
    try:
        content = gzip.decompress(compressed)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"a damaged gzip file: {error}") from error
    records, start = [], 0
    while start < len(content):
        try:
            (length,) = _LENGTH.unpack_from(content, start)
        except struct.error as error:
            raise ValueError(f"not a file of records: {error}") from error
        start += _LENGTH.size + _CHECKSUM_BYTES
        records.append(content[start : start + length])
        start += length + _CHECKSUM_BYTES
        if start > len(content):
            raise ValueError("not a file of records: the last one is cut")
    return records
