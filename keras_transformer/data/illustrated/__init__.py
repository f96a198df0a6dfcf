"""Makes the built-in English-French corpus, and scores translations of *it*."""

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
