"""The built-in English-French corpus: words, grammar and data sets."""

from keras_transformer.data.illustrated.corpus import (
    ContrastExample,
    IllustratedCorpus,
    illustrated_corpus,
    referent_accuracy,
)

__all__ = [
    "ContrastExample",
    "IllustratedCorpus",
    "illustrated_corpus",
    "referent_accuracy",
]
