"""Maps the names of CTranslate2's arrays to the paths of our weights."""

from keras_transformer.interchange import mapping, weight_shapes
from keras_transformer.models import config as configs

# The name of each attention in CTranslate2. The keys are our names.
_ATTENTIONS = {
    "attention": "self_attention",
    "self_attention": "self_attention",
    "cross_attention": "attention",
}
# An attention of CTranslate2 has the matrices `linear_0`, `linear_1` and so on.
# For each matrix, in this order, a tuple lists those of our projections that
# the matrix contains. If there are several, they are concatenated.
_LINEARS = {
    "attention": (("query", "key", "value"), ("output",)),
    "self_attention": (("query", "key", "value"), ("output",)),
    "cross_attention": (("query",), ("key", "value"), ("output",)),
}
_FEED_FORWARDS = {
    False: {"linear_0": "expand", "linear_1": "contract"},
    True: {
        "linear_0": "gate",
        "linear_0_noact": "expand",
        "linear_1": "contract",
    },
}
_NORMS = {
    "layer": {"gamma": "gamma", "beta": "beta"},
    "rms": {"gamma": "scale"},
}


def entries(
    config: configs.TransformerConfig, source_embedding: str
) -> list[mapping.Entry]:
    """Returns the mapping of all weights except those of relative positions.

    Args:
        config: the architecture.
        source_embedding: CTranslate2's name of the source embedding. In files
            of newer versions of CTranslate2, this name ends with a number.
    """
    made = []
    for stack, attentions in weight_shapes.ATTENTIONS.items():
        if config.positions == "learned":
            made.append(
                mapping.Entry(
                    f"{stack}/position_encodings/encodings",
                    (f"{stack}/positions/encodings",),
                )
            )
        for i, ours in enumerate(weight_shapes.block_names(config, stack)):
            theirs = f"{stack}/layer_{i}"
            for attention in attentions:
                made += _attention(
                    f"{theirs}/{_ATTENTIONS[attention]}",
                    f"{ours}/{attention}",
                    _LINEARS[attention],
                )
                made += _norm(
                    config,
                    f"{theirs}/{_ATTENTIONS[attention]}/layer_norm",
                    f"{ours}/{attention}_residual/norm",
                )
            names = _FEED_FORWARDS[config.activation.endswith("glu")]
            for linear, layer in names.items():
                made += _linear(
                    f"{theirs}/ffn/{linear}",
                    [f"{ours}/feed_forward/{layer}/"],
                )
            made += _norm(
                config,
                f"{theirs}/ffn/layer_norm",
                f"{ours}/feed_forward_residual/norm",
            )
        if config.normalization == "pre":
            made += _norm(config, f"{stack}/layer_norm", f"{stack}/final_norm")
    source, target, projection = weight_shapes.embedding_names(config)
    return [
        *made,
        mapping.Entry(f"{source_embedding}/weight", (f"{source}/embeddings",)),
        mapping.Entry("decoder/embeddings/weight", (f"{target}/embeddings",)),
        mapping.Entry(
            "decoder/projection/weight", (f"{projection}/embeddings",)
        ),
        mapping.Entry(
            "decoder/projection/bias", (f"{projection}/bias",), is_optional=True
        ),
    ]


def _attention(theirs, ours, linears):
    made = []
    for i, projections in enumerate(linears):
        made += _linear(
            f"{theirs}/linear_{i}", [f"{ours}/{name}_" for name in projections]
        )
    return made


def _linear(theirs, ours):
    return [
        mapping.Entry(
            f"{theirs}/weight",
            tuple(f"{name}kernel" for name in ours),
            is_transposed=True,
        ),
        mapping.Entry(
            f"{theirs}/bias",
            tuple(f"{name}bias" for name in ours),
            is_optional=True,
        ),
    ]


def _norm(config, theirs, ours):
    return [
        mapping.Entry(f"{theirs}/{their_name}", (f"{ours}/{name}",))
        for their_name, name in _NORMS[config.norm].items()
    ]
