"""Strings to strings, and how good the strings are."""

from keras_transformer.translation.explanation import Explanation, explain
from keras_transformer.translation.loading import load_translator, run_search
from keras_transformer.translation.scores import score_translations
from keras_transformer.translation.translator import Translator, in_batches

__all__ = [
    "Explanation",
    "Translator",
    "explain",
    "in_batches",
    "load_translator",
    "run_search",
    "score_translations",
]
