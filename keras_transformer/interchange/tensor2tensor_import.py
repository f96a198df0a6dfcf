"""Reads a Transformer of Tensor2Tensor from its checkpoint.

These files of github.com/tensorflow/tensor2tensor define the names of the
arrays, the shards of the embeddings and the vectors of target spaces:
`tensor2tensor/models/transformer.py`, `tensor2tensor/layers/modalities.py`,
`tensor2tensor/layers/common_layers.py` and
`tensor2tensor/layers/common_attention.py`. A target space is a kind of output,
such as the subwords of one language. The vector of the target space is added to
all source embeddings.
"""

import dataclasses
import os
import pathlib
import re

import numpy as np

from keras_transformer import text
from keras_transformer.interchange import (
    checkpoint_file,
    imported,
    mapping,
    tensor2tensor_names,
    transformers_files,
    weight_shapes,
)
from keras_transformer.models import config as configs

HPARAMS = "hparams.json"
# The ids that all vocabularies of Tensor2Tensor reserve.
_PAD, _END = 0, 1
# The number of heads for each `model_dim`, in `transformer_base` and
# `transformer_big`. `read` uses this number if `hparams.json` does not have it.
_HEADS = {512: 8, 1024: 16}
# The supported values of settings. The first value is the value in
# `transformer_base`. A missing setting is read as the first value.
_EXPECTED = {
    "pos": ("timing",),
    "norm_type": ("layer",),
    "ffn_layer": ("dense_relu_dense", "conv_hidden_relu"),
    "self_attention_type": ("dot_product",),
    "multiply_embedding_mode": ("sqrt_depth",),
    "attention_key_channels": (0,),
    "attention_value_channels": (0,),
    "proximity_bias": (False,),
    "parameter_attention_key_channels": (0,),
    "causal_decoder_self_attention": (True,),
}
_SHARD = re.compile(
    r"symbol_modality_\d+_\d+/(shared|input_emb|target_emb|softmax)/"
    r"weights_(\d+)$"
)
# The search and the limits of lengths that `t2t-decoder` uses by default.
SETTINGS = {
    "beam_size": 4,
    "length_penalty": 0.6,
    "length_penalty_form": "gnmt",
    "normalized_over": "all",
}
LENGTHS = {"ratio": 1.0, "extra": 100}


def read(
    path: str | os.PathLike[str], target_space: int = 0
) -> imported.Imported:
    """Reads a directory with a model of Tensor2Tensor.

    The model must be for a problem `translate_*`. In Tensor2Tensor, a problem
    is a task with its data.

    Args:
        path: a directory with a checkpoint, a vocabulary and `hparams.json`.
            The name of the vocabulary begins with `vocab.`. `hparams.json` may
            be missing only if `model_dim` is 512 or 1024.
        target_space: the id of the target space. If the checkpoint has vectors
            of target spaces, the vector of this id is added to all source
            embeddings; otherwise the id is not used. The right id is 0, unless
            the problem has its own `target_space_id`.

    Raises:
        FileNotFoundError: there is no checkpoint or no vocabulary.
        ValueError: a file is damaged, files do not fit together, there are
            several vocabularies, the number of heads is unknown, the
            architecture is not supported, or there is no such target space.
    """
    directory = pathlib.Path(path)
    prefix = checkpoint_file.find(directory)
    pieces = read_pieces(_vocabulary(directory))
    settings = _settings(directory)
    checkpoint = checkpoint_file.Checkpoint(prefix)
    names = tensor2tensor_names.of_model(checkpoint.shapes, prefix)
    shapes = {name: checkpoint.shapes[full] for name, full in names.items()}
    config = _architecture(settings, shapes, prefix)
    arrays = _embeddings(checkpoint)
    arrays |= {name: checkpoint.read(full) for name, full in names.items()}
    config, arrays = _with_space(config, arrays, target_space, prefix)
    config = dataclasses.replace(
        config, vocabulary_size=len(arrays[tensor2tensor_names.SOURCE])
    )
    entries = tensor2tensor_names.entries(config)
    mapping.check_all_read(
        entries, arrays, tensor2tensor_names.EMBEDDINGS, str(prefix)
    )
    return imported.Imported(
        config,
        mapping.to_ours(
            entries, arrays, weight_shapes.weight_shapes(config), str(prefix)
        ),
        _tokenizer(pieces, config.vocabulary_size, directory),
        None,
        SETTINGS,
        LENGTHS,
        {"system": "tensor2tensor", "checkpoint": prefix.name},
    )


