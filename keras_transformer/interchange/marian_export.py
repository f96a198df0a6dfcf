"""Exports a run as a directory that MarianMTModel of transformers can load."""

import json
import os
import pathlib
from typing import Any

import numpy as np

from keras_transformer import runs, text
from keras_transformer.interchange import (
    imported,
    mapping,
    marian_import,
    marian_names,
    safetensors_file,
    transformers_files,
    unfinished,
    weight_shapes,
)
from keras_transformer.models import config as configs

# MarianMTModel supports only these values of these settings. So the export
# refuses a run with another value.
_FIXED = {
    "normalization": "post",
    "positions": "half",
    "norm": "layer",
    "epsilon": 1e-5,
    "num_key_value_heads": None,
}
_ACTIVATIONS = {"silu": "swish", "relu": "relu", "gelu": "gelu"}
_STOPPINGS = {"current_length": False, "full": True, "certain": "never"}
_TOKENIZER = "tokenizer_config.json"
# The written files limit sources and translations to this number of tokens. The
# start token of a translation counts too.
_MAX_LENGTH = 512


def write(
    run: str | os.PathLike[str],
    path: str | os.PathLike[str],
    quantization: str | None = None,
) -> None:
    """Writes a model directory completely or, after an error, not at all.

    Args:
        run: the directory of a run.
        path: the directory to write. If it exists, it must be empty.
        quantization: must be `None`, since MarianMTModel has float32 weights.

    Raises:
        FileNotFoundError: `run` is not the directory of a finished run.
        ValueError: MarianMTModel does not support the architecture or a
            vocabulary of the run, the weights of the run do not fit its
            architecture, a file of the run is damaged, the run has no
            `config.json`, `quantization` is not `None`, or `path` is a file or
            a directory that is not empty.
    """
    if quantization is not None:
        raise ValueError(
            "Weights for MarianMTModel are float32. Received: quantization="
            f"{quantization!r}. Leave it out."
        )
    unfinished.check_free(path)
    translator = runs.load_translator(run)
    config = configs.TransformerConfig(**runs.run_architecture(run))
    check_supported(config)
    vocabularies = (translator.tokenizer, translator.target_tokenizer)
    _check_vocabularies(*vocabularies)
    arrays = _arrays(config, translator)
    ids = translator.target_tokenizer.special_ids
    with unfinished.unfinished(path) as directory:
        safetensors_file.write(directory / "model.safetensors", arrays)
        _write_json(
            directory / transformers_files.CONFIG, _config(config, ids.end)
        )
        _write_json(
            directory / transformers_files.GENERATION,
            _generation(config, translator, ids.end),
        )
        _write_vocabularies(directory, *vocabularies)


def check_supported(config: configs.TransformerConfig) -> None:
    """Raises ValueError if MarianMTModel does not support an architecture.

    Args:
        config: the architecture.

    Example:

    >>> from keras_transformer.models import CONVENTIONS, PRESETS
    >>> check_supported(CONVENTIONS["marian"].apply(PRESETS["base"]))
    """
    for name, supported in _FIXED.items():
        value = getattr(config, name)
        if value != supported:
            raise ValueError(
                f"MarianMTModel has another architecture. Received: {name}="
                f"{value!r}. Supported: {supported!r}. Train with "
                "--convention=marian."
            )
    if config.activation not in _ACTIVATIONS:
        raise ValueError(
            "MarianMTModel has no such activation. Received: activation="
            f"{config.activation!r}. Supported: {', '.join(_ACTIVATIONS)}."
        )
    if config.tying == "target" and config.target_vocabulary_size is None:
        raise ValueError(
            "MarianMTModel ties the target embedding to the logits only with "
            "separate vocabularies, or with all embeddings shared. Received: "
            "tying='target', target_vocabulary_size=None."
        )


def _arrays(config, translator):
    """Returns the arrays of MarianMTModel by their names.

    Biases that the run does not have are zeros.
    """
    ours = {
        name: np.array(variable, "float32")
        for name, variable in imported.named_variables(translator.model).items()
    }
    complete = weight_shapes.weight_shapes(_with_biases(config))
    for name, shape in complete.items():
        if name.endswith("bias"):
            ours.setdefault(name, np.zeros(shape, "float32"))
    if {name: values.shape for name, values in ours.items()} != complete:
        raise ValueError(
            "The weights of the run are not those of its architecture, so that "
            "they cannot be written. Export a run that the trainer or "
            "tools.import_model wrote."
        )
    if config.start_id == config.pad_id:
        # The decoder reads the padding id first. Our model then reads zeros,
        # whatever the embedding matrix has at this id. MarianMTModel reads the
        # matrix, so the matrix must have zeros at this id.
        for name in set(weight_shapes.embedding_names(config)):
            ours[f"{name}/embeddings"][config.pad_id] = 0
    entries = marian_names.entries(config) + marian_names.embeddings(config)
    arrays = mapping.to_theirs(entries, ours)
    name = marian_names.LOGITS_BIAS
    return {**arrays, name: arrays[name][None]}


