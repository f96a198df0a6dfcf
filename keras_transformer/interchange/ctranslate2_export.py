"""Writes a run as a model directory of CTranslate2."""

import json
import os
import pathlib
from typing import Any

import numpy as np

from keras_transformer import runs, text
from keras_transformer.interchange import (
    ctranslate2_file,
    ctranslate2_names,
    ctranslate2_settings,
    imported,
    mapping,
    unfinished,
    weight_shapes,
)
from keras_transformer.layers import sinusoids
from keras_transformer.models import config as configs

QUANTIZATIONS = ("int8", "int16", "float16", "bfloat16")
_SPEC, _REVISION = "TransformerSpec", 7
_SOURCE_EMBEDDING = "encoder/embeddings_0"
# The number of positions in a table of sinusoids. A table is written only for
# sinusoids that CTranslate2 does not compute.
_TABLE_LENGTH = 1024
# The bias of the padding token and of the start token, so that a search never
# emits these tokens. If one of them is also the end token, it does not get this
# bias, since a search must emit the end token. -1e4 is finite in float16 too.
_NEVER = -1e4


def write(
    run: str | os.PathLike[str],
    path: str | os.PathLike[str],
    quantization: str | None = None,
) -> None:
    """Writes a run as a model directory of CTranslate2.

    The directory is written completely or, after an error, not at all.

    Args:
        run: the directory of a run.
        path: the new directory. If it exists, it must be empty.
        quantization: one of `QUANTIZATIONS`; `None` for float32.

    Raises:
        FileNotFoundError: `run` is not the directory of a finished run.
        ValueError: the architecture or a vocabulary cannot be exported to
            CTranslate2, the weights of the run do not fit its architecture, a
            file of the run is damaged, the run has no `config.json`, the
            quantization is unknown, or `path` is a file or a directory that is
            not empty.
    """
    if quantization not in (None, *QUANTIZATIONS):
        raise ValueError(
            f"Unknown quantization. Received: {quantization!r}. Expected one "
            f"of {QUANTIZATIONS}, or none."
        )
    unfinished.check_free(path)
    translator = runs.load_translator(run)
    config = configs.TransformerConfig(**runs.run_architecture(run))
    ctranslate2_settings.check_supported(config)
    vocabularies = (translator.tokenizer, translator.target_tokenizer)
    options = ctranslate2_settings.options(config, *vocabularies)
    arrays = _arrays(config, translator)
    aliases = _aliases(config)
    variables: dict[str, Any] = ctranslate2_settings.settings(config)
    for name, values in arrays.items():
        if name not in aliases:
            variables |= quantized(name, values, quantization)
    with unfinished.unfinished(path) as directory:
        ctranslate2_file.write(
            directory / "model.bin", _SPEC, _REVISION, variables, aliases
        )
        _write_json(directory / "config.json", options)
        _write_vocabularies(directory, *vocabularies)


def quantized(
    name: str, values: np.ndarray, quantization: str | None
) -> dict[str, Any]:
    """Quantizes an array.

    Args:
        name: the name of the array. Only matrices, whose names end with
            `/weight`, become integers.
        values: the array, float32.
        quantization: one of `QUANTIZATIONS`; `None` for float32.

    Returns:
        A dict with the quantized array under `name`. With `"bfloat16"`, the
        array is a `Bfloat16`. With `"int8"` and `"int16"`, the dict also has
        the scale of a matrix under `{name}_scale`. The numbers of the matrix
        were multiplied by the scale. For `"int8"` the scale is a vector with
        one element for each row, for `"int16"` it is a scalar.

    Example:

    >>> made = quantized("a/weight", np.array([[1.0, -2.0]], "float32"), "int8")
    >>> made["a/weight"].tolist(), made["a/weight_scale"].tolist()
    ([[64, -127]], [63.5])
    """
    if quantization == "float16":
        return {name: values.astype("float16")}
    if quantization == "bfloat16":
        return {name: ctranslate2_file.Bfloat16.of(values)}
    if quantization is None or not name.endswith("/weight"):
        return {name: values}
    largest = np.abs(values).max(axis=1)
    if quantization == "int8":
        # A row of zeros gets the scale 1, since 127 / 0 is infinite.
        scale = 127 / np.where(largest == 0, 127, largest)
        scale = scale.astype("float32")
        integers = np.rint(values * scale[:, None]).astype("int8")
    else:
        # The absolute values are at most 2**10. So a sum of fewer than 2**11
        # products of two integers cannot overflow 32 bits.
        scale = np.float32(2**10 / largest.max(initial=1e-30))
        integers = np.rint(values * scale).astype("int16")
    return {name: integers, f"{name}_scale": scale}


