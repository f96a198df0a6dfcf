"""The layers of the Transformer. They depend only on Keras and NumPy."""

from keras_transformer.layers.attention import MultiHeadAttention
from keras_transformer.layers.causal_block import CausalBlock
from keras_transformer.layers.decoder import Decoder
from keras_transformer.layers.decoder_block import DecoderBlock
from keras_transformer.layers.dot_product import dot_product_attention
from keras_transformer.layers.embeddings import TokenEmbedding
from keras_transformer.layers.encoder import Encoder, EncoderBlock
from keras_transformer.layers.feed_forward import FeedForward, GatedFeedForward
from keras_transformer.layers.masks import (
    attended_keys,
    causal_mask,
    combine_masks,
    padding_mask,
    started_mask,
)
from keras_transformer.layers.normalized_positions import NormalizedPositions
from keras_transformer.layers.positions import (
    LearnedPositions,
    SinusoidalPositions,
)
from keras_transformer.layers.relative import RelativePositions
from keras_transformer.layers.residual import Residual
from keras_transformer.layers.rotary import RotaryPositions
from keras_transformer.layers.segments import (
    positions_in_segments,
    same_segment_mask,
    segment_mask,
)
from keras_transformer.layers.sinusoids import sinusoidal_encoding

__all__ = [
    "CausalBlock",
    "Decoder",
    "DecoderBlock",
    "Encoder",
    "EncoderBlock",
    "FeedForward",
    "GatedFeedForward",
    "LearnedPositions",
    "MultiHeadAttention",
    "NormalizedPositions",
    "RelativePositions",
    "Residual",
    "RotaryPositions",
    "SinusoidalPositions",
    "TokenEmbedding",
    "attended_keys",
    "causal_mask",
    "combine_masks",
    "dot_product_attention",
    "padding_mask",
    "positions_in_segments",
    "same_segment_mask",
    "segment_mask",
    "sinusoidal_encoding",
    "started_mask",
]
