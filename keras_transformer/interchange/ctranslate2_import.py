"""Reads a model directory of CTranslate2."""

import dataclasses
import json
import os
import pathlib
from typing import Any

import numpy as np

from keras_transformer import text
from keras_transformer.interchange import (
    ctranslate2_architecture,
    ctranslate2_file,
    ctranslate2_names,
    imported,
    mapping,
    token_files,
    weight_shapes,
)
from keras_transformer.models import config as configs

MODEL = "model.bin"
# The bias in the logits of the tokens that `with_padding` adds. It is so low
# that a search never chooses these tokens.
_NEVER = -1e9
_DEFAULTS: dict[str, Any] = {
    "unk_token": "<unk>",
    "bos_token": "<s>",
    "eos_token": "</s>",
    "decoder_start_token": "<s>",
    "add_source_bos": False,
    "add_source_eos": False,
    "layer_norm_epsilon": None,
}
# An imported model keeps CTranslate2's limits: a translation has 2 to 256
# tokens, and the end token is counted. The limits do not depend on the source.
LENGTHS = {"ratio": 0.0, "extra": 256, "minimum": 2}
SETTINGS = {
    "beam_size": 4,
    "length_penalty": 1.0,
    "length_penalty_form": "average",
    "stopping": "full",
    "normalized_over": "allowed",
}


def read(path: str | os.PathLike[str]) -> imported.Imported:
    """Reads a model directory of CTranslate2.

    Args:
        path: a directory with `model.bin` and its vocabularies. `config.json`
            is read if it exists.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is damaged, files do not fit together, or the
            architecture is not supported.
    """
    directory = pathlib.Path(path)
    where = directory / MODEL
    if not where.is_file():
        raise FileNotFoundError(
            f"{directory} has no {MODEL}. Give the directory that a converter "
            "of CTranslate2 wrote."
        )
    vocabularies = token_files.read_pair(directory)
    file = ctranslate2_file.read(where)
    options = _options(directory, file)
    facts = ctranslate2_architecture.of_file(
        file, where, options["layer_norm_epsilon"]
    )
    vocabularies = tuple(
        _with_unknown(tokens, options["unk_token"]) for tokens in vocabularies
    )
    starts_at_zero = ctranslate2_architecture.flag(
        file.variables, "decoder/start_from_zero_embedding", False
    )
    pad_id = token_files.padding_id(*vocabularies)
    _check_tokens(directory, vocabularies, options)
    start_id = pad_id
    if not starts_at_zero:
        start_id = vocabularies[1].index(options["decoder_start_token"])
    source_size, target_size = map(len, vocabularies)
    is_shared = vocabularies[0] == vocabularies[1]
    config = dataclasses.replace(
        facts.config,
        vocabulary_size=source_size,
        target_vocabulary_size=None if is_shared else target_size,
        tying=_tying(facts.arrays, facts.source_embedding, is_shared),
    )
    weights = _weights(config, facts, where)
    made = _Parts(config, weights, *vocabularies)
    if pad_id is None or (
        start_id == pad_id
        and not starts_at_zero
        and not made.starts_zero(pad_id)
    ):
        made, pad_id = made.with_padding()
        start_id = pad_id if starts_at_zero else start_id
    return made.complete(options, pad_id, start_id, file)


@dataclasses.dataclass(frozen=True)
class _Parts:
    """The parts of a model. Its config does not have the special ids yet."""

    config: configs.TransformerConfig
    weights: dict[str, np.ndarray]
    source: list[str]
    target: list[str]

    def starts_zero(self, start_id):
        """Returns whether the target embedding of the start id is zero."""
        _, target, _ = weight_shapes.embedding_names(self.config)
        return not self.weights[f"{target}/embeddings"][start_id].any()

    def with_padding(self):
        """Returns new parts with a padding token, and the id of this token.

        The padding token is the last token of both vocabularies. Unused tokens
        fill up the smaller vocabulary. No added token is ever emitted.
        """
        size = max(len(self.source), len(self.target))
        filled = [
            [
                *tokens,
                *(f"<unused{i}>" for i in range(len(tokens), size)),
                token_files.PADDING,
            ]
            for tokens in (self.source, self.target)
        ]
        config = dataclasses.replace(
            self.config,
            vocabulary_size=size + 1,
            target_vocabulary_size=self.config.target_vocabulary_size
            and size + 1,
        )
        weights = dict(self.weights)
        for name in set(weight_shapes.embedding_names(config)):
            rows = weights[f"{name}/embeddings"]
            added = [(0, size + 1 - len(rows)), (0, 0)]
            weights[f"{name}/embeddings"] = np.pad(rows, added)
            if f"{name}/bias" in weights:
                weights[f"{name}/bias"] = np.pad(
                    weights[f"{name}/bias"], added[0], constant_values=_NEVER
                )
        return _Parts(config, weights, *filled), size

    def complete(self, options, pad_id, start_id, file):
        """Returns the `Imported` model."""
        suffix = [options["eos_token"]] if options["add_source_eos"] else []
        prefix = [options["bos_token"]] if options["add_source_bos"] else []
        source, target = (
            text.TokenList(
                tokens,
                text.SpecialIds(
                    pad=pad_id,
                    begin=_begin(tokens, options, pad_id),
                    end=tokens.index(options["eos_token"]),
                    unknown=tokens.index(options["unk_token"]),
                    source_prefix=tuple(
                        tokens.index(each) for each in prefix if each in tokens
                    ),
                    source_suffix=tuple(map(tokens.index, suffix)),
                ),
            )
            for tokens in (self.source, self.target)
        )
        return imported.Imported(
            dataclasses.replace(self.config, pad_id=pad_id, start_id=start_id),
            self.weights,
            source,
            None if self.source == self.target else target,
            SETTINGS,
            LENGTHS,
            {
                "system": "ctranslate2",
                "spec": file.spec,
                "revision": file.revision,
            },
        )


