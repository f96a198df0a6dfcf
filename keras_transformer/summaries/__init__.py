"""Images, sample translations and scores of a training, for TensorBoard.

This folder imports neither models nor tokenizers: it takes functions, scores
and tokens.
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

__all__ = [
    "AttentionImages",
    "BleuCallback",
    "SampleTranslations",
    "attention_figure",
    "attention_figures",
    "figure_to_image",
]
