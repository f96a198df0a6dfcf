"""Builds a Transformer from a config, which names the kinds of layers."""

from typing import Any

import keras

from keras_transformer import layers
from keras_transformer.layers import checks, sinusoids
from keras_transformer.models import config as configs
from keras_transformer.models import transformer

# With relative positions, each distance from -16 to 16 has its own vectors.
# Larger distances have the vectors of -16 or 16.
RELATIVE_DISTANCE = 16

POSITIONS = (
    *sinusoids.FORMS,
    "learned",
    "learned_normalized",
    "rotary",
    "relative",
)
NORMS = ("layer", "rms")
# The class and the activation of a feed-forward network, for each value of
# `activation`.
ACTIVATIONS = {
    "relu": (layers.FeedForward, "relu"),
    "gelu": (layers.FeedForward, "gelu"),
    "silu": (layers.FeedForward, "silu"),
    "reglu": (layers.GatedFeedForward, "relu"),
    "geglu": (layers.GatedFeedForward, "gelu"),
    "swiglu": (layers.GatedFeedForward, "silu"),
}
# Each value includes the biases of the values before it.
BIASES = ("none", "feed_forward", "blocks", "all")
TYINGS = ("all", "target", "none")


def build_transformer(
    config: configs.TransformerConfig, dtype: Any = None
) -> transformer.Transformer:
    """Makes the model that a config describes.

    These fields of a config choose the kinds of layers:

    - `positions`: one of the five forms of `sinusoidal_encoding` (`"paper"`,
      `"half"`, `"tensor2tensor"`, `"tensor2tensor_from_1"`, `"fairseq"`);
      `"learned"`, for `max_positions` positions; `"learned_normalized"`,
      learned positions inside `NormalizedPositions`; `"rotary"`, with the
      layout `"half"` and base 10,000; or `"relative"`, with distances up to 16.
    - `normalization`: whether the norm is before (`"pre"`) or after
      (`"post"`) each sublayer.
    - `norm`: `"layer"` or `"rms"` normalization, with `epsilon`.
    - `activation`: `"relu"`, `"gelu"` or `"silu"`; for gated networks
      `"reglu"`, `"geglu"` or `"swiglu"`.
    - `biases`: `"none"`; `"feed_forward"`, in feed-forward networks only;
      `"blocks"`, also in attentions; or `"all"`, also in the logits.
    - `tying`: which of source embedding, target embedding and projection
      share one matrix: `"all"`; `"target"`, the target embedding and the
      projection; or `"none"`.
    - `embedding_scale`, `embedding_initializer`: see `TokenEmbedding`.

    For `attention_gain` see `MultiHeadAttention`, for `pad_id` and `start_id`
    see `Transformer`. For other architectures, give layers of your own to
    `Encoder`, `Decoder` and `Transformer`.

    Args:
        config: the architecture.
        dtype: the dtype policy of all layers; `None` means the global policy
            of Keras.

    Raises:
        ValueError: `config` is not a `TransformerConfig`, or its values are
            not valid or do not fit together.

    Example:

    >>> import dataclasses
    >>> tiny = dataclasses.replace(configs.PRESETS["tiny"], vocabulary_size=11)
    >>> model = build_transformer(tiny)
    >>> ids = keras.ops.array([[5, 6, 2]])
    >>> model({"source_ids": ids, "target_input_ids": ids}).shape
    TensorShape([1, 3, 11])
    """
    _check(config)
    arguments = _stack_arguments(config, dtype)
    source, target, projection = _embeddings(config, dtype)
    return transformer.Transformer(
        layers.Encoder(config.num_encoder_layers, **arguments, name="encoder"),
        layers.Decoder(config.num_decoder_layers, **arguments, name="decoder"),
        source_embedding=source,
        target_embedding=target,
        projection=projection,
        pad_id=config.pad_id,
        start_id=config.start_id,
        word_dropout=config.word_dropout,
        dtype=dtype,
    )


