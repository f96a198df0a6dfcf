"""Reads a Transformer of OpenNMT-tf, version 2, from its checkpoint.

These files of github.com/OpenNMT/OpenNMT-tf define the names of the arrays, the
scale of the embeddings and the positions (the first position is 1):
`opennmt/models/transformer.py`, `opennmt/layers/transformer.py`,
`opennmt/layers/common.py` and `opennmt/layers/position.py`.
"""

import dataclasses
import os
import pathlib
import re
from typing import Any

import numpy as np

from keras_transformer import text
from keras_transformer.interchange import (
    checkpoint_file,
    imported,
    mapping,
    token_files,
    weight_shapes,
)
from keras_transformer.models import config as configs

_VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"
_SLOT = ".OPTIMIZER_SLOT"
_SOURCE = "model/examples_inputter/features_inputter/embedding"
_TARGET = "model/examples_inputter/labels_inputter/embedding"
_PROJECTION = "model/decoder/output_layer/kernel"
_BIAS = "model/decoder/output_layer/bias"
# The number of heads for each `model_dim`, in the models TransformerTiny,
# TransformerBase and TransformerBig.
_HEADS = {64: 2, 512: 8, 1024: 16}
# The epsilon of norms. OpenNMT-tf uses `tf.keras.layers.LayerNormalization`
# with its default epsilon.
_EPSILON = 1e-3
# The ids of `<blank>`, `<s>` and `</s>` are fixed in OpenNMT-tf.
_PAD, _BEGIN, _END = 0, 1, 2
_ATTENTIONS = {
    "attention": "self_attention",
    "self_attention": "self_attention",
    "cross_attention": "attention/0",
}
_PROJECTIONS = {
    "query": "linear_queries",
    "key": "linear_keys",
    "value": "linear_values",
    "output": "linear_output",
}
SETTINGS = {
    "beam_size": 4,
    "length_penalty": 0.0,
    "length_penalty_form": "gnmt",
    "normalized_over": "all",
}
LENGTHS = {"ratio": 0.0, "extra": 250}


def read(path: str | os.PathLike[str]) -> imported.Imported:
    """Reads a model directory of OpenNMT-tf.

    Args:
        path: a directory with a checkpoint and with vocabularies: either
            `shared_vocabulary.txt`, or `source_vocabulary.txt` and
            `target_vocabulary.txt`. Each line of these files is a token.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is damaged, files do not fit together, or the
            architecture is not supported.
    """
    directory = pathlib.Path(path)
    prefix = checkpoint_file.find(directory)
    vocabularies = token_files.read_pair(directory)
    checkpoint = checkpoint_file.Checkpoint(prefix)
    names = {
        name.removesuffix(_VALUE): name
        for name in checkpoint.shapes
        if name.startswith("model/") and _SLOT not in name
    }
    shapes = {name: checkpoint.shapes[full] for name, full in names.items()}
    config = _architecture(shapes, prefix)
    arrays = {name: checkpoint.read(full) for name, full in names.items()}
    # If source and target share their embedding, the checkpoint may have it
    # only under the name of the source embedding.
    arrays.setdefault(_TARGET, arrays[_SOURCE])
    source, target = (
        _tokenizer(tokens, len(arrays[name]), prefix)
        for tokens, name in zip(vocabularies, (_SOURCE, _TARGET), strict=True)
    )
    is_shared = source.model == target.model
    config = dataclasses.replace(
        config,
        vocabulary_size=source.vocabulary_size,
        target_vocabulary_size=None if is_shared else target.vocabulary_size,
        tying=_tying(arrays, is_shared),
    )
    entries = _entries(config)
    mapping.check_all_read(
        entries, arrays, (_SOURCE, _TARGET, _PROJECTION), str(prefix)
    )
    return imported.Imported(
        config,
        mapping.to_ours(
            entries, arrays, weight_shapes.weight_shapes(config), str(prefix)
        ),
        source,
        None if is_shared else target,
        SETTINGS,
        LENGTHS,
        {"system": "opennmt_tf", "checkpoint": prefix.name},
    )


