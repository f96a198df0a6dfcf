"""Pictures, samples and scores of a model in training, for TensorBoard.

This folder knows neither the model nor the tokenizer: it takes functions,
scores and tokens.
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
