"""The rows of the table: every layer and model, and how each is called.

B batch   T target length   S source length   D model_dim   H heads
K head_dim   N key-value heads   F feed_forward_dim   V vocabulary_size
"""

import dataclasses

import keras

from keras_transformer import layers, models
from tests.conformance import users
from tests.conformance.row import Row

# Sizes are distinct; rotary attention needs an even K.
D, H, K, F, V = 14, 2, 7, 11, 13
ROTARY_D, ROTARY_H, ROTARY_N = 24, 4, 2
B, T, S = 3, 5, 7
# Lengths of long sequences. bfloat16 has all whole numbers up to 256, half the
# length; float16 has all whole numbers up to 2048.
LONG = {"bfloat16": 512, "float16": 2048}

ONE_POSITION = "it sees one position at a time, so padding is like the rest"
NO_ATTENTION = "it has no attention and so no logits of one"


def plain_attention():
    return layers.MultiHeadAttention(D, H)


def modern_attention_settings():
    return {
        "model_dim": ROTARY_D,
        "num_heads": ROTARY_H,
        "num_key_value_heads": ROTARY_N,
        "use_bias": True,
        "positions": layers.RotaryPositions("interleaved", 1000.0),
        "gain": 0.5,
        "dropout": 0.2,
    }


def relative_attention():
    return layers.MultiHeadAttention(
        D, H, positions=layers.RelativePositions(max_distance=3)
    )


def block_settings():
    return {
        "attention": plain_attention(),
        "feed_forward": layers.FeedForward(D, F),
        "norm": keras.layers.LayerNormalization(epsilon=1e-5),
        "dropout": 0.3,
        "normalization": "post",
    }


def stack_settings():
    return {
        "num_layers": 2,
        **block_settings(),
        "positions": layers.SinusoidalPositions("half"),
    }


def modern_settings():
    return {
        "num_layers": 2,
        "attention": layers.MultiHeadAttention(**modern_attention_settings()),
        "feed_forward": layers.GatedFeedForward(ROTARY_D, F),
        "norm": keras.layers.RMSNormalization(epsilon=1e-5),
        "dropout": 0.3,
        "normalization": "pre",
    }


def relative_block_settings():
    return {
        **block_settings(),
        "attention": relative_attention(),
    }


def model_row(name, roundings, convention=None, **changes):
    config = dataclasses.replace(
        models.TransformerConfig(), **{"vocabulary_size": V, **changes}
    )
    if convention is not None:
        config = models.convention(convention).apply(config)
    return Row(
        f"Transformer_{name}",
        models.Transformer,
        lambda: {"pad_id": config.pad_id, "start_id": config.start_id},
        {"source_ids": "B S", "target_input_ids": "B T"},
        outputs=("float32",),
        roundings=roundings,
        make=lambda dtype: models.build_transformer(config, dtype=dtype),
    )


_SELF = {"inputs": f"B S {D}", "mask": "B S"}
_CROSS = {
    "inputs": f"B T {D}",
    "memory": f"B S {D}",
    "inputs_mask": "B T",
    "memory_mask": "B S",
}