def read_pieces(path: pathlib.Path) -> list[str]:
    """Reads the pieces of a vocabulary, one from each line.

    White space around a piece is removed first, then a pair of equal quotes.

    Args:
        path: the file of the vocabulary.

    Raises:
        ValueError: the file is not UTF-8.
    """
    try:
        lines = path.read_bytes().decode("utf-8").split("\n")
    except ValueError as error:
        raise ValueError(
            f"{path} is not a vocabulary ({error}). Copy it again from the "
            "original."
        ) from error
    if lines and not lines[-1]:
        lines.pop()
    pieces = []
    for line in lines:
        piece = line.strip()
        if len(piece) > 1 and piece[0] == piece[-1] and piece[0] in "'\"":
            piece = piece[1:-1]
        pieces.append(piece)
    return pieces


def _vocabulary(directory):
    """Returns the path of the vocabulary; several vocabularies are an error."""
    paths = sorted(directory.glob("vocab.*"))
    if not paths:
        raise FileNotFoundError(
            f"{directory} has no vocabulary. Expected a file such as "
            "vocab.translate_ende_wmt32k.32768.subwords. Copy it from the "
            "--data_dir of the training."
        )
    if len(paths) > 1:
        raise transformers_files.unsupported(
            directory,
            "vocabularies",
            [path.name for path in paths],
            ("one for both languages",),
        )
    return paths[0]


def _settings(directory):
    """Reads and checks `hparams.json`; without it, all settings are missing."""
    path = directory / HPARAMS
    content = transformers_files.read_json(path) if path.is_file() else {}
    settings = transformers_files.Settings(path, content)
    for name, supported in _EXPECTED.items():
        settings.expect(name, supported)
    return settings


def _architecture(settings, shapes, prefix):
    """Returns the architecture, except its vocabulary size and `tying`."""
    model_dim, inner_dim = tensor2tensor_names.sizes(shapes, prefix)
    is_pre = tensor2tensor_names.has_final_norm(shapes)
    settings.expect("layer_preprocess_sequence", ("n" if is_pre else "none",))
    settings.expect("layer_postprocess_sequence", ("da" if is_pre else "dan",))
    default = _HEADS.get(model_dim)
    if settings.get("num_heads", default) is None:
        raise ValueError(
            f"The number of heads is unknown: {settings.path} is missing or "
            f"has no num_heads. Received: a model of dimension {model_dim}. "
            "Copy the file from the --output_dir of the training."
        )
    num_heads = settings.size("num_heads", default)
    if model_dim % num_heads or model_dim % 2:
        raise transformers_files.unsupported(
            settings.path,
            "num_heads",
            num_heads,
            (f"divisors of the dimension {model_dim}",),
        )
    return configs.TransformerConfig(
        num_encoder_layers=tensor2tensor_names.count_layers(shapes, "encoder"),
        num_decoder_layers=tensor2tensor_names.count_layers(shapes, "decoder"),
        model_dim=model_dim,
        num_heads=num_heads,
        feed_forward_dim=inner_dim,
        dropout=settings.number("layer_prepostprocess_dropout", 0.1),
        normalization="pre" if is_pre else "post",
        positions="tensor2tensor",
        epsilon=settings.number("norm_epsilon", 1e-6),
        pad_id=_PAD,
        start_id=_PAD,
    )


