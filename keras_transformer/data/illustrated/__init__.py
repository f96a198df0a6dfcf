"""The built-in English-French corpus: words, grammar, sentences, splits."""

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
