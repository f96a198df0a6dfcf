"""Exported files equal those of `save_pretrained` of MarianMTModel."""

import dataclasses
import json

import numpy as np
import pytest

import keras_transformer as kt
from keras_transformer import interchange
from keras_transformer.interchange import (
    ctranslate2_import,
    imported,
    marian_export,
    marian_import,
    safetensors_file,
    transformers_files,
    weight_shapes,
)
from tests.interchange import ctranslate2_models
from tests.interchange import marian_models as small

NAMES = pytest.mark.parametrize("name", small.NAMES)
COMPUTED = {f"model.{s}.embed_positions.weight" for s in ("encoder", "decoder")}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Imports the small models as runs, and exports these runs."""
    folder = tmp_path_factory.mktemp("marian")
    for name in small.NAMES:
        interchange.write_run(small.read(name), folder / f"run_{name}")
        marian_export.write(folder / f"run_{name}", folder / name)
    return folder


def content(path):
    return json.loads(path.read_text(encoding="utf-8"))


@NAMES
def test_weights_are_those_of_the_original(exported, name):
    _, original = transformers_files.read_weights(small.directory(name))
    written = safetensors_file.read(exported / name / "model.safetensors")
    assert set(written) == set(original) - COMPUTED
    for each, values in written.items():
        np.testing.assert_array_equal(values, original[each])


@NAMES
def test_settings_and_vocabularies_are_those_of_the_original(exported, name):
    for file in ("config.json", "generation_config.json"):
        written = content(exported / name / file)
        original = content(small.directory(name) / file)
        for each, value in written.items():
            expected = original.get(each)
            if each in (
                "architectures",
                "max_length",
                "max_position_embeddings",
            ):
                continue
            # If a value is missing in the original, it has this default.
            defaults = {"early_stopping": False, "renormalize_logits": False}
            defaults |= {"length_penalty": 1.0}
            if expected is None:
                expected = defaults.get(each)
            if isinstance(value, float):
                assert value == pytest.approx(expected), each
            else:
                assert value == expected, each
    for file in ("source.spm", "target.spm"):
        written = (exported / name / file).read_bytes()
        assert written == (small.directory(name) / file).read_bytes()
    for file in ("vocab.json", "target_vocab.json"):
        if (small.directory(name) / file).is_file():
            original = content(small.directory(name) / file)
            assert content(exported / name / file) == original


@NAMES
def test_what_is_written_is_read_back(exported, name):
    before, again = small.read(name), marian_import.read(exported / name)
    assert again.config == before.config
    assert again.tokenizer.model == before.tokenizer.model
    assert again.target_tokenizer.model == before.target_tokenizer.model
    assert again.settings == before.settings
    for each, values in before.weights.items():
        np.testing.assert_array_equal(again.weights[each], values)


def write_run(path, **changes):
    """Writes a run with a new random model."""
    tokenizer = kt.Tokenizer(
        kt.learn_vocabulary(["a cat sat", "un chat"], may_be_smaller=True)
    )
    config = kt.CONVENTIONS["marian"].apply(
        kt.TransformerConfig(tokenizer.vocabulary_size, 1, 1, 8, 2, 13)
    )
    config = dataclasses.replace(config, **changes)
    random = np.random.default_rng(3)
    weights = {
        name: random.normal(size=shape).astype("float32")
        for name, shape in weight_shapes.weight_shapes(config).items()
    }
    made = imported.Imported(config, weights, tokenizer, None, {}, {}, {})
    imported.write_run(made, path)
    return made


@pytest.mark.grid
def test_a_run_of_this_package(tmp_path):
    """A run has the same scores after export and import."""
    write_run(tmp_path / "run", biases="feed_forward")
    marian_export.write(tmp_path / "run", tmp_path / "it")
    first = kt.load_translator(tmp_path / "run")
    assert content(tmp_path / "it" / "tokenizer_config.json")["eos_token"] == (
        "<eos>"
    )
    interchange.write_run(
        marian_import.read(tmp_path / "it"), tmp_path / "again"
    )
    again = kt.load_translator(tmp_path / "again")
    texts, targets = ["a cat", "un chat sat"], ["un chat", "a"]
    for one, other in zip(
        first.score(texts, targets), again.score(texts, targets), strict=True
    ):
        assert one.tokens == other.tokens
        np.testing.assert_allclose(one.log_probs, other.log_probs, atol=1e-5)


def test_tokens_that_the_search_never_chooses(tmp_path):
    read = small.read(small.NAMES[0])
    settings = {**read.settings, "banned_ids": [11, 7]}
    imported.write_run(
        dataclasses.replace(read, settings=settings), tmp_path / "run"
    )
    marian_export.write(tmp_path / "run", tmp_path / "it")
    written = marian_import.read(tmp_path / "it").settings["banned_ids"]
    assert {7, 11} <= set(written)


@pytest.mark.parametrize("stopping", ["certain", "current_length", "full"])
def test_when_the_search_stops(tmp_path, stopping):
    read = small.read(small.NAMES[0])
    settings = {**read.settings, "stopping": stopping}
    imported.write_run(
        dataclasses.replace(read, settings=settings), tmp_path / "run"
    )
    marian_export.write(tmp_path / "run", tmp_path / "it")
    again = marian_import.read(tmp_path / "it")
    assert again.settings["stopping"] == stopping


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"normalization": "pre"}, "normalization='pre'. Supported: 'post'"),
        ({"positions": "paper"}, "positions='paper'. Supported: 'half'"),
        ({"epsilon": 1e-6}, "epsilon=1e-06. Supported: 1e-05"),
        ({"activation": "swiglu"}, "activation='swiglu'. Supported: silu"),
        ({"num_key_value_heads": 1}, "num_key_value_heads=1"),
        ({"tying": "target"}, "tying='target', target_vocabulary_size=None"),
    ],
)
def test_architectures_that_it_does_not_have(changes, message):
    config = kt.CONVENTIONS["marian"].apply(kt.PRESETS["base"])
    marian_export.check_supported(config)
    with pytest.raises(ValueError, match=message):
        marian_export.check_supported(dataclasses.replace(config, **changes))


def test_what_else_is_refused(exported, tmp_path):
    run = exported / "run_shared"
    with pytest.raises(ValueError, match="quantization='int8'. Leave it out"):
        marian_export.write(run, tmp_path / "it", "int8")
    with pytest.raises(ValueError, match="not an empty directory"):
        marian_export.write(run, run)
    # The vocabulary is a list of tokens; all else is as in Marian.
    read = ctranslate2_import.read(ctranslate2_models.directory("post_norm"))
    tokens = read.tokenizer
    config = dataclasses.replace(
        small.read("shared").config,
        vocabulary_size=tokens.vocabulary_size,
        pad_id=0,
        start_id=0,
    )
    weights = {
        name: np.zeros(shape, "float32")
        for name, shape in weight_shapes.weight_shapes(config).items()
    }
    made = imported.Imported(config, weights, tokens, None, {}, {}, {})
    imported.write_run(made, tmp_path / "run")
    with pytest.raises(ValueError, match="of the kind TokenList"):
        marian_export.write(tmp_path / "run", tmp_path / "it")
    assert not (tmp_path / "it").exists()
