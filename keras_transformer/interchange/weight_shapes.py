"""Finds the names and shapes of the weights of a model from its config.

Arrays in files are checked against these shapes before a model is made. The
weights of relative positions are left out, because `interchange` neither
imports nor exports models with relative positions.
"""

from keras_transformer.layers import sinusoids
from keras_transformer.models import building
from keras_transformer.models import config as configs

PROJECTIONS = ("query", "key", "value", "output")
# The names of the attentions of a block, for each stack.
ATTENTIONS = {
    "encoder": ("attention",),
    "decoder": ("self_attention", "cross_attention"),
}


def weight_shapes(
    config: configs.TransformerConfig,
) -> dict[str, tuple[int, ...]]:
    """Returns the shapes of the weights that `build_transformer` makes.

    The weights of relative positions are left out.

    Args:
        config: the architecture.

    Returns:
        A dict from the path of each weight to its shape. The paths do not begin
        with the model's name.

    Example:

    >>> config = configs.TransformerConfig(11, 1, 1, 4, 2, 7)
    >>> weight_shapes(config)["encoder/block_1/feed_forward/expand/kernel"]
    (4, 7)
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for stack, attentions in ATTENTIONS.items():
        shapes |= _positions(config, f"{stack}/positions")
        for block in block_names(config, stack):
            for attention in attentions:
                shapes |= _attention(config, f"{block}/{attention}")
                shapes |= _norm(config, f"{block}/{attention}_residual/norm")
            shapes |= _feed_forward(config, f"{block}/feed_forward")
            shapes |= _norm(config, f"{block}/feed_forward_residual/norm")
        if config.normalization == "pre":
            shapes |= _norm(config, f"{stack}/final_norm")
    return shapes | _embeddings(config)


def block_names(config: configs.TransformerConfig, stack: str) -> list[str]:
    """Returns the paths of the blocks of the stack `"encoder"` or `"decoder"`.

    Example:

    >>> block_names(configs.TransformerConfig(num_decoder_layers=2), "decoder")
    ['decoder/block_1', 'decoder/block_2']
    """
    count = getattr(config, f"num_{stack}_layers")
    return [f"{stack}/block_{i + 1}" for i in range(count)]


def embedding_names(config: configs.TransformerConfig) -> tuple[str, str, str]:
    """Returns the paths of source embedding, target embedding and projection.

    The projection computes the logits. Tied layers have the same path.

    Example:

    >>> embedding_names(configs.TransformerConfig(tying="target"))
    ('source_embedding', 'target_embedding', 'target_embedding')
    """
    if config.tying == "all":
        return "embedding", "embedding", "embedding"
    if config.tying == "target":
        return "source_embedding", "target_embedding", "target_embedding"
    return "source_embedding", "target_embedding", "projection"


def has_known_positions(config: configs.TransformerConfig) -> bool:
    """Returns whether positions are sinusoids, `learned` or `rotary`.

    These are the positions that can be exported to CTranslate2.
    """
    return config.positions in (*sinusoids.FORMS, "learned", "rotary")


def _has_biases(config, least):
    names = building.BIASES
    return names.index(config.biases) >= names.index(least)


def _attention(config, name):
    model_dim = config.model_dim
    head_dim = model_dim // config.num_heads
    key_dim = head_dim * (config.num_key_value_heads or config.num_heads)
    sizes = dict.fromkeys(PROJECTIONS, model_dim)
    sizes |= {"key": key_dim, "value": key_dim}
    shapes: dict[str, tuple[int, ...]] = {}
    for projection, size in sizes.items():
        shapes[f"{name}/{projection}_kernel"] = (model_dim, size)
        if _has_biases(config, "blocks"):
            shapes[f"{name}/{projection}_bias"] = (size,)
    return shapes


def _feed_forward(config, name):
    model_dim, inner_dim = config.model_dim, config.feed_forward_dim
    sizes = {
        "expand": (model_dim, inner_dim),
        "contract": (inner_dim, model_dim),
    }
    if config.activation.endswith("glu"):
        sizes["gate"] = sizes["expand"]
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, size in sizes.items():
        shapes[f"{name}/{layer}/kernel"] = size
        if _has_biases(config, "feed_forward"):
            shapes[f"{name}/{layer}/bias"] = size[1:]
    return shapes


def _positions(config, name):
    table = (config.max_positions, config.model_dim)
    if config.positions == "learned":
        return {f"{name}/encodings": table}
    if config.positions == "learned_normalized":
        return {
            f"{name}/positions/encodings": table,
            **_norm(config, f"{name}/norm"),
        }
    return {}


def _norm(config, name):
    weights = {"layer": ("gamma", "beta"), "rms": ("scale",)}[config.norm]
    return {f"{name}/{weight}": (config.model_dim,) for weight in weights}


def _embeddings(config):
    source, target, projection = embedding_names(config)
    size = config.vocabulary_size
    target_size = config.target_vocabulary_size or size
    shapes: dict[str, tuple[int, ...]] = {
        f"{source}/embeddings": (size, config.model_dim),
        f"{target}/embeddings": (target_size, config.model_dim),
        f"{projection}/embeddings": (target_size, config.model_dim),
    }
    if _has_biases(config, "all"):
        shapes[f"{projection}/bias"] = (target_size,)
    return shapes
