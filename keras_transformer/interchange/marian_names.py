"""Maps arrays of models of the library transformers to our weights.

The models are Marian, M2M100 (also NLLB) and BART (also mBART). Our weights are
those of the model that `build_transformer` makes.
"""

from keras_transformer.interchange import mapping, weight_shapes
from keras_transformer.models import config as configs

_PROJECTIONS = {
    "query": "q_proj",
    "key": "k_proj",
    "value": "v_proj",
    "output": "out_proj",
}
_ATTENTIONS = {
    "attention": "self_attn",
    "self_attention": "self_attn",
    "cross_attention": "encoder_attn",
}
_FEED_FORWARD = {"expand": "fc1", "contract": "fc2"}
LOGITS_BIAS = "final_logits_bias"


def entries(config: configs.TransformerConfig) -> list[mapping.Entry]:
    """Returns the mapping of all weights that `embeddings` does not map.

    Args:
        config: the architecture.
    """
    made = []
    for stack, attentions in weight_shapes.ATTENTIONS.items():
        for i, ours in enumerate(weight_shapes.block_names(config, stack)):
            theirs = f"model.{stack}.layers.{i}"
            for attention in attentions:
                name = f"{theirs}.{_ATTENTIONS[attention]}"
                for projection, their_name in _PROJECTIONS.items():
                    made += _linear(
                        f"{name}.{their_name}",
                        f"{ours}/{attention}/{projection}_",
                    )
                made += _norm(
                    f"{name}_layer_norm", f"{ours}/{attention}_residual/norm"
                )
            for layer, their_name in _FEED_FORWARD.items():
                made += _linear(
                    f"{theirs}.{their_name}", f"{ours}/feed_forward/{layer}/"
                )
            made += _norm(
                f"{theirs}.final_layer_norm",
                f"{ours}/feed_forward_residual/norm",
            )
        if config.positions == "learned_normalized":
            made += [
                mapping.Entry(
                    f"model.{stack}.embed_positions.weight",
                    (f"{stack}/positions/positions/encodings",),
                ),
                *_norm(
                    f"model.{stack}.layernorm_embedding",
                    f"{stack}/positions/norm",
                ),
            ]
        if config.normalization == "pre":
            made += _norm(f"model.{stack}.layer_norm", f"{stack}/final_norm")
    return made


def embeddings(config: configs.TransformerConfig) -> list[mapping.Entry]:
    """Returns the mapping of the embeddings and of the output projection.

    Args:
        config: the architecture.
    """
    source, target, projection = weight_shapes.embedding_names(config)
    names = {
        source: "model.encoder.embed_tokens.weight",
        target: "model.decoder.embed_tokens.weight",
        projection: "lm_head.weight",
    }
    if config.tying == "target":
        names[target] = "model.decoder.embed_tokens.weight"
    if config.tying == "all":
        names = {source: "model.shared.weight"}
    return [
        *(
            mapping.Entry(theirs, (f"{ours}/embeddings",))
            for ours, theirs in names.items()
        ),
        mapping.Entry(LOGITS_BIAS, (f"{projection}/bias",), is_optional=True),
    ]


def _linear(theirs, ours):
    return [
        mapping.Entry(f"{theirs}.weight", (f"{ours}kernel",), True),
        mapping.Entry(f"{theirs}.bias", (f"{ours}bias",)),
    ]


def _norm(theirs, ours):
    return [
        mapping.Entry(f"{theirs}.weight", (f"{ours}/gamma",)),
        mapping.Entry(f"{theirs}.bias", (f"{ours}/beta",)),
    ]
