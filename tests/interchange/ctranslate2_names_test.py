"""The mapping has all weights of this package and all of CTranslate2."""

import dataclasses

import pytest

import keras_transformer as kt
from keras_transformer.interchange import (
    ctranslate2_file,
    ctranslate2_import,
    ctranslate2_names,
    weight_shapes,
)
from tests.interchange import ctranslate2_models as small


@pytest.mark.parametrize("name", small.NAMES)
def test_all_weights_and_all_arrays(name):
    config = ctranslate2_import.read(small.directory(name)).config
    entries = ctranslate2_names.entries(config, "encoder/embeddings_0")
    ours = [path for entry in entries for path in entry.ours]
    assert set(ours) == set(weight_shapes.weight_shapes(config))
    file = ctranslate2_file.read(small.directory(name) / "model.bin")
    arrays = {
        each
        for each, values in file.variables.items()
        if values.ndim and not each.endswith("_scale")
    }
    assert arrays == {entry.theirs for entry in entries}


def test_no_weight_has_two_places_unless_it_is_tied():
    config = kt.TransformerConfig(11, 2, 3, 6, 3, 13, biases="all")
    for tying, times in (("none", 1), ("target", 2), ("all", 3)):
        tied = dataclasses.replace(config, tying=tying)
        entries = ctranslate2_names.entries(tied, "encoder/embeddings")
        ours = [path for entry in entries for path in entry.ours]
        assert max(map(ours.count, ours)) == times
