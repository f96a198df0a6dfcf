"""Shard directories: token ids of sentence pairs in files, with an index."""

from keras_transformer.data.shards.directory import ShardDirectory
from keras_transformer.data.shards.index import ShardIndex, is_shard_directory
from keras_transformer.data.shards.writer import ShardWriter

__all__ = [
    "ShardDirectory",
    "ShardIndex",
    "ShardWriter",
    "is_shard_directory",
]
