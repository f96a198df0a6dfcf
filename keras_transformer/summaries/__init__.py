"""Summaries of a training run for TensorBoard.

This folder imports neither models nor tokenizers. Its functions and callbacks
take functions, scores and tokens instead.
"""

from keras_transformer.summaries.attention_images import (
    attention_figure,
    attention_figures,
    figure_to_image,
)
from keras_transformer.summaries.bleu_callback import BleuCallback
from keras_transformer.summaries.callbacks import (
    AttentionImages,
    SampleTranslations,
)
from keras_transformer.summaries.embeddings import Embeddings
from keras_transformer.summaries.entropy import attention_entropies
from keras_transformer.summaries.head_cards import attention_cards
from keras_transformer.summaries.hyper_parameters import HyperParameters
from keras_transformer.summaries.position_figures import position_figure
from keras_transformer.summaries.scalars import Scalars
from keras_transformer.summaries.static import StaticSummaries
from keras_transformer.summaries.tables import table
from keras_transformer.summaries.trace_summary import write_trace
from keras_transformer.summaries.traces import Traces, check_sentences
from keras_transformer.summaries.weight_updates import UpdateRatios

__all__ = [
    "AttentionImages",
    "BleuCallback",
    "Embeddings",
    "HyperParameters",
    "SampleTranslations",
    "Scalars",
    "StaticSummaries",
    "Traces",
    "UpdateRatios",
    "attention_cards",
    "attention_entropies",
    "attention_figure",
    "attention_figures",
    "check_sentences",
    "figure_to_image",
    "position_figure",
    "table",
    "write_trace",
]
