"""The Transformer model, its configuration, and ensembles of models."""

from keras_transformer.models.building import build_transformer
from keras_transformer.models.config import PRESETS, TransformerConfig
from keras_transformer.models.conventions import (
    CONVENTIONS,
    Convention,
    convention,
)
from keras_transformer.models.ensemble import Ensemble
from keras_transformer.models.int8 import in_int8
from keras_transformer.models.precision import in_precision
from keras_transformer.models.stepping import AttentionScores, DecodingModel
from keras_transformer.models.transformer import Transformer
from keras_transformer.models.warm_start import take_weights

__all__ = [
    "AttentionScores",
    "CONVENTIONS",
    "Convention",
    "DecodingModel",
    "Ensemble",
    "PRESETS",
    "Transformer",
    "TransformerConfig",
    "build_transformer",
    "convention",
    "in_int8",
    "in_precision",
    "take_weights",
]
