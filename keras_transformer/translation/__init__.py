"""Translates strings, and assesses translations."""

from keras_transformer.translation.alignment import (
    align_words,
    pharaoh,
    soft_pharaoh,
)
from keras_transformer.translation.assessment import (
    Assessment,
    assess,
    assess_in_graph,
    n_best_in_graph,
)
from keras_transformer.translation.batches import in_batches
from keras_transformer.translation.comparison import (
    compare_translations,
    largest_differences,
)
from keras_transformer.translation.confidence import (
    Calibration,
    right_words,
)
from keras_transformer.translation.confidence import fit as fit_calibration
from keras_transformer.translation.defects import LengthModel, fit_lengths
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
from keras_transformer.translation.reliability import (
    bins,
    calibration_error,
    diagram,
)
from keras_transformer.translation.repairing import RepairingTranslator
from keras_transformer.translation.results import Hypothesis, check_score
from keras_transformer.translation.shortlist import Shortlist
from keras_transformer.translation.shortlist import learn as learn_shortlist
from keras_transformer.translation.shortlisted import Shortlisted
from keras_transformer.translation.translator import Translator
from keras_transformer.translation.word_scores import (
    of_hypotheses as score_words,
)

__all__ = [
    "Assessment",
    "Calibration",
    "Explanation",
    "Hypothesis",
    "LengthModel",
    "Lengths",
    "RepairingTranslator",
    "Shortlist",
    "Shortlisted",
    "Translator",
    "align_words",
    "assess",
    "assess_in_graph",
    "bins",
    "calibration_error",
    "check_score",
    "compare_translations",
    "corpus_metrics",
    "diagram",
    "explain",
    "explain_in_graph",
    "fit_calibration",
    "fit_lengths",
    "in_batches",
    "largest_differences",
    "learn_shortlist",
    "n_best_in_graph",
    "pharaoh",
    "right_words",
    "score_translations",
    "soft_pharaoh",
    "tokenization_of",
    "score_words",
]
