"""Reads an M2M100 or NLLB model that the library transformers saved."""

import os
import pathlib

from keras_transformer import text
from keras_transformer.interchange import (
    imported,
    language_codes,
    language_pieces,
    mapping,
    marian_import,
    marian_names,
    transformers_files,
    weight_shapes,
)
from keras_transformer.models import config as configs

VOCABULARY = "vocab.json"
_SHARED = "model.shared.weight"


def read(
    path: str | os.PathLike[str],
    source_language: str | None = None,
    target_language: str | None = None,
) -> imported.Imported:
    """Reads a directory with a model of M2M100ForConditionalGeneration.

    The imported model translates only from `source_language` to
    `target_language`. Each source and each target begins with the code of its
    language. With the setting `legacy_behaviour` of NLLB, a source ends with
    the code instead. NLLB has the architecture of M2M100, with another
    vocabulary and codes such as `eng_Latn`. `tokenizer_config.json` says
    whether the model is NLLB; a model without this file is read as M2M100.

    Args:
        path: a directory with `config.json` and `sentencepiece.bpe.model`, and
            with either `model.safetensors` or `pytorch_model.bin`. M2M100 also
            needs `vocab.json`, and NLLB needs `tokenizer_config.json`.
            `generation_config.json` is read if it exists.
        source_language: a code of `language_codes.M2M100` or, for NLLB, of
            `language_codes.NLLB`. `None` is an error.
        target_language: a code of the same list. `None` is an error.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is damaged, files do not fit together, the
            architecture is not supported, or a language is missing or unknown.
    """
    directory = pathlib.Path(path)
    settings = transformers_files.read_settings(directory, "m2m_100")
    tokenizer = transformers_files.tokenizer_settings(directory)
    is_nllb = _is_nllb(tokenizer)
    language_pieces.check_languages(
        directory,
        language_codes.NLLB if is_nllb else language_codes.M2M100,
        source_language,
        target_language,
    )
    search, lengths = transformers_files.search_of(directory, settings)
    # The first token must be the language code. If probabilities are normalized
    # over the allowed tokens, it has log-probability 0, as in transformers.
    search["normalized_over"] = "allowed"
    config = _config(settings)
    source, target = _tokenizers(
        directory, settings, tokenizer, source_language, target_language
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


def _is_nllb(tokenizer):
    return tokenizer.is_of_class("NllbTokenizer")


def _tokenizers(directory, settings, tokenizer, source, target):
    """Returns the tokenizers of source and target, with the same tokens.

    Each tokenizer adds the code of its own language to a text.
    """
    size = settings.size("vocab_size")
    model = language_pieces.read_model(directory)
    if _is_nllb(tokenizer):
        tokens = language_pieces.fairseq_tokens(
            model, language_codes.NLLB, size, directory
        )
        codes = [source, target]
        # Older versions of the tokenizer put the code at the end of the source.
        is_behind = tokenizer.expect("legacy_behaviour", (False, True))
    else:
        tokens = _tokens(directory, size)
        codes = [f"__{source}__", f"__{target}__"]
        is_behind = False
    ids = _special_ids(settings, tokens, codes, is_behind)
    return language_pieces.make(tokens, model, ids, directory)


def _tokens(directory, size):
    """Returns the tokens of M2M100 in the order of their ids.

    `vocab.json` does not contain the codes of the languages. The id of the
    first code is the number of tokens in this file, and the ids of the other
    codes follow.
    """
    path = directory / VOCABULARY
    tokens, count = marian_import.tokens_of(path, size)
    codes = language_codes.M2M100
    if count + len(codes) > size or "<unk>" not in tokens:
        raise ValueError(
            f"{path} does not belong to the model. Received: {count} pieces. "
            f"Expected: '<unk>' among them, and at most {size - len(codes)} "
            f"pieces, since {len(codes)} of the vocab_size={size} ids are of "
            "languages. Take all files from the same model."
        )
    for i, language in enumerate(codes):
        tokens[count + i] = f"__{language}__"
    return tokens


def _special_ids(settings, tokens, codes, is_behind):
    """Returns the special ids of sources and of targets.

    If `is_behind`, sources end with the code of their language; else they begin
    with it.
    """
    of_source, of_target = map(tokens.index, codes)
    end = settings.id("eos_token_id", 2)
    ids = {
        "pad": settings.id("pad_token_id", 1),
        "begin": settings.id("bos_token_id", 0),
        "end": end,
        "unknown": tokens.index("<unk>"),
    }
    around = (
        {"source_suffix": (end, of_source)}
        if is_behind
        else {"source_prefix": (of_source,)}
    )
    return (
        text.SpecialIds(**ids, **around),
        text.SpecialIds(**ids, target_prefix=(of_target,)),
    )


def _weights(config, arrays, where):
    """Returns the weights of our model, by their paths.

    M2M100 has no bias of the logits, so the bias of our model is zeros.
    """
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
