"""The Transformer, put together from the layers."""

from keras_transformer.models.config import PRESETS, TransformerConfig
from keras_transformer.models.transformer import AttentionScores, Transformer

__all__ = ["AttentionScores", "PRESETS", "Transformer", "TransformerConfig"]
