"""Reads a Marian or OPUS-MT model that the library transformers saved."""

import json
import os
import pathlib
from typing import Any

import numpy as np

from keras_transformer import text
from keras_transformer.interchange import (
    imported,
    mapping,
    marian_names,
    transformers_files,
    weight_shapes,
)
from keras_transformer.models import config as configs

ACTIVATIONS = {"swish": "silu", "silu": "silu", "relu": "relu", "gelu": "gelu"}
VOCABULARY, TARGET_VOCABULARY = "vocab.json", "target_vocab.json"
_MOST_LAYERS = 1000
# Settings that other models of the library transformers use. In a Marian model
# they must be off.
_OFF = (
    "add_final_layer_norm",
    "normalize_before",
    "normalize_embedding",
)
# The names of the tables of positions. The tables of Marian and M2M100 are not
# read, since our layer computes the same sinusoids. The tables of BART are
# learned, so they are read.
COMPUTED = (
    "model.encoder.embed_positions.weight",
    "model.decoder.embed_positions.weight",
)
# The names that the embedding matrices and the matrix of the output projection
# may have in a file.
EMBEDDINGS = (
    "model.shared.weight",
    "model.encoder.embed_tokens.weight",
    "model.decoder.embed_tokens.weight",
    "lm_head.weight",
)


def read(path: str | os.PathLike[str]) -> imported.Imported:
    """Reads a model directory of MarianMTModel and MarianTokenizer.

    Args:
        path: a directory with `config.json`, `source.spm`, `target.spm` and
            `vocab.json`, and with either `model.safetensors` or
            `pytorch_model.bin`. `target_vocab.json`, `generation_config.json`
            and `tokenizer_config.json` are read if they exist.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is damaged, files do not fit together, or the
            architecture is not supported.
    """
    directory = pathlib.Path(path)
    settings = transformers_files.read_settings(directory, "marian")
    search, lengths = transformers_files.search_of(directory, settings)
    config = _config(settings)
    source, target = _tokenizers(directory, settings, config)
    where, arrays = transformers_files.read_weights(directory)
    weights = _weights(config, arrays, where)
    _check_start(config, weights, where)
    return imported.Imported(
        config,
        weights,
        source,
        target,
        search,
        lengths,
        {
            "system": "marian",
            "transformers": settings.get("transformers_version"),
        },
    )


def _config(settings):
    """Returns the architecture that the settings in `config.json` describe."""
    for name in _OFF:
        settings.expect(name, (False,))
    is_shared = settings.expect(
        "share_encoder_decoder_embeddings", (True, False)
    )
    is_tied = settings.expect("tie_word_embeddings", (True, False))
    tying = "none"
    if is_tied:
        tying = "all" if is_shared else "target"
    size = settings.size("vocab_size")
    target_size = settings.size("decoder_vocab_size", size)
    activation = settings.expect("activation_function", tuple(ACTIVATIONS))
    is_scaled = settings.expect("scale_embedding", (False, True))
    return configs.TransformerConfig(
        **sizes_of(settings),
        vocabulary_size=size,
        normalization="post",
        positions="half",
        target_vocabulary_size=None if is_shared else target_size,
        epsilon=1e-5,
        activation=ACTIVATIONS[activation],
        biases="all",
        tying=tying,
        embedding_scale="sqrt_dim" if is_scaled else "none",
        embedding_initializer="uniform",
        pad_id=settings.id("pad_token_id"),
        start_id=settings.id("decoder_start_token_id"),
    )


def _tokenizers(directory, settings, config):
    """Returns the tokenizers of source and target."""
    end_id = settings.id("eos_token_id")
    vocabularies = [directory / VOCABULARY] * 2
    if (directory / TARGET_VOCABULARY).is_file():
        vocabularies[1] = directory / TARGET_VOCABULARY
    options = transformers_files.tokenizer_settings(directory)
    unknown = str(options.get("unk_token", "<unk>"))
    sizes = [
        config.vocabulary_size,
        config.target_vocabulary_size or config.vocabulary_size,
    ]
    made = []
    for side, path, size in zip(
        ("source", "target"), vocabularies, sizes, strict=True
    ):
        model = directory / f"{side}.spm"
        if not model.is_file():
            raise FileNotFoundError(
                f"{directory} has no {model.name}. Copy it from the original."
            )
        tokens, _ = tokens_of(path, size)
        if unknown not in tokens:
            raise ValueError(
                f"{path} has no unknown token {unknown!r}. Take all files from "
                "the same model."
            )
        try:
            ids = text.SpecialIds(
                pad=config.pad_id,
                begin=None,
                end=end_id,
                unknown=tokens.index(unknown),
            )
            made.append(text.PieceTable(tokens, model.read_bytes(), ids))
        except ValueError as error:
            raise ValueError(f"{model}, {path}: {error}") from error
    return made