def _with_biases(config):
    fields = {**vars(config), "biases": "all"}
    return configs.TransformerConfig(**fields)


def _config(config: configs.TransformerConfig, end_id: int) -> dict[str, Any]:
    size = config.vocabulary_size
    return {
        "architectures": ["MarianMTModel"],
        "model_type": "marian",
        "is_encoder_decoder": True,
        "vocab_size": size,
        "decoder_vocab_size": config.target_vocabulary_size or size,
        "d_model": config.model_dim,
        **{
            f"{stack}_{name}": value
            for stack in weight_shapes.ATTENTIONS
            for name, value in (
                ("layers", getattr(config, f"num_{stack}_layers")),
                ("attention_heads", config.num_heads),
                ("ffn_dim", config.feed_forward_dim),
            )
        },
        "max_position_embeddings": _MAX_LENGTH,
        "activation_function": _ACTIVATIONS[config.activation],
        "dropout": config.dropout,
        "scale_embedding": config.embedding_scale == "sqrt_dim",
        "share_encoder_decoder_embeddings": config.tying == "all",
        "tie_word_embeddings": config.tying != "none",
        "pad_token_id": config.pad_id,
        "eos_token_id": end_id,
        "decoder_start_token_id": config.start_id,
        "forced_eos_token_id": None,
    }


def _generation(config, translator, end_id):
    search = translator.search
    never = {config.pad_id, config.start_id} - {end_id}
    banned = never.union(search.constraints.banned_ids)
    return {
        "num_beams": search.beam_size,
        # MarianMTModel has only the form `average` of the length penalty. For
        # another form, the default of transformers is written, which is 1.0.
        "length_penalty": search.alpha if search.penalty == "average" else 1.0,
        "early_stopping": _STOPPINGS[search.stopping],
        "renormalize_logits": search.constraints.normalized_over == "allowed",
        "bad_words_ids": [[i] for i in sorted(banned)],
        "max_length": _MAX_LENGTH,
        "pad_token_id": config.pad_id,
        "eos_token_id": end_id,
        "decoder_start_token_id": config.start_id,
    }


def _check_vocabularies(*vocabularies):
    for each in vocabularies:
        ids = each.special_ids
        if not isinstance(each, (text.Tokenizer, text.PieceTable)):
            raise ValueError(
                "MarianTokenizer needs SentencePiece models. Received: a "
                f"vocabulary of the kind {type(each).__name__}. Such a run can "
                "be exported to CTranslate2."
            )
        around = [*ids.around_source(), *ids.target_prefix]
        if around != [ids.end]:
            raise ValueError(
                "MarianTokenizer adds nothing to texts but the end token. "
                f"Received: {each.pieces(around)} around them. Such a run "
                "cannot be exported."
            )


def _write_vocabularies(
    directory: pathlib.Path,
    source: text.TextTokenizer,
    target: text.TextTokenizer,
) -> None:
    """Writes SentencePiece models, ids of pieces, and tokenizer settings."""
    tables = []
    for side, each in (("source", source), ("target", target)):
        pieces = each.pieces(range(each.vocabulary_size))
        tables.append({piece: i for i, piece in enumerate(pieces)})
        model = each.model
        if isinstance(each, text.PieceTable):
            model = each.sentencepiece_model
        (directory / f"{side}.spm").write_bytes(model)
    are_separate = tables[0] != tables[1]
    _write_json(directory / marian_import.VOCABULARY, tables[0])
    if are_separate:
        _write_json(directory / marian_import.TARGET_VOCABULARY, tables[1])
    ids = source.special_ids
    unknown = ids.end if ids.unknown is None else ids.unknown
    names = source.pieces([ids.pad, ids.end, unknown])
    _write_json(
        directory / _TOKENIZER,
        {
            "tokenizer_class": "MarianTokenizer",
            "separate_vocabs": are_separate,
            "pad_token": names[0],
            "eos_token": names[1],
            "unk_token": names[2],
            "model_max_length": _MAX_LENGTH,
        },
    )


def _write_json(path, content):
    path.write_text(
        json.dumps(content, indent=2, ensure_ascii=False) + "\n",
        encoding="utf-8",
    )