def _embeddings(checkpoint):
    """Returns the matrices of embeddings, joined from their shards."""
    shards: dict[str, dict[int, str]] = {}
    for full in checkpoint.shapes:
        match = _SHARD.search(full)
        if match:
            shards.setdefault(match[1], {})[int(match[2])] = full
    arrays = {}
    for kind, names in shards.items():
        # If a shard is missing, the matrix has too few rows. Later checks of
        # the shapes and of the vocabulary report this.
        matrices = [checkpoint.read(names[i]) for i in sorted(names)]
        if (
            len({each.shape[1:] for each in matrices}) > 1
            or matrices[0].ndim != 2
        ):
            raise ValueError(
                f"{checkpoint.where}: the shards of {kind} must be matrices "
                "of one width. Received: shapes "
                f"{[each.shape for each in matrices][:3]}. Copy all files of "
                "the checkpoint again from the original."
            )
        arrays[kind] = np.concatenate(matrices)
    if "shared" in arrays:
        arrays[tensor2tensor_names.SOURCE] = arrays["shared"]
    for name in (tensor2tensor_names.SOURCE, tensor2tensor_names.TARGET):
        if name not in arrays and "shared" not in arrays:
            raise ValueError(
                f"{checkpoint.where} has no embeddings {name!r}. Received: "
                f"{sorted(arrays)}. Expected a translate_* problem with one "
                "vocabulary of subwords."
            )
    return arrays


def _with_space(config, arrays, target_space, prefix):
    """Returns the architecture with its `tying`, and the arrays.

    If the checkpoint has vectors of target spaces, one of these vectors is
    added to the source embeddings.
    """
    tying = "all" if "shared" in arrays else "none"
    table = arrays.pop(tensor2tensor_names.SPACE, None)
    if "shared" in arrays and "softmax" in arrays:
        # Source and target share their embeddings, but the projection has
        # another matrix. `tying` has no value for this. So no layers are tied,
        # and the target embedding gets a copy of the shared matrix.
        tying = "none"
        arrays[tensor2tensor_names.TARGET] = arrays["shared"]
    if table is None:
        return dataclasses.replace(config, tying=tying), arrays
    if table.ndim != 2 or not 0 <= target_space < len(table):
        raise ValueError(
            f"{prefix} has vectors of target spaces of the shape "
            f"{table.shape}. Received: --target_space={target_space}. Give "
            "the target_space_id of the problem."
        )
    if table.shape[1] != config.model_dim:
        raise ValueError(
            f"{prefix}: the vectors of target spaces do not fit. Received: "
            f"shape {table.shape}. Expected: {config.model_dim} columns. Copy "
            "the files again from the original."
        )
    # Tensor2Tensor multiplies embeddings by sqrt(model_dim), but not the vector
    # of the target space. Our model multiplies the sum of both. So the vector
    # is divided by sqrt(model_dim) first.
    added = table[target_space] / np.float32(config.model_dim**0.5)
    arrays[tensor2tensor_names.SOURCE] = (
        arrays[tensor2tensor_names.SOURCE] + added
    )
    tying = {"all": "target"}.get(tying, tying)
    return dataclasses.replace(config, tying=tying), arrays


def _tokenizer(pieces, size, directory):
    """Returns the tokenizer. Ids without a piece get an empty piece."""
    if len(pieces) > size:
        raise ValueError(
            f"{directory}: the vocabulary does not belong to the model. "
            f"Received: {len(pieces)} pieces. Expected at most {size}. Take "
            "all files from the same model."
        )
    ids = text.SpecialIds(pad=_PAD, begin=None, end=_END, unknown=None)
    pieces = [*pieces, *[""] * (size - len(pieces))]
    try:
        return text.EscapedSubwords(pieces, ids)
    except ValueError as error:
        raise ValueError(f"{directory}: {error}") from error
