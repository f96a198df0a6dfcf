"""Reads and writes shard directories, with the token ids of sentence pairs."""

from keras_transformer.data.shards.directory import ShardDirectory
from keras_transformer.data.shards.index import ShardIndex, is_shard_directory
from keras_transformer.data.shards.writer import ShardWriter

__all__ = [
    "ShardDirectory",
    "ShardIndex",
    "ShardWriter",
    "is_shard_directory",
]
