"""Reads, cleans and encodes sentence pairs, and makes batches of them."""

from keras_transformer.data.batching import Bookmark, TokenBatches
from keras_transformer.data.cleaning import Cleaning
from keras_transformer.data.cleaning_report import CleaningReport
from keras_transformer.data.encoding import (
    EncodedPairs,
    PairWindows,
    encode_pairs,
)
from keras_transformer.data.files import (
    iterate_parallel,
    iterate_tsv,
    read_parallel,
    read_tsv,
)
from keras_transformer.data.illustrated import (
    ContrastExample,
    IllustratedCorpus,
    illustrated_corpus,
    referent_accuracy,
)
from keras_transformer.data.lines import read_lines
from keras_transformer.data.pairs import SentencePair
from keras_transformer.data.plans import bucket_lengths, check_batch
from keras_transformer.data.rare_characters import (
    iterate_with_rare_characters,
    with_rare_characters,
)
from keras_transformer.data.segmentation import SampledSegmentation
from keras_transformer.data.sharded_pairs import ShardedPairs, check_weights
from keras_transformer.data.sharding import check_tag, shard_pairs
from keras_transformer.data.shards import (
    ShardDirectory,
    ShardIndex,
    ShardWriter,
    is_shard_directory,
)

__all__ = [
    "Bookmark",
    "Cleaning",
    "CleaningReport",
    "ContrastExample",
    "EncodedPairs",
    "IllustratedCorpus",
    "PairWindows",
    "SampledSegmentation",
    "SentencePair",
    "ShardDirectory",
    "ShardIndex",
    "ShardWriter",
    "ShardedPairs",
    "TokenBatches",
    "bucket_lengths",
    "check_batch",
    "check_tag",
    "check_weights",
    "encode_pairs",
    "illustrated_corpus",
    "is_shard_directory",
    "iterate_parallel",
    "iterate_tsv",
    "iterate_with_rare_characters",
    "read_lines",
    "read_parallel",
    "read_tsv",
    "referent_accuracy",
    "shard_pairs",
    "with_rare_characters",
]
