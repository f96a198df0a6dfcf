"""Reads a BART or mBART model that the library transformers saved.

BART has a vocabulary of byte pairs. mBART has a SentencePiece model and codes
of languages. In mBART-25, each source ends with the code of its language, and
the decoder reads the code of the target language first. In mBART-50, each
source and each target begins with the code of its language.
"""

import os
import pathlib
from typing import Any

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

_SHARED = "model.shared.weight"
# The number of unused rows at the beginning of each table of positions.
_OFFSET = 2
# Settings that only older configurations have. The settings in `_PRE_NORM` must
# be true for mBART, whose norms are before sublayers, and false for BART. The
# settings in `_FIXED` must have the value that is given there.
_PRE_NORM = ("normalize_before", "add_final_layer_norm")
_FIXED = {"normalize_embedding": True, "static_position_embeddings": False}
MERGES = "merges.txt"


def read(
    path: str | os.PathLike[str],
    source_language: str | None = None,
    target_language: str | None = None,
) -> imported.Imported:
    """Reads the directory of a BART or mBART model.

    The model was saved from the class `BartForConditionalGeneration` or
    `MBartForConditionalGeneration`.

    Args:
        path: a directory with `config.json`, and with `model.safetensors` or
            `pytorch_model.bin`. An mBART also needs `sentencepiece.bpe.model`,
            and a BART needs `vocab.json` and `merges.txt`.
            `generation_config.json` and, for mBART, `tokenizer_config.json`
            are read if they exist.
        source_language: for mBART-25, one of `language_codes.MBART`; for
            mBART-50, one of `language_codes.MBART_50`; for BART, `None`.
        target_language: the language of the translations, a code of the same
            list; for BART, `None`.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is damaged, files do not fit together, the
            architecture is not supported, a language of mBART is missing or
            unknown, or a language is given for BART.
    """
    directory = pathlib.Path(path)
    settings = transformers_files.read_settings(directory, "mbart", "bart")
    languages = source_language, target_language
    search, lengths = transformers_files.search_of(directory, settings)
    if settings.get("model_type") == "bart":
        tokenizers = _byte_pairs(directory, settings, languages)
        start_id = settings.id("decoder_start_token_id", 2)
    else:
        tokenizers = _pieces(directory, settings, *languages)
        ids = tokenizers[1].special_ids
        start_id = ids.end if ids.target_prefix else ids.begin
    if tokenizers[1].special_ids.target_prefix:
        # At a position of the target prefix, only the token of the prefix is
        # allowed. With "allowed", the probabilities of the allowed tokens sum
        # to 1. So this token has log-probability 0, as in transformers.
        search["normalized_over"] = "allowed"
    config = _config(settings, start_id)
    where, arrays = transformers_files.read_weights(directory)
    return imported.Imported(
        config,
        _weights(config, arrays, where),
        tokenizers[0],
        tokenizers[1],
        search,
        lengths,
        {
            "system": "bart",
            "transformers": settings.get("transformers_version"),
            "languages": list(languages),
        },
    )


def _pieces(directory, settings, source_language, target_language):
    """Returns mBART's tokenizers of sources and of targets."""
    is_50 = _is_50(directory, settings)
    codes = language_codes.MBART_50 if is_50 else language_codes.MBART
    language_pieces.check_languages(
        directory, codes, source_language, target_language
    )
    model = language_pieces.read_model(directory)
    tokens = language_pieces.fairseq_tokens(
        model, codes, settings.size("vocab_size"), directory
    )
    ids = _special_ids(
        settings,
        tokens.index(source_language),
        tokens.index(target_language),
        is_50,
    )
    return language_pieces.make(tokens, model, ids, directory)