def _stack_arguments(config, dtype):
    """Returns the arguments of encoder and decoder, except `num_layers`."""
    norms = {
        "layer": keras.layers.LayerNormalization,
        "rms": keras.layers.RMSNormalization,
    }
    norm = norms[config.norm](epsilon=config.epsilon)
    added, attended = _positions(config, norm)
    feed_forward, activation = ACTIVATIONS[config.activation]
    biases = BIASES.index(config.biases)
    return {
        "attention": layers.MultiHeadAttention(
            config.model_dim,
            config.num_heads,
            config.num_key_value_heads,
            use_bias=biases >= BIASES.index("blocks"),
            positions=attended,
            gain=config.attention_gain,
            dropout=config.attention_dropout,
        ),
        "feed_forward": feed_forward(
            config.model_dim,
            config.feed_forward_dim,
            activation,
            use_bias=biases >= BIASES.index("feed_forward"),
            dropout=config.activation_dropout,
        ),
        "norm": norm,
        "dropout": config.dropout,
        "normalization": config.normalization,
        "positions": added,
        "dtype": dtype,
    }


def _positions(config, norm):
    """Returns a layer of positions for a stack, and one for its attentions.

    One of the two results is `None`.
    """
    name = config.positions
    if name in sinusoids.FORMS:
        return layers.SinusoidalPositions(name), None
    if name == "learned":
        return layers.LearnedPositions(config.max_positions), None
    if name == "learned_normalized":
        learned = layers.LearnedPositions(config.max_positions)
        return layers.NormalizedPositions(learned, norm), None
    if name == "rotary":
        return None, layers.RotaryPositions()
    return None, layers.RelativePositions(RELATIVE_DISTANCE)


def _embeddings(config, dtype):
    """Makes the source embedding, the target embedding and the projection.

    The target embedding is `None` if it is the source embedding. The projection
    is `None` if it is the target embedding. Only the layer that computes the
    logits can have an output bias.
    """
    target_size = config.target_vocabulary_size or config.vocabulary_size

    def embedding(name, size, is_projection):
        return layers.TokenEmbedding(
            size,
            config.model_dim,
            config.embedding_scale,
            config.embedding_initializer,
            # As in Marian and Tensor2Tensor: if the start id is the padding id,
            # its embedding is a zero vector.
            zero_id=config.pad_id if config.start_id == config.pad_id else None,
            output_bias=is_projection and config.biases == "all",
            name=name,
            dtype=dtype,
        )

    if config.tying == "all":
        return embedding("embedding", config.vocabulary_size, True), None, None
    source = embedding("source_embedding", config.vocabulary_size, False)
    if config.tying == "target":
        return source, embedding("target_embedding", target_size, True), None
    return (
        source,
        embedding("target_embedding", target_size, False),
        embedding("projection", target_size, True),
    )


def _check(config):
    if not isinstance(config, configs.TransformerConfig):
        raise ValueError(
            f"A TransformerConfig is expected. Received: {config!r}. Take one "
            "of PRESETS, or make one."
        )
    for name in (
        "vocabulary_size",
        "num_encoder_layers",
        "num_decoder_layers",
        "model_dim",
        "num_heads",
        "feed_forward_dim",
        "max_positions",
    ):
        checks.check_size(name, getattr(config, name))
    for name in ("num_key_value_heads", "target_vocabulary_size"):
        if getattr(config, name) is not None:
            checks.check_size(name, getattr(config, name))
    for name, known in (
        ("positions", POSITIONS),
        ("norm", NORMS),
        ("activation", tuple(ACTIVATIONS)),
        ("biases", BIASES),
        ("tying", TYINGS),
    ):
        checks.check_name(name, getattr(config, name), known)
    checks.check_positive("epsilon", config.epsilon)
    target_size = config.target_vocabulary_size
    if config.tying == "all" and target_size is not None:
        raise ValueError(
            "Source and target can share one matrix only if they share one "
            "vocabulary. Received: tying='all', vocabulary_size="
            f"{config.vocabulary_size}, target_vocabulary_size={target_size}. "
            "Use tying='target' or 'none'."
        )
