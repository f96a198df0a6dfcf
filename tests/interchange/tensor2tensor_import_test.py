"""Checkpoints of Tensor2Tensor become models with the same logits."""

import json
import shutil

import pytest

import keras_transformer as kt
from keras_transformer import interchange
from keras_transformer.interchange import tensor2tensor_import
from tests.goldens import make_checkpoints
from tests.interchange import checkpoint_models

PIECES = ("<pad>", "<EOS>", "a_", "cat", "s_", *"acst_\\u;0123456789", "\u00e9")
KINDS = {
    "shared": {"is_shared": True},
    "separate": {"is_shared": False},
    "post": {"is_shared": True, "is_pre": False, "has_space": False},
}


@pytest.fixture(scope="module")
def directories(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tensor2tensor")
    logits = {
        name: make_checkpoints.tensor2tensor(folder / name, PIECES, **kind)
        for name, kind in KINDS.items()
    }
    return folder, logits


@pytest.mark.seconds
@pytest.mark.parametrize("name", KINDS)
def test_logits_are_theirs(directories, name):
    folder, logits = directories
    read = tensor2tensor_import.read(folder / name, make_checkpoints.SPACE)
    tyings = {"shared": "target", "separate": "none", "post": "all"}
    assert read.config.tying == tyings[name]
    assert read.config.normalization == ("post" if name == "post" else "pre")
    checkpoint_models.check_logits(read, logits[name], end_id=1)


@pytest.mark.grid
@pytest.mark.seconds
def test_becomes_a_run(directories, tmp_path):
    read = tensor2tensor_import.read(directories[0] / "post")
    interchange.write_run(read, tmp_path / "run")
    translator = kt.load_translator(tmp_path / "run")
    assert translator.search.beam_size == 4 and translator.search.alpha == 0.6
    assert translator.lengths.extra == 100
    ids = translator.encode_source(["a cats"]).numpy()[0]
    assert translator.tokenizer.pieces(ids) == ["a_", "cat", "s_", "<EOS>"]
    [best] = translator.hypotheses(["a cats"])[0]
    assert best.score < 0


class TestBadInput:
    @pytest.fixture(autouse=True)
    def set_up(self, directories, tmp_path):
        self.directory = tmp_path / "model"
        shutil.copytree(directories[0] / "shared", self.directory)
        [self.vocabulary] = self.directory.glob("vocab.*")

    def refuses(self, message, error=ValueError, **options):
        with pytest.raises(error, match=message):
            tensor2tensor_import.read(self.directory, **options)

    def configure(self, **settings):
        path = self.directory / "hparams.json"
        content = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps(content | settings), encoding="utf-8")

    def test_missing_files(self):
        (self.directory / "hparams.json").unlink()
        self.refuses("number of heads is unknown: .*hparams.json is missing")
        self.vocabulary.unlink()
        self.refuses("has no vocabulary. Expected a file", FileNotFoundError)

    def test_other_vocabularies(self):
        self.vocabulary.write_text("'<pad>'\n'<EOS>'\n'ab_'\n")
        self.refuses("no piece '0'")
        self.vocabulary.write_text("'x'\n" * 99)
        self.refuses("Received: 99 pieces. Expected at most 24")
        self.vocabulary.write_bytes(b"\xff\xfe")
        self.refuses("is not a vocabulary")
        (self.directory / "vocab.other").write_text("")
        self.refuses("vocabularies = .*Supported: 'one for both")

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"pos": "emb"}, "pos = 'emb'. Supported: 'timing'"),
            ({"num_heads": 5}, "num_heads = 5. Supported: 'divisors of"),
            ({"layer_preprocess_sequence": "none"}, "= 'none'. Supported: 'n'"),
            ({"self_attention_type": "dot_product_relative"}, "_relative'. Su"),
        ],
    )
    def test_configurations(self, settings, message):
        self.configure(**settings)
        self.refuses(message)

    def test_target_spaces(self):
        self.refuses("--target_space=32. Give the target_s", target_space=32)

    def test_other_checkpoints(self):
        make_checkpoints.save(self.directory, "model.ckpt-9", {"a": [1.0]})
        self.refuses("no matrix encoder/layer_0/ffn/conv1/kernel")


def test_pieces_of_files(tmp_path):
    path = tmp_path / "vocab"
    path.write_text("'a_'\nb\n\"'\"\n'''\n'\n", encoding="utf-8")
    pieces = ["a_", "b", "'", "'", "'"]
    assert tensor2tensor_import.read_pieces(path) == pieces
