"""The mapping has all weights of this package and all of MarianMTModel."""

import pytest

from keras_transformer.interchange import (
    marian_names,
    transformers_files,
    weight_shapes,
)
from tests.interchange import marian_models as small

COMPUTED = {f"model.{s}.embed_positions.weight" for s in ("encoder", "decoder")}


@pytest.mark.parametrize("name", small.NAMES)
def test_all_weights_and_all_arrays(name):
    config = small.read(name).config
    entries = marian_names.entries(config) + marian_names.embeddings(config)
    ours = [path for entry in entries for path in entry.ours]
    assert sorted(ours) == sorted(weight_shapes.weight_shapes(config))
    _, arrays = transformers_files.read_weights(small.directory(name))
    assert set(arrays) - COMPUTED == {entry.theirs for entry in entries}
