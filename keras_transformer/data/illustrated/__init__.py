"""Makes the built-in English-French corpus, and scores translated pronouns."""

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
