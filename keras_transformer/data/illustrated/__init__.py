"""Makes the data sets of the built-in English-French corpus."""

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
