"""Helpers for tests of layers: sizes, random numbers, variants of layers.

B batch   T query/target length   S key/source length   D model_dim   H heads
K head_dim   F feed_forward_dim   L layers
"""

import functools

import keras
import numpy as np

from keras_transformer import layers
from tests.assertions import assert_all_equal

# K is even for rotary positions and H has divisors for shared heads.
B, T, S, H, K, F, L = 3, 5, 7, 6, 4, 11, 2
D = H * K
# The targets have 5, 3 and 1 tokens, the sources 7, 4 and 2.
TARGET_MASK = np.arange(T) < np.array([[5], [3], [1]])
SOURCE_MASK = np.arange(S) < np.array([[7], [4], [2]])
# Less than T, so that some distances are clipped.
MAX_DISTANCE = 2
MAX_LENGTH = 23

SINUSOIDS = (
    "paper",
    "half",
    "tensor2tensor",
    "tensor2tensor_from_1",
    "fairseq",
)
ADDED = (*SINUSOIDS, "learned")
ATTENDED = ("rotary", "rotary_interleaved", "relative")
POSITIONS = (None, *ADDED, *ATTENDED)
# No positions, sinusoids, learned ones, and two kinds inside of attention.
FEW_POSITIONS = (None, "fairseq", "learned", "rotary", "relative")
ACTIVATIONS = {
    "relu": (layers.FeedForward, "relu"),
    "gelu": (layers.FeedForward, "gelu"),
    "silu": (layers.FeedForward, "silu"),
    "reglu": (layers.GatedFeedForward, "relu"),
    "geglu": (layers.GatedFeedForward, "gelu"),
    "swiglu": (layers.GatedFeedForward, "silu"),
}
# Numbers of key-value heads.
SHARED = (1, 2, 3, H)
# Shapes of masks that do not fit attention from T queries to S keys.
WRONG_SHAPES = (
    (B, S + 1),
    # A mask of one key is not broadcast to all keys.
    (B, 1),
    (B, T, 1),
    (B + 1, S),
    (B, S, T),
    (B, T + 1, S),
    (B, H + 1, T, S),
    (B, 1, S, T),
)
# The defaults of settings that a kind does not name.
DEFAULT = {
    "num_heads": H,
    "num_encoder_layers": L,
    "num_decoder_layers": L,
    "num_key_value_heads": None,
    "normalization": "pre",
    "norm": "layer",
    "epsilon": 1e-6,
    "positions": "paper",
    "activation": "relu",
    # Which layers have biases: none, feed_forward, blocks.
    "biases": "feed_forward",
}
# Each value of a setting is in some kind; some kinds have pre-, some post-norm.
KINDS = (
    *(
        {"positions": name, "normalization": ("pre", "post")[i % 2]}
        for i, name in enumerate(POSITIONS)
    ),
    {"normalization": "post", "epsilon": 0.1, "biases": "none"},
    {"num_key_value_heads": 2, "activation": "gelu", "biases": "blocks"},
    {
        "num_key_value_heads": 1,
        "normalization": "post",
        "positions": "relative",
        "activation": "silu",
        "biases": "blocks",
    },
    {
        "num_key_value_heads": 2,
        "positions": "rotary",
        "norm": "rms",
        "epsilon": 1e-5,
        "activation": "swiglu",
        "biases": "none",
    },
    {
        "num_key_value_heads": 3,
        "normalization": "post",
        "positions": "rotary_interleaved",
        "norm": "rms",
        "activation": "geglu",
        "biases": "blocks",
    },
    {"positions": "learned", "norm": "rms", "activation": "reglu"},
)
# Each kind of positions inside of attention, each activation, norm and bias.
FEW = KINDS[-7:]


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def random_mask(*shape, seed=0):
    """Returns a mask, about half True; all queries may attend to key 0."""
    mask = np.random.default_rng(seed).random(shape) < 0.5
    mask[..., 0] = True
    return mask