def _byte_pairs(directory, settings, languages):
    """Returns BART's tokenizers of sources and of targets.

    Both tokenizers have the same pieces. Only the tokenizer of targets has a
    target prefix.
    """
    if languages != (None, None):
        raise ValueError(
            f"{settings.path}: BART has no languages. Received: "
            f"--source_language={languages[0]}, --target_language="
            f"{languages[1]}. Leave them out."
        )
    path = directory / marian_import.VOCABULARY
    tokens, _ = marian_import.tokens_of(path, settings.size("vocab_size"))
    begin, end = settings.id("bos_token_id", 0), settings.id("eos_token_id", 2)
    ids: dict[str, Any] = {
        "pad": settings.id("pad_token_id", 1),
        "begin": begin,
        "end": end,
        "unknown": tokens.index("<unk>") if "<unk>" in tokens else None,
        "source_prefix": (begin,),
    }
    merges = read_merges(directory / MERGES)
    of_target = {**ids, "target_prefix": (begin,)}
    try:
        return [
            text.BytePairs(tokens, merges, text.SpecialIds(**each))
            for each in (ids, of_target)
        ]
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def read_merges(path: pathlib.Path) -> list[list[str]]:
    """Reads the pairs of pieces to merge, in the order of the file.

    A line has two pieces with one space between them. Empty lines are skipped.
    The first line is skipped too if it begins with "#version". Bytes that are
    not UTF-8 are read as U+FFFD.

    Args:
        path: the file, `merges.txt` of BART.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line does not contain exactly one space.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path.parent} has no {path.name}. Copy it from the original."
        )
    lines = path.read_bytes().decode("utf-8", "replace").split("\n")
    merges = []
    for number, line in enumerate(lines, 1):
        pair = line.rstrip("\r").split(" ")
        if (number == 1 and line.startswith("#version")) or pair == [""]:
            continue
        if len(pair) != 2:
            raise ValueError(
                f"{path}, line {number}: a merge has two pieces. Received: "
                f"{line[:80]!r}. Copy the file again from the original."
            )
        merges.append(pair)
    return merges


def _is_50(directory, settings):
    """Returns whether a model of mBART is mBART-50, not mBART-25."""
    tokenizer = transformers_files.tokenizer_settings(directory)
    for name in ("MBart50Tokenizer", "MBartTokenizer"):
        if tokenizer.is_of_class(name):
            return name == "MBart50Tokenizer"
    # The class of the tokenizer does not tell, so the start token decides. In
    # mBART-50 the start token is the end token. In mBART-25 the start token is
    # the code of a language, or the configuration has no start token.
    return settings.get("decoder_start_token_id") == settings.get(
        "eos_token_id", 2
    )


def _config(settings, start_id):
    is_pre = settings.get("model_type") == "mbart"
    settings.expect("tie_word_embeddings", (True,))
    for name in _PRE_NORM:
        settings.expect(name, (is_pre,))
    for name, value in _FIXED.items():
        settings.expect(name, (value,))
    is_scaled = settings.expect("scale_embedding", (False, True))
    activation = settings.expect(
        "activation_function", ("gelu", *marian_import.ACTIVATIONS)
    )
    return configs.TransformerConfig(
        **marian_import.sizes_of(settings),
        vocabulary_size=settings.size("vocab_size"),
        normalization="pre" if is_pre else "post",
        positions="learned_normalized",
        max_positions=settings.size("max_position_embeddings", 1024),
        epsilon=1e-5,
        activation=marian_import.ACTIVATIONS[activation],
        biases="all",
        tying="all",
        embedding_scale="sqrt_dim" if is_scaled else "none",
        pad_id=settings.id("pad_token_id", 1),
        start_id=start_id,
    )


def _special_ids(settings, of_source, of_target, is_50):
    """Returns mBART's special ids of sources and of targets.

    `of_source` and `of_target` are the ids of the codes of the two languages.
    """
    end = settings.id("eos_token_id", 2)
    ids = {
        "pad": settings.id("pad_token_id", 1),
        "begin": settings.id("bos_token_id", 0) if is_50 else of_target,
        "end": end,
        "unknown": 3,
    }
    if is_50:
        return (
            text.SpecialIds(**ids, source_prefix=(of_source,)),
            text.SpecialIds(**ids, target_prefix=(of_target,)),
        )
    return (
        text.SpecialIds(**ids, source_suffix=(end, of_source)),
        text.SpecialIds(**ids),
    )


def _weights(config, arrays, where):
    """Returns the weights of our model, by their paths.

    The unused rows of the tables of positions are left out.
    """
    arrays = dict(arrays)
    others = [name for name in marian_import.EMBEDDINGS if name in arrays]
    if others:
        arrays[_SHARED] = arrays[others[0]]
    bias = arrays.get(marian_names.LOGITS_BIAS)
    if bias is not None and bias.ndim == 2 and len(bias) == 1:
        arrays[marian_names.LOGITS_BIAS] = bias[0]
    for name in marian_import.COMPUTED:
        if name in arrays:
            arrays[name] = arrays[name][_OFFSET:]
    entries = marian_names.entries(config) + marian_names.embeddings(config)
    mapping.check_all_read(entries, arrays, marian_import.EMBEDDINGS, where)
    return mapping.to_ours(
        entries, arrays, weight_shapes.weight_shapes(config), where
    )