def _options(directory, file):
    """Returns the options of a model; the defaults are those of CTranslate2.

    The options are read from `config.json`, and in older models from flags in
    `model.bin`.
    """
    path = directory / "config.json"
    options = dict(_DEFAULTS)
    if path.is_file():
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(content, dict):
                raise ValueError(f"a {type(content).__name__}, not an object")
            options |= {
                name: content[name] for name in options if name in content
            }
            _check_options(options)
        except (ValueError, TypeError, RecursionError) as error:
            raise ValueError(
                f"{path} is not a configuration ({error}). Copy it again from "
                "the original."
            ) from error
    for side in ("bos", "eos"):
        options[f"add_source_{side}"] |= ctranslate2_architecture.flag(
            file.variables, f"with_source_{side}", False
        )
    if not ctranslate2_architecture.flag(
        file.variables, "with_target_bos", True
    ):
        options["decoder_start_token"] = options["eos_token"]
    if options["decoder_start_token"] is None:
        raise ValueError(
            f"{path}: models whose user gives the first target token are not "
            "supported. Received: decoder_start_token=null. Import the model "
            "from which it was converted."
        )
    return options


def _check_options(options):
    """Raises TypeError for an option of a wrong type."""
    kinds: dict[str, tuple[type, ...]] = {
        "add_source_bos": (bool,),
        "add_source_eos": (bool,),
        "decoder_start_token": (str, type(None)),
        "layer_norm_epsilon": (int, float, type(None)),
    }
    for name, value in options.items():
        if not isinstance(value, kinds.get(name, (str,))):
            raise TypeError(f"{name} is {value!r}")


def _with_unknown(tokens, unknown):
    """Returns the tokens, with the unknown token appended if it is missing.

    CTranslate2 does the same.
    """
    return tokens if unknown in tokens else [*tokens, unknown]


def _begin(tokens, options, pad_id):
    """Returns the id of the begin token, or `None`.

    The result is `None` if the vocabulary does not have the begin token, or if
    the begin token is also the end token, the unknown token or the padding
    token.
    """
    token = options["bos_token"]
    if token not in tokens or token in (
        options["eos_token"],
        options["unk_token"],
        tokens[pad_id],
    ):
        return None
    return tokens.index(token)


def _check_tokens(directory, vocabularies, options):
    """Checks that the vocabularies have the tokens that the model needs."""
    needed = ["eos_token"], ["eos_token", "decoder_start_token"]
    if options["add_source_bos"]:
        needed[0].append("bos_token")
    for side, tokens, names in zip(
        ("source", "target"), vocabularies, needed, strict=True
    ):
        for name in names:
            if options[name] not in tokens:
                raise ValueError(
                    f"{directory}: the vocabulary of the {side} does not "
                    f"belong to the model. Received: no token {options[name]!r}"
                    f", the {name}. Take all files from the same model."
                )


def _tying(arrays, source_embedding, is_shared):
    """Returns the value of `tying`, see `build_transformer`.

    Layers share one matrix if their matrices in the file are equal. But if the
    target embedding and the projection differ, or if source and target have
    different vocabularies, the source embedding keeps its own matrix.
    """
    source, target, projection = (
        arrays.get(f"{name}/weight")
        for name in (
            source_embedding,
            "decoder/embeddings",
            "decoder/projection",
        )
    )
    if not _are_equal(target, projection):
        return "none"
    return "all" if is_shared and _are_equal(source, target) else "target"


def _are_equal(first, second):
    return first is second or (
        first is not None
        and second is not None
        and np.array_equal(first, second)
    )


def _weights(config, facts, where):
    """Returns the weights of our model, with zeros for missing biases."""
    entries = ctranslate2_names.entries(config, facts.source_embedding)
    mapping.check_all_read(entries, facts.arrays, (), where)
    return mapping.to_ours(
        entries, facts.arrays, weight_shapes.weight_shapes(config), where
    )
