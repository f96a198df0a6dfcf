"""The small models of MarianMTModel, and the results of transformers."""

import functools
import pathlib

import numpy as np

import keras_transformer as kt
from keras_transformer.interchange import marian_import
from keras_transformer.runs import loading

GOLDENS = pathlib.Path(__file__).parent.parent / "goldens"
NAMES = ("shared", "separate")


def directory(name):
    return GOLDENS / "marian_hf" / name


@functools.cache
def answers(name):
    """Returns the results of transformers for a model."""
    with np.load(GOLDENS / "marian_hf.npz") as golden:
        return {
            key.removeprefix(f"{name}/"): values
            for key, values in golden.items()
            if key.startswith(f"{name}/")
        }


@functools.cache
def read(name):
    return marian_import.read(directory(name))


@functools.cache
def translator(name):
    """Imports a small model, with the search that gave its results."""
    imported = read(name)
    return kt.Translator(
        imported.build(),
        imported.tokenizer,
        loading.search_of(imported.settings),
        target_tokenizer=imported.target_tokenizer,
        lengths=kt.translation.Lengths(**imported.lengths),
    )