ROWS = (
    Row(
        "SinusoidalPositions",
        layers.SinusoidalPositions,
        lambda: {"form": "fairseq"},
        {"inputs": f"B T {D}", "mask": "B T"},
        without={"sharp": NO_ATTENTION},
        roundings=1.5,
    ),
    Row(
        "LearnedPositions",
        layers.LearnedPositions,
        lambda: {"max_length": max(LONG.values()) + 5},
        {"inputs": f"B T {D}", "mask": "B T"},
        constants={"start": 2},
        without={"sharp": NO_ATTENTION},
        roundings=1.5,
    ),
    Row(
        "NormalizedPositions",
        layers.NormalizedPositions,
        lambda: {
            "positions": layers.LearnedPositions(max(LONG.values()) + 5),
            "norm": keras.layers.LayerNormalization(epsilon=1e-4),
        },
        {"inputs": f"B T {D}", "mask": "B T"},
        constants={"start": 2},
        without={"sharp": NO_ATTENTION},
        roundings=3,
    ),
    Row(
        "RotaryPositions",
        layers.RotaryPositions,
        lambda: {"layout": "interleaved", "base": 100.0},
        {"inputs": f"B T {ROTARY_H} {ROTARY_D // ROTARY_H}"},
        constants={"start": 2},
        without={"padded": ONE_POSITION, "sharp": NO_ATTENTION},
        roundings=1.5,
    ),
    Row(
        "RelativePositions",
        layers.RelativePositions,
        lambda: {"max_distance": 3},
        {
            "query": f"B T {ROTARY_H} {K}",
            "key": f"B S {ROTARY_N} {K}",
            "value": f"B S {ROTARY_N} {K}",
            "attention_mask": "B T S",
        },
        constants={"start": 1},
        outputs=("compute", "float32"),
        # On the CPU, TensorFlow sums float16 values in float16.
        roundings=17,
    ),
    Row(
        "TokenEmbedding",
        layers.TokenEmbedding,
        lambda: {
            "vocabulary_size": V,
            "model_dim": D,
            "initializer": "uniform",
            "zero_id": 0,
        },
        {"ids": "B T"},
        without={"sharp": NO_ATTENTION},
        roundings=1.5,
    ),
    Row(
        "TokenEmbedding_logits",
        layers.TokenEmbedding,
        lambda: {
            "vocabulary_size": V,
            "model_dim": D,
            "scale": "none",
            "output_bias": True,
        },
        {"ids": "B T"},
        outputs=("float32",),
        without={"sharp": NO_ATTENTION},
        user=users.LogitsOfEmbedded,
        roundings=1.5,
    ),
    Row(
        "FeedForward",
        layers.FeedForward,
        lambda: {
            "model_dim": D,
            "feed_forward_dim": F,
            "activation": "gelu",
            "use_bias": False,
            "dropout": 0.2,
        },
        {"inputs": f"B T {D}"},
        without={"padded": ONE_POSITION, "sharp": NO_ATTENTION},
    ),
    Row(
        "GatedFeedForward",
        layers.GatedFeedForward,
        lambda: {
            "model_dim": D,
            "feed_forward_dim": F,
            "activation": "relu",
            "use_bias": True,
            "dropout": 0.2,
        },
        {"inputs": f"B T {D}"},
        without={"padded": ONE_POSITION, "sharp": NO_ATTENTION},
    ),
    Row(
        "Residual_pre",
        layers.Residual,
        lambda: {"model_dim": D, "dropout": 0.3},
        {"inputs": f"B T {D}"},
        without={"padded": ONE_POSITION, "sharp": NO_ATTENTION},
        user=users.TanhInResidual,
        roundings=1.5,
    ),
    Row(
        "Residual_post",
        layers.Residual,
        lambda: {
            "model_dim": D,
            "normalization": "post",
            "norm": keras.layers.RMSNormalization(epsilon=1e-4),
        },
        {"inputs": f"B T {D}"},
        without={"padded": ONE_POSITION, "sharp": NO_ATTENTION},
        user=users.TanhInResidual,
        roundings=1.5,
    ),
    Row(
        "MultiHeadAttention_plain",
        layers.MultiHeadAttention,
        lambda: {"model_dim": D, "num_heads": H},
        {"inputs": f"B T {D}", "memory": f"B S {D}", "attention_mask": "B T S"},
        constants={"return_attention_scores": True},
        outputs=("compute", "float32"),
        roundings=5,
    ),
    Row(
        "MultiHeadAttention_modern",
        layers.MultiHeadAttention,
        modern_attention_settings,
        {"inputs": f"B T {ROTARY_D}", "attention_mask": "B T"},
    ),
    Row(
        "MultiHeadAttention_relative",
        layers.MultiHeadAttention,
        lambda: {
            "model_dim": D,
            "num_heads": H,
            "positions": layers.RelativePositions(max_distance=3),
        },
        {"inputs": f"B T {D}", "attention_mask": "B T"},
        roundings=8,
    ),
    Row(
        "EncoderBlock",
        layers.EncoderBlock,
        block_settings,
        _SELF,
        constants={"return_attention_scores": True},
        outputs=("compute", "float32"),
        roundings=5,
    ),
    Row(
        "CausalBlock",
        layers.CausalBlock,
        relative_block_settings,
        {"inputs": f"B T {D}", "mask": "B T"},
        constants={"return_attention_scores": True},
        outputs=("compute", "float32"),
        roundings=7,
    ),
    Row(
        "DecoderBlock",
        layers.DecoderBlock,
        relative_block_settings,
        _CROSS,
        constants={"return_attention_scores": True},
        outputs=("compute", "float32", "float32"),
        roundings=7,
    ),
    Row("Encoder_sinusoidal", layers.Encoder, stack_settings, _SELF),
    Row(
        "Encoder_modern",
        layers.Encoder,
        modern_settings,
        {**_SELF, "inputs": f"B S {ROTARY_D}"},
        constants={"return_attention_scores": True},
        outputs=("compute", "float32"),
        roundings=7,
    ),
    Row("Decoder_sinusoidal", layers.Decoder, stack_settings, _CROSS),
    Row(
        "Decoder_modern",
        layers.Decoder,
        modern_settings,
        {**_CROSS, "inputs": f"B T {ROTARY_D}", "memory": f"B S {ROTARY_D}"},
        constants={"return_attention_scores": True},
        outputs=("compute", "float32", "float32"),
        roundings=7,
    ),
    model_row(
        "paper",
        roundings=6,
        convention="paper",
        num_encoder_layers=1,
        num_decoder_layers=2,
        model_dim=D,
        num_heads=H,
        feed_forward_dim=F,
    ),
    model_row(
        "marian",
        roundings=6,
        convention="marian",
        num_encoder_layers=1,
        num_decoder_layers=1,
        model_dim=D,
        num_heads=H,
        feed_forward_dim=F,
        target_vocabulary_size=17,
        tying="none",
    ),
    model_row(
        "modern",
        roundings=6,
        num_encoder_layers=1,
        num_decoder_layers=1,
        model_dim=ROTARY_D,
        num_heads=ROTARY_H,
        num_key_value_heads=ROTARY_N,
        feed_forward_dim=F,
        normalization="pre",
        positions="rotary",
        norm="rms",
        activation="swiglu",
        biases="none",
    ),
)