def _arrays(config, translator):
    """Returns the float32 arrays of the export, by CTranslate2's names.

    Raises ValueError if the names of the run's weights do not fit its
    architecture.
    """
    ours = {
        name: np.array(variable, "float32")
        for name, variable in imported.named_variables(translator.model).items()
    }
    if set(ours) != set(weight_shapes.weight_shapes(config)):
        raise ValueError(
            "The weights of the run are not those of its architecture, so that "
            "they cannot be written. Export a run that the trainer or "
            "tools.import_model wrote."
        )
    entries = ctranslate2_names.entries(config, _SOURCE_EMBEDDING)
    arrays = mapping.to_theirs(entries, ours)
    size = translator.target_tokenizer.vocabulary_size
    bias = arrays.get("decoder/projection/bias", np.zeros([size], "float32"))
    end_id = translator.target_tokenizer.special_ids.end
    for never in {config.pad_id, config.start_id} - {end_id}:
        bias[never] = _NEVER
    arrays["decoder/projection/bias"] = bias
    if config.positions in sinusoids.FORMS:
        arrays |= _tables(config)
    return arrays


def _tables(config):
    """Returns a table of sinusoids for each stack.

    There is no table if CTranslate2 computes these sinusoids itself.
    """
    if config.positions == ctranslate2_settings.COMPUTED_POSITIONS:
        return {}
    table = sinusoids.sinusoidal_encoding(
        np.arange(_TABLE_LENGTH), config.model_dim, config.positions
    )
    return {
        f"{stack}/position_encodings/encodings": np.array(table)
        for stack in ("encoder", "decoder")
    }


def _aliases(config):
    """Returns a dict from aliases to the name of the target embedding.

    An alias is the name of a matrix that is tied to the target embedding.
    """
    names = [
        f"{name}/weight"
        for name in (
            "decoder/embeddings",
            _SOURCE_EMBEDDING,
            "decoder/projection",
        )
    ]
    if config.tying == "all":
        return dict.fromkeys(names[1:], names[0])
    return {names[2]: names[0]} if config.tying == "target" else {}


def _write_json(path, content):
    path.write_text(
        json.dumps(content, indent=2, ensure_ascii=False, sort_keys=True)
        + "\n",
        encoding="utf-8",
    )


def _write_vocabularies(
    directory: pathlib.Path,
    source: text.TextTokenizer,
    target: text.TextTokenizer,
) -> None:
    """Writes the pieces, and the SentencePiece models of the tokenizers.

    A tokenizer that does not use SentencePiece has no such model.
    """
    source_pieces, target_pieces = (
        each.pieces(range(each.vocabulary_size)) for each in (source, target)
    )
    if source_pieces == target_pieces:
        _write_json(directory / "shared_vocabulary.json", source_pieces)
    else:
        _write_json(directory / "source_vocabulary.json", source_pieces)
        _write_json(directory / "target_vocabulary.json", target_pieces)
    for name, each in (("source", source), ("target", target)):
        path = directory / f"{name}.spm"
        if isinstance(each, text.Tokenizer):
            each.save(path)
        elif isinstance(each, text.PieceTable):
            path.write_bytes(each.sentencepiece_model)
