"""The names of the arrays of Tensor2Tensor, and the mapping to our weights."""

import re
from collections.abc import Mapping

from keras_transformer.interchange import mapping, weight_shapes
from keras_transformer.models import config as configs

# The names that the import gives to the embedding matrices. A checkpoint has
# each matrix in parts, which the import joins.
SOURCE, TARGET, PROJECTION = "input_emb", "target_emb", "softmax"
EMBEDDINGS = (SOURCE, TARGET, PROJECTION, "shared")
# The matrix with one vector for each target space. A target space is a kind of
# output, such as subwords of one language.
SPACE = "target_space_embedding/kernel"
_BODY = re.compile(r"^(?:.*/)?body/((?:encoder|decoder)/.*|" + SPACE + r")$")
_INNER = "encoder/layer_0/ffn/conv1/kernel"
_NORM = "layer_prepostprocess/layer_norm"
_ATTENTIONS = {
    "attention": "self_attention",
    "self_attention": "self_attention",
    "cross_attention": "encdec_attention",
}
_PROJECTIONS = {
    "query": "q",
    "key": "k",
    "value": "v",
    "output": "output_transform",
}


def of_model(
    names: Mapping[str, tuple[int, ...]], where: object
) -> dict[str, str]:
    """Returns the full name of each array of the model, by its short name.

    A short name is the part after `body/`. It begins with `encoder/` or
    `decoder/`, or it is `SPACE`. All other arrays are left out, such as the
    embeddings of tokens. Arrays of the optimizer are left out too: they are in
    the scope `training`, or have the name of another array and a suffix, such
    as `kernel/Adam`.

    Args:
        names: the shapes of all arrays, by their full names.
        where: the checkpoint, for messages.

    Raises:
        ValueError: two arrays have the same short name.

    Example:

    >>> of_model({"transformer/body/encoder/a": (3,)}, "model.ckpt-1")
    {'encoder/a': 'transformer/body/encoder/a'}
    """
    full_names: dict[str, str] = {}
    for name in names:
        match = _BODY.match(name)
        if (
            match is None
            or name.startswith("training/")
            or name.rsplit("/", 1)[0] in names
        ):
            continue
        if match[1] in full_names:
            raise ValueError(
                f"{where} has two models. Received: {name!r} and "
                f"{full_names[match[1]]!r}. Expected the checkpoint of one "
                "problem."
            )
        full_names[match[1]] = name
    return full_names


def sizes(
    shapes: Mapping[str, tuple[int, ...]], where: object
) -> tuple[int, int]:
    """Returns `model_dim` and `feed_forward_dim`.

    Args:
        shapes: the shapes of arrays, by their short names.
        where: the checkpoint, for messages.

    Raises:
        ValueError: the first feed-forward kernel of the encoder is missing, is
            not a matrix, or is empty.
    """
    shape = shapes.get(_INNER, ())
    if len(shape) != 2 or min(shape) < 1:
        raise ValueError(
            f"{where} has no matrix {_INNER}. Received: arrays such as "
            f"{sorted(shapes)[:2]}. Expected the checkpoint of a Transformer "
            "of Tensor2Tensor. See docs/interchange.md."
        )
    return shape[0], shape[1]


def has_final_norm(shapes: Mapping[str, tuple[int, ...]]) -> bool:
    """Returns whether the encoder ends with a norm, as in pre-norm models.

    Args:
        shapes: the shapes of arrays, by their short names.
    """
    return f"encoder/{_NORM}/layer_norm_scale" in shapes


def count_layers(shapes: Mapping[str, tuple[int, ...]], stack: str) -> int:
    """Returns the number of layers of a stack.

    Args:
        shapes: the shapes of arrays, by their short names.
        stack: `"encoder"` or `"decoder"`.

    Example:

    >>> count_layers({"encoder/layer_0/a": (), "encoder/layer_1/a": ()},
    ...     "encoder")
    2
    """
    matches = (re.match(rf"{stack}/layer_(\d+)/", name) for name in shapes)
    return len({match[1] for match in matches if match})


def entries(config: configs.TransformerConfig) -> list[mapping.Entry]:
    """Returns the mapping from arrays of Tensor2Tensor to all our weights.

    Args:
        config: the architecture.
    """
    made = []
    for stack, attentions in weight_shapes.ATTENTIONS.items():
        for i, ours in enumerate(weight_shapes.block_names(config, stack)):
            theirs = f"{stack}/layer_{i}"
            for attention in attentions:
                name = f"{theirs}/{_ATTENTIONS[attention]}"
                made += [
                    mapping.Entry(
                        f"{name}/multihead_attention/{linear}/kernel",
                        (f"{ours}/{attention}/{projection}_kernel",),
                    )
                    for projection, linear in _PROJECTIONS.items()
                ]
                made += _norm(name, f"{ours}/{attention}_residual/norm")
            for layer, linear in (("expand", "conv1"), ("contract", "conv2")):
                made += [
                    mapping.Entry(
                        f"{theirs}/ffn/{linear}/{name}",
                        (f"{ours}/feed_forward/{layer}/{name}",),
                    )
                    for name in ("kernel", "bias")
                ]
            made += _norm(f"{theirs}/ffn", f"{ours}/feed_forward_residual/norm")
        if config.normalization == "pre":
            made += _norm(stack, f"{stack}/final_norm")
    source, target, projection = weight_shapes.embedding_names(config)
    names = {projection: PROJECTION, target: TARGET, source: SOURCE}
    if config.tying == "target":
        names[target] = "shared"
    return [
        *made,
        *(
            mapping.Entry(name, (f"{ours}/embeddings",))
            for ours, name in names.items()
        ),
    ]


def _norm(theirs, ours):
    return [
        mapping.Entry(f"{theirs}/{_NORM}/layer_norm_scale", (f"{ours}/gamma",)),
        mapping.Entry(f"{theirs}/{_NORM}/layer_norm_bias", (f"{ours}/beta",)),
    ]
