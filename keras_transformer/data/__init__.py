"""Data: sentence pairs from files or the built-in corpus, and their batches."""

from keras_transformer.data.batching import (
    PairWindows,
    TokenBatches,
    check_batch,
)
from keras_transformer.data.encoding import EncodedPairs, encode_pairs
from keras_transformer.data.files import read_parallel, read_tsv
from keras_transformer.data.illustrated import (
    ContrastExample,
    IllustratedCorpus,
    illustrated_corpus,
    referent_accuracy,
)
from keras_transformer.data.lines import read_lines
from keras_transformer.data.pairs import SentencePair
from keras_transformer.data.plans import bucket_lengths
from keras_transformer.data.rare_characters import with_rare_characters

__all__ = [
    "ContrastExample",
    "EncodedPairs",
    "IllustratedCorpus",
    "PairWindows",
    "SentencePair",
    "TokenBatches",
    "bucket_lengths",
    "check_batch",
    "encode_pairs",
    "illustrated_corpus",
    "read_lines",
    "read_parallel",
    "read_tsv",
    "referent_accuracy",
    "with_rare_characters",
]
