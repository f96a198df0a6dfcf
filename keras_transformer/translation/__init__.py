"""Translation of strings, and metrics of translations."""

from keras_transformer.translation.alignment import (
    align_words,
    pharaoh,
    soft_pharaoh,
)
from keras_transformer.translation.batches import in_batches
from keras_transformer.translation.comparison import (
    compare_translations,
    largest_differences,
)
from keras_transformer.translation.explanation import (
    Explanation,
    explain,
    explain_in_graph,
)
from keras_transformer.translation.lengths import Lengths
from keras_transformer.translation.metrics import (
    corpus_metrics,
    score_translations,
    tokenization_of,
)
from keras_transformer.translation.results import Hypothesis, check_score
from keras_transformer.translation.translator import Translator

__all__ = [
    "Explanation",
    "Hypothesis",
    "Lengths",
    "Translator",
    "align_words",
    "explain_in_graph",
    "check_score",
    "compare_translations",
    "corpus_metrics",
    "explain",
    "in_batches",
    "largest_differences",
    "pharaoh",
    "score_translations",
    "soft_pharaoh",
    "tokenization_of",
]
