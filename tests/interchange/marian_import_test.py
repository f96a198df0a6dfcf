"""MarianMTModel encodes, scores and translates here as in transformers."""

import json
import shutil

import numpy as np
import pytest
import tensorflow as tf

from keras_transformer.interchange import marian_import
from tests import costs
from tests.interchange import golden_model
from tests.interchange import marian_models as small

NAMES = pytest.mark.parametrize("name", small.NAMES)


@NAMES
def test_texts_have_their_ids(name):
    golden, translator = small.answers(name), small.translator(name)
    texts = tf.constant(golden["texts"])
    source_ids = translator.encode_source(texts).numpy()
    np.testing.assert_array_equal(source_ids, golden["source_ids"])
    unknown = translator.tokenizer.special_ids.unknown
    assert unknown in source_ids[-1] and unknown not in source_ids[0]
    targets = tf.constant(golden["targets"])
    target_ids = translator.encode_target(targets).numpy()
    np.testing.assert_array_equal(target_ids, golden["target_ids"])


@NAMES
def test_memory_and_logits_are_theirs(name):
    golden_model.check(small.answers(name), small.translator(name).model)


@pytest.mark.seconds
@pytest.mark.parametrize("name", costs.grid(small.NAMES, keep=["separate"]))
def test_beam_search_finds_theirs(name):
    golden, translator = small.answers(name), small.translator(name)
    assert len(golden["texts"]) == 100
    assert translator.search.beam_size == 4
    found = translator.hypotheses(golden["texts"].tolist())
    for each, sequence, text, score in zip(
        found,
        golden["sequences"],
        golden["translations"],
        golden["scores"],
        strict=True,
    ):
        # The sequence of transformers begins with the padding id.
        pad_id = translator.model.pad_id
        theirs = sequence[1:][sequence[1:] != pad_id].tolist()
        pieces = translator.target_tokenizer.pieces(theirs)
        assert each[0].tokens == pieces
        assert each[0].text == text
        assert each[0].score == pytest.approx(float(score), abs=1e-5)
    assert len(set(golden["translations"].tolist())) > 20


def test_architectures_are_read():
    shared, separate = (small.read(name) for name in small.NAMES)
    assert shared.config.tying == "all"
    assert shared.config.activation == "silu"
    assert shared.config.embedding_scale == "sqrt_dim"
    assert shared.config.target_vocabulary_size is None
    assert shared.settings["stopping"] == "current_length"
    assert shared.settings["normalized_over"] == "allowed"
    assert separate.config.tying == "none"
    assert separate.config.activation == "relu"
    assert separate.config.embedding_scale == "none"
    assert separate.config.target_vocabulary_size == 38
    assert separate.settings["stopping"] == "full"
    assert separate.settings["normalized_over"] == "all"
    assert separate.lengths["extra"] == 19


class TestBadInput:
    @pytest.fixture(autouse=True)
    def set_up(self, tmp_path):
        self.directory = tmp_path / "model"
        shutil.copytree(small.directory("shared"), self.directory)

    def refuses(self, message, error=ValueError):
        with pytest.raises(error, match=message):
            marian_import.read(self.directory)

    def configure(self, file="config.json", **settings):
        path = self.directory / file
        content = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps(content | settings), encoding="utf-8")

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("model.safetensors", "no weights. Expected model.safetensors or"),
            ("source.spm", "no source.spm"),
            ("vocab.json", "no vocab.json"),
            ("config.json", "no config.json. Give a directory that the lib"),
        ],
    )
    def test_missing_files(self, name, message):
        (self.directory / name).unlink()
        self.refuses(message, FileNotFoundError)

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"model_type": "t5"}, "model_type = 't5'. Supported: 'marian'"),
            ({"normalize_before": True}, "normalize_before = True. Supported"),
            ({"activation_function": "tanh"}, "function = 'tanh'. Supported"),
            ({"decoder_ffn_dim": 19}, r"ffn_dim = \[17, 19\]. Supported"),
            ({"encoder_attention_heads": 0}, "whole number from 1"),
            ({"encoder_layers": 10**9}, "encoder_layers must be .* to 1000"),
            ({"vocab_size": 10**12}, "vocab_size must be .* to 16777216"),
            ({"vocab_size": 7}, "Expected ids below vocab_size=7"),
            ({"vocab_size": 10**5}, r"Expected: \(100000, 12\)"),
            ({"encoder_layers": 3}, "no array 'model.encoder.layers.2.self"),
            ({"encoder_layers": 1}, "arrays of an architecture that is not"),
            ({"d_model": 24}, r"shape \(12, 12\). Expected: \(24, 24\)"),
            ({"d_model": 14}, "d_model = 14. Supported: 'multiples of 6'"),
            ({"decoder_start_token_id": 999}, "999, .* tokens. Take all"),
            ({"decoder_start_token_id": 5, "pad_token_id": 5}, "padding token"),
            ({"eos_token_id": 999}, "below the number of tokens"),
        ],
    )
    def test_configurations(self, settings, message):
        self.configure(**settings)
        self.refuses(message)

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"bad_words_ids": [[3, 4]]}, r"bad_words_ids = \[\[3, 4\]\]"),
            ({"num_beam_groups": 2}, "num_beam_groups = 2. Supported: 1"),
            ({"early_stopping": "maybe"}, "early_stopping = 'maybe'"),
            ({"max_length": -1}, "max_length must be a whole number from 1"),
        ],
    )
    def test_settings_of_the_search(self, settings, message):
        self.configure("generation_config.json", **settings)
        self.refuses(message)

    def test_damaged_vocabularies(self):
        (self.directory / "vocab.json").write_text("[1]")
        self.refuses("vocab.json must have an object. Received: list")
        (self.directory / "vocab.json").write_text("{")
        self.refuses("vocab.json is not JSON")
        (self.directory / "vocab.json").write_text('{"a": 0}')
        self.refuses("no unknown token '<unk>'")
        shutil.copy(small.directory("shared") / "vocab.json", self.directory)
        (self.directory / "target.spm").write_bytes(b"nothing")
        self.refuses("target.spm, .*cannot be read")

    def test_without_settings_of_the_search(self):
        (self.directory / "generation_config.json").unlink()
        read = marian_import.read(self.directory)
        assert read.settings["beam_size"] == 1
        assert read.lengths["extra"] == 511

    def test_a_number_that_has_no_effect(self):
        """OPUS-MT models have one, but MarianMTModel does not read it."""
        before = marian_import.read(self.directory)
        self.configure(extra_pos_embeddings=53685)
        assert marian_import.read(self.directory).config == before.config
