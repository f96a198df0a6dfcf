"""An imported model becomes a complete run, or no run at all."""

import dataclasses

import numpy as np
import pytest

import keras_transformer as kt
from keras_transformer.interchange import ctranslate2_import, imported
from tests.interchange import ctranslate2_models as small


@pytest.fixture(scope="module")
def read():
    return ctranslate2_import.read(small.directory("pre_norm"))


def test_a_run_like_others(read, tmp_path):
    directory = tmp_path / "deep" / "run"
    imported.write_run(read, directory)
    assert {path.name for path in directory.iterdir()} == {
        "config.json",
        "model.keras",
        "tokenizer.model",
    }
    assert [path.name for path in directory.parent.iterdir()] == ["run"]
    translator = kt.load_translator(directory)
    for name, variable in imported.named_variables(translator.model).items():
        np.testing.assert_array_equal(variable, read.weights[name])
    assert translator.lengths == kt.translation.Lengths(
        ratio=0.0, extra=256, minimum=2
    )
    assert kt.runs.run_search(directory, top_beams=4) == small.SEARCH


def test_two_vocabularies(tmp_path):
    read = ctranslate2_import.read(small.directory("post_norm"))
    imported.write_run(read, tmp_path / "run")
    translator = kt.load_translator(tmp_path / "run")
    assert translator.tokenizer.model == read.tokenizer.model
    assert translator.target_tokenizer.model == read.target_tokenizer.model
    assert translator.target_tokenizer.vocabulary_size == 14


def test_nothing_is_left_after_an_error(read, tmp_path):
    weights = {**read.weights, "embedding/bias": np.zeros([3], "float32")}
    wrong = dataclasses.replace(read, weights=weights)
    with pytest.raises(ValueError, match="'embedding/bias', .17,"):
        imported.write_run(wrong, tmp_path / "run")
    assert list(tmp_path.iterdir()) == []
