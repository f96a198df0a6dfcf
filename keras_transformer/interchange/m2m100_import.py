"""Reads an M2M100 model in the layout of transformers."""

import os
import pathlib

from keras_transformer import text
from keras_transformer.interchange import (
    imported,
    mapping,
    marian_import,
    marian_names,
    transformers_files,
    weight_shapes,
)
from keras_transformer.models import config as configs

# The languages in the order of their ids, which follow those of the pieces.
LANGUAGES = (
    "af am ar ast az ba be bg bn br bs ca ceb cs cy da de el en es et fa ff "
    "fi fr fy ga gd gl gu ha he hi hr ht hu hy id ig ilo is it ja jv ka kk km "
    "kn ko lb lg ln lo lt lv mg mk ml mn mr ms my ne nl no ns oc or pa pl ps "
    "pt ro ru sd si sk sl so sq sr ss su sv sw ta th tl tn tr uk ur uz vi wo "
    "xh yi yo zh zu"
).split()
VOCABULARY = "vocab.json"
SENTENCEPIECE = "sentencepiece.bpe.model"
_SHARED = "model.shared.weight"


def read(
    path: str | os.PathLike[str],
    source_language: str | None = None,
    target_language: str | None = None,
) -> imported.Imported:
    """Reads a model directory of M2M100ForConditionalGeneration.

    A run translates from one language to another: each source begins with the
    code of its language, and each target with that of its own.

    Args:
        path: a directory with `config.json`, `model.safetensors` or
            `pytorch_model.bin`, `sentencepiece.bpe.model` and `vocab.json`.
        source_language: one of `LANGUAGES`.
        target_language: one of `LANGUAGES`.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is damaged, files do not fit together, the
            architecture is not supported, or a language is unknown.
    """
    for name, language in (
        ("source_language", source_language),
        ("target_language", target_language),
    ):
        if language not in LANGUAGES:
            raise ValueError(
                "An M2M100 model translates between languages that you choose. "
                f"Received: --{name}={language}. Expected one of "
                f"{', '.join(LANGUAGES)}."
            )
    directory = pathlib.Path(path)
    settings = transformers_files.read_settings(directory, "m2m_100")
    search, lengths = transformers_files.search_of(directory, settings)
    # The code of the target language is given, and costs nothing.
    search["normalized_over"] = "allowed"
    config = _config(settings)
    source, target = _tokenizers(
        directory, settings, config, source_language, target_language
    )
    where, arrays = transformers_files.read_weights(directory)
    return imported.Imported(
        config,
        _weights(config, arrays, where),
        source,
        target,
        search,
        lengths,
        {
            "system": "m2m100",
            "transformers": settings.get("transformers_version"),
            "languages": [source_language, target_language],
        },
    )


def _config(settings):
    settings.expect("tie_word_embeddings", (True,))
    is_scaled = settings.expect("scale_embedding", (True, False))
    activation = settings.expect(
        "activation_function", ("relu", *marian_import.ACTIVATIONS)
    )
    sizes = marian_import.sizes_of(settings)
    return configs.TransformerConfig(
        **sizes,
        vocabulary_size=settings.size("vocab_size"),
        normalization="pre",
        positions="fairseq",
        epsilon=1e-5,
        activation=marian_import.ACTIVATIONS[activation],
        biases="all",
        tying="all",
        embedding_scale="sqrt_dim" if is_scaled else "none",
        pad_id=settings.id("pad_token_id", 1),
        start_id=settings.id("decoder_start_token_id", 2),
    )


def _tokenizers(directory, settings, config, source_language, target_language):
    """Returns the vocabularies of both sides, which differ in the language."""
    model = directory / SENTENCEPIECE
    if not model.is_file():
        raise FileNotFoundError(
            f"{directory} has no {model.name}. Copy it from the original."
        )
    path = directory / VOCABULARY
    size = config.vocabulary_size
    tokens, count = marian_import.tokens_of(path, size)
    if count + len(LANGUAGES) > size or "<unk>" not in tokens:
        raise ValueError(
            f"{path} does not belong to the model. Received: {count} pieces. "
            f"Expected '<unk>' among them, and {len(LANGUAGES)} ids of "
            f"languages more below vocab_size={size}. Take all files from the "
            "same model."
        )
    for i, language in enumerate(LANGUAGES):
        tokens[count + i] = f"__{language}__"
    made = []
    for side in ("source", "target"):
        prefixes = {"source_prefix": (tokens.index(f"__{source_language}__"),)}
        if side == "target":
            prefixes = {
                "target_prefix": (tokens.index(f"__{target_language}__"),)
            }
        try:
            ids = text.SpecialIds(
                pad=config.pad_id,
                begin=settings.id("bos_token_id", 0),
                end=settings.id("eos_token_id", 2),
                unknown=tokens.index("<unk>"),
                **prefixes,
            )
            made.append(text.PieceTable(tokens, model.read_bytes(), ids))
        except ValueError as error:
            raise ValueError(f"{model}, {path}: {error}") from error
    return made


def _weights(config, arrays, where):
    """Returns our weights; the logits have no bias there."""
    others = [name for name in marian_import.EMBEDDINGS if name in arrays]
    if others:
        arrays = {**arrays, _SHARED: arrays[others[0]]}
    entries = marian_names.entries(config) + marian_names.embeddings(config)
    mapping.check_all_read(
        entries,
        arrays,
        (*marian_import.EMBEDDINGS, *marian_import.COMPUTED),
        where,
    )
    return mapping.to_ours(
        entries, arrays, weight_shapes.weight_shapes(config), where
    )
