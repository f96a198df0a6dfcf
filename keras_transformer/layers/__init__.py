"""Keras layers of the Transformer; they depend on Keras alone."""

from keras_transformer.layers.attention import (
    MultiHeadAttention,
    dot_product_attention,
)
from keras_transformer.layers.decoder import Decoder, DecoderBlock
from keras_transformer.layers.embeddings import ScaledEmbedding
from keras_transformer.layers.encoder import Encoder, EncoderBlock
from keras_transformer.layers.feed_forward import FeedForward
from keras_transformer.layers.masks import (
    causal_mask,
    combine_masks,
    padding_mask,
)
from keras_transformer.layers.positions import (
    SinusoidalPositions,
    sinusoidal_encoding,
)
from keras_transformer.layers.residual import Residual

__all__ = [
    "Decoder",
    "DecoderBlock",
    "Encoder",
    "EncoderBlock",
    "FeedForward",
    "MultiHeadAttention",
    "Residual",
    "ScaledEmbedding",
    "SinusoidalPositions",
    "causal_mask",
    "combine_masks",
    "dot_product_attention",
    "padding_mask",
    "sinusoidal_encoding",
]
