"""Small models and a real model of CTranslate2, with its results."""

import dataclasses
import functools
import json
import pathlib

import pytest

import keras_transformer as kt
from keras_transformer.interchange import ctranslate2_import

GOLDENS = pathlib.Path(__file__).parent.parent / "goldens"
SEARCH = kt.search.BeamSearch(
    4,
    4,
    alpha=1.0,
    penalty="average",
    constraints=kt.search.Constraints(normalized_over="allowed"),
    stopping="full",
)
NAMES = ("pre_norm", "post_norm", "gated", "zero_start")
# A trained model from the test data of CTranslate2. It is not in this
# repository.
REAL = (
    pathlib.Path(__file__).parents[3]
    / "shared/data/ctranslate2_aren_transliteration"
)
needs_real = pytest.mark.skipif(
    not REAL.is_dir(), reason=f"needs aren-transliteration in {REAL}"
)


def directory(name):
    return GOLDENS / "ctranslate2" / name


@functools.cache
def answers(name):
    """Returns the results of CTranslate2 for a model."""
    text = (GOLDENS / "ctranslate2.json").read_text(encoding="utf-8")
    return json.loads(text)[name]


@functools.cache
def translator(name):
    """Imports a small model, with the search that gave its results."""
    read = ctranslate2_import.read(directory(name))
    return kt.Translator(
        read.build(),
        read.tokenizer,
        dataclasses.replace(SEARCH, beam_size=3, top_beams=3),
        target_tokenizer=read.target_tokenizer,
        lengths=kt.translation.Lengths(ratio=0, extra=11, minimum=2),
    )