def drawn(layer):
    """Builds a layer; draws its biases and norms, which start as 0 or 1."""
    if not layer.built:
        layer.build()
    for i, weight in enumerate(layer.trainable_weights):
        if len(weight.shape) == 1:
            weight.assign(random(*weight.shape, seed=100 + i))
    return layer


def inside(name):
    """Returns the positions that act inside of attention, or `None`."""
    return {
        "rotary": layers.RotaryPositions("half"),
        "rotary_interleaved": layers.RotaryPositions("interleaved"),
        "relative": layers.RelativePositions(MAX_DISTANCE),
    }.get(name)


def added(name):
    """Returns the positions that are added to embeddings, or `None`."""
    if name == "learned":
        return layers.LearnedPositions(MAX_LENGTH)
    return layers.SinusoidalPositions(name) if name in SINUSOIDS else None


def for_reference(**kind):
    return {**DEFAULT, **kind}


def block_arguments(**kind):
    """Returns the arguments of a block of a kind, without dropout."""
    kind = {**DEFAULT, **kind}
    feed_forward, activation = ACTIVATIONS[kind["activation"]]
    norm = {
        "layer": keras.layers.LayerNormalization,
        "rms": keras.layers.RMSNormalization,
    }[kind["norm"]]
    return {
        "attention": layers.MultiHeadAttention(
            D,
            H,
            kind["num_key_value_heads"],
            use_bias=kind["biases"] == "blocks",
            positions=inside(kind["positions"]),
        ),
        "feed_forward": feed_forward(
            D, F, activation, use_bias=kind["biases"] != "none"
        ),
        "norm": norm(epsilon=kind["epsilon"]),
        "normalization": kind["normalization"],
    }


def make_stack(stack_class, dropout=0.1, dtype=None, name=None, **kind):
    """Makes an `Encoder` or `Decoder` of a kind, with random weights."""
    return drawn(
        stack_class(
            L,
            **block_arguments(**kind),
            dropout=dropout,
            positions=added({**DEFAULT, **kind}["positions"]),
            dtype=dtype,
            name=name,
        )
    )


@functools.cache
def shared_stack(stack_class, **kind):
    """Returns what `make_stack` makes, once for all tests that only call it."""
    keras.utils.set_random_seed(1)
    return make_stack(stack_class, **kind)


def make_block(block_class, dropout=0.1, **kind):
    """Makes a block of a class and kind, with random weights."""
    return drawn(block_class(**block_arguments(**kind), dropout=dropout))


def stepped(layer, inputs, memory, memory_mask=None, max_length=None):
    """Returns the outputs (B, T, D) of a decoder or block, step by step."""
    state = layer.start(memory, max_length)
    return steps_of(inputs, state, layer.step, memory_mask)


def steps_of(inputs, state, take_step, *others):
    """Returns the outputs (B, T, D) of one step for each column."""
    outputs = []
    for t in range(inputs.shape[1]):
        output, state = take_step(inputs[:, t : t + 1], t, state, *others)
        outputs.append(output)
    return keras.ops.concatenate(outputs, axis=1)


def clones_alike(layer, call):
    """Checks that a layer made from the config computes the same."""
    clone = type(layer).from_config(layer.get_config())
    assert clone.get_config() == layer.get_config()
    clone.build()
    # The seeds of dropout are weights too, but are not trainable.
    assert [weight.path for weight in clone.trainable_weights] == [
        weight.path for weight in layer.trainable_weights
    ]
    for new, old in zip(
        clone.trainable_weights, layer.trainable_weights, strict=True
    ):
        new.assign(old)
    expected = call(layer)
    assert np.std(expected) > 0.01
    assert_all_equal(call(clone), expected)
    return clone


def layers_inside(layer):
    """Returns a layer and all layers inside, at any depth."""
    actual = [layer]
    for value in vars(layer).values():
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, keras.layers.Layer):
                actual += layers_inside(inner)
    return actual