def tokens_of(path: pathlib.Path, size: int) -> tuple[list[str], int]:
    """Reads the tokens of a vocabulary in the order of their ids.

    A model may have more ids than the file has tokens. An id without a token
    gets a token such as `<unused7>`.

    Args:
        path: a JSON file, with the id of each token.
        size: the number of ids of the model.

    Returns:
        A list of `size` tokens, and the number of tokens that the file has.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, or an id in it is not an integer from 0
            to `size` - 1.
    """
    content = transformers_files.read_json(path)
    tokens = [f"<unused{i}>" for i in range(size)]
    for token, number in content.items():
        if type(number) is not int or not 0 <= number < len(tokens):
            raise ValueError(
                f"{path} does not belong to the model. Received: the id "
                f"{json.dumps(number)} of {token!r}. Expected ids below "
                f"vocab_size={size}. Take all files from the same model."
            )
        tokens[number] = token
    return tokens, len(content)


def sizes_of(settings: transformers_files.Settings) -> dict[str, Any]:
    """Returns sizes and dropout, as arguments of `TransformerConfig`.

    Encoder and decoder must have the same number of heads, and feed-forward
    networks of the same size.

    Args:
        settings: the settings of a model.

    Raises:
        ValueError: encoder and decoder differ in the number of heads or in the
            size of their feed-forward networks; a setting is out of range; or
            `d_model` is not a multiple of twice the number of heads.
    """
    model_dim = settings.size("d_model")
    num_heads = settings.same(
        "encoder_attention_heads", "decoder_attention_heads"
    )
    if model_dim % (2 * num_heads):
        raise transformers_files.unsupported(
            settings.path,
            "d_model",
            model_dim,
            (f"multiples of {2 * num_heads}",),
        )
    return {
        "num_encoder_layers": settings.size(
            "encoder_layers", most=_MOST_LAYERS
        ),
        "num_decoder_layers": settings.size(
            "decoder_layers", most=_MOST_LAYERS
        ),
        "model_dim": model_dim,
        "num_heads": num_heads,
        "feed_forward_dim": settings.same("encoder_ffn_dim", "decoder_ffn_dim"),
        "dropout": settings.number("dropout", 0.1),
    }


def _weights(config, arrays, where):
    """Returns the weights of our model, by their paths."""
    arrays = {
        name: values for name, values in arrays.items() if name not in COMPUTED
    }
    bias = arrays.get(marian_names.LOGITS_BIAS)
    if bias is not None and bias.ndim == 2 and len(bias) == 1:
        arrays[marian_names.LOGITS_BIAS] = bias[0]
    entries = marian_names.entries(config) + marian_names.embeddings(config)
    present = [name for name in EMBEDDINGS if name in arrays]
    if config.tying == "all" and present:
        # The file may have the shared matrix under any name in `EMBEDDINGS`,
        # but the mapping reads only `model.shared.weight`.
        arrays["model.shared.weight"] = arrays[present[0]]
    if config.tying == "target":
        for name, other in (
            ("model.decoder.embed_tokens.weight", "lm_head.weight"),
            ("lm_head.weight", "model.decoder.embed_tokens.weight"),
        ):
            if name not in arrays and other in arrays:
                arrays[name] = arrays[other]
    mapping.check_all_read(entries, arrays, EMBEDDINGS, where)
    return mapping.to_ours(
        entries, arrays, weight_shapes.weight_shapes(config), where
    )


def _check_start(config, weights, where):
    """Checks that the start id is in the vocabulary.

    If the start id is the padding id, its embedding in the file must be zeros,
    since our model then reads zeros instead of an embedding.
    """
    _, target, _ = weight_shapes.embedding_names(config)
    row: np.ndarray = weights[f"{target}/embeddings"]
    if config.start_id >= len(row):
        raise ValueError(
            f"{where}: decoder_start_token_id is not in the vocabulary. "
            f"Received: {config.start_id}, {len(row)} tokens. Take all files "
            "from the same model."
        )
    if config.start_id == config.pad_id and row[config.start_id].any():
        raise transformers_files.unsupported(
            where, "the embedding of the padding token", "numbers", ("zeros",)
        )