def _architecture(shapes, prefix):
    """Returns the architecture, except its vocabulary sizes and `tying`."""
    inner = "model/encoder/layers/0/ffn/layer/inner/kernel"
    for name in (_SOURCE, inner):
        if len(shapes.get(name, ())) != 2:
            raise ValueError(
                f"{prefix} has no matrix {name}. Received: arrays such as "
                f"{sorted(shapes)[:2]}. Expected the checkpoint of a "
                "Transformer of OpenNMT-tf 2. See docs/interchange.md."
            )
    model_dim = shapes[_SOURCE][1]
    if model_dim not in _HEADS:
        raise ValueError(
            f"{prefix}: a checkpoint does not say how many heads a model has. "
            f"Received: a model of dimension {model_dim}. Supported: the "
            "models TransformerTiny, TransformerBase and TransformerBig, of "
            f"dimension {', '.join(map(str, _HEADS))}. See "
            "docs/interchange.md."
        )
    counts: dict[str, Any] = {
        f"num_{stack}_layers": len(
            {
                match[1]
                for name in shapes
                if (match := re.match(rf"model/{stack}/layers/(\d+)/", name))
            }
        )
        for stack in ("encoder", "decoder")
    }
    is_pre = "model/encoder/layer_norm/gamma" in shapes
    return configs.TransformerConfig(
        **counts,
        model_dim=model_dim,
        num_heads=_HEADS[model_dim],
        feed_forward_dim=shapes[inner][1],
        normalization="pre" if is_pre else "post",
        positions="tensor2tensor_from_1",
        epsilon=_EPSILON,
        biases="all",
        embedding_initializer="glorot_uniform",
        pad_id=_PAD,
        start_id=_BEGIN,
    )


def _tying(arrays, is_shared):
    """Returns `tying`, as in `TransformerConfig`.

    Layers are tied if their matrices in the checkpoint are equal. A checkpoint
    without a projection uses the target embedding as its projection. The source
    embedding is tied only if the projection is tied too, and if source and
    target have the same vocabulary.
    """
    target, projection = arrays[_TARGET], arrays.get(_PROJECTION)
    if projection is not None and not np.array_equal(target, projection):
        return "none"
    is_one = is_shared and np.array_equal(arrays[_SOURCE], target)
    return "all" if is_one else "target"


def _tokenizer(tokens, size, prefix):
    """Returns a tokenizer of the tokens in a vocabulary file.

    The file does not contain the unknown token, which has the last id of the
    model. So the unknown token is added.

    Args:
        tokens: the tokens in the file, in the order of their ids.
        size: the number of rows of the model's embedding matrix.
        prefix: the path of the checkpoint, for error messages.

    Raises:
        ValueError: the vocabulary is not valid, or does not fit the model.
    """
    if size != len(tokens) + 1:
        raise ValueError(
            f"{prefix}: a vocabulary does not belong to the model. Received: "
            f"{len(tokens)} tokens. Expected: {size - 1}, since the last id of "
            "the model is the unknown token. Take all files from the same "
            "model."
        )
    unknown = "<unk>" if "<unk>" not in tokens else "<unknown>"
    tokens = [*tokens, unknown]
    ids = text.SpecialIds(
        pad=_PAD,
        begin=_BEGIN,
        end=_END,
        unknown=size - 1,
        source_suffix=(),
    )
    try:
        return text.TokenList(tokens, ids)
    except ValueError as error:
        raise ValueError(f"{prefix}: {error}") from error


def _entries(config):
    """Returns the mapping of all weights."""
    made = []
    for stack, attentions in weight_shapes.ATTENTIONS.items():
        for i, ours in enumerate(weight_shapes.block_names(config, stack)):
            theirs = f"model/{stack}/layers/{i}"
            for attention in attentions:
                name = f"{theirs}/{_ATTENTIONS[attention]}"
                for projection, linear in _PROJECTIONS.items():
                    made += _linear(
                        f"{name}/layer/{linear}",
                        f"{ours}/{attention}/{projection}_",
                    )
                made += _norm_of(config, name, f"{ours}/{attention}")
            for layer, linear in (("expand", "inner"), ("contract", "outer")):
                made += _linear(
                    f"{theirs}/ffn/layer/{linear}",
                    f"{ours}/feed_forward/{layer}/",
                )
            made += _norm_of(config, f"{theirs}/ffn", f"{ours}/feed_forward")
        if config.normalization == "pre":
            made += _norm(f"model/{stack}/layer_norm", f"{stack}/final_norm")
    source, target, projection = weight_shapes.embedding_names(config)
    made += [
        mapping.Entry(name, (f"{ours}/embeddings",))
        for ours, name in {target: _TARGET, source: _SOURCE}.items()
    ]
    if config.tying == "none":
        made.append(
            mapping.Entry(_PROJECTION, (f"{projection}/embeddings",), True)
        )
    return [*made, mapping.Entry(_BIAS, (f"{projection}/bias",))]


def _linear(theirs, ours):
    return [
        mapping.Entry(f"{theirs}/{name}", (f"{ours}{name}",))
        for name in ("kernel", "bias")
    ]


def _norm_of(config, theirs, ours):
    side = "input" if config.normalization == "pre" else "output"
    return _norm(f"{theirs}/{side}_layer_norm", f"{ours}_residual/norm")


def _norm(theirs, ours):
    return [
        mapping.Entry(f"{theirs}/{name}", (f"{ours}/{name}",))
        for name in ("gamma", "beta")
    ]
