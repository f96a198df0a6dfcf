"""Strings to strings, and how good the strings are."""

from keras_transformer.translation.alignment import (
    align_words,
    pharaoh,
    soft_pharaoh,
)
from keras_transformer.translation.batches import (
    batches_by_length,
    in_batches,
)
from keras_transformer.translation.explanation import (
    Explanation,
    attend,
    explain,
)
from keras_transformer.translation.hypotheses import Hypothesis, check_score
from keras_transformer.translation.lengths import Lengths
from keras_transformer.translation.loading import load_translator, run_search
from keras_transformer.translation.scores import score_translations
from keras_transformer.translation.translator import Translator

__all__ = [
    "Explanation",
    "Hypothesis",
    "Lengths",
    "Translator",
    "align_words",
    "attend",
    "batches_by_length",
    "check_score",
    "explain",
    "in_batches",
    "load_translator",
    "pharaoh",
    "run_search",
    "score_translations",
    "soft_pharaoh",
]
