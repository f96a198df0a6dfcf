"""Checkpoints of OpenNMT-tf become models with the same logits."""

import shutil

import pytest

from keras_transformer.interchange import imported, opennmt_tf_import
from tests.goldens import make_checkpoints
from tests.interchange import checkpoint_models


@pytest.fixture(scope="module")
def directories(tmp_path_factory):
    folder = tmp_path_factory.mktemp("opennmt_tf")
    logits = {
        name: make_checkpoints.opennmt_tf(folder / name, *kind)
        for name, kind in {
            "shared": (True,),
            "separate": (False,),
            "post": (False, False),
        }.items()
    }
    return folder, logits


@pytest.mark.seconds
@pytest.mark.parametrize("name", ["shared", "separate", "post"])
def test_logits_are_theirs(directories, name):
    folder, logits = directories
    read = opennmt_tf_import.read(folder / name)
    assert read.config.tying == ("all" if name == "shared" else "none")
    assert read.config.normalization == ("post" if name == "post" else "pre")
    checkpoint_models.check_logits(read, logits[name], end_id=2)


def test_texts_are_tokens(directories):
    read = opennmt_tf_import.read(directories[0] / "separate")
    tokenizer, target = read.tokenizer, read.target_tokenizer
    ids = tokenizer.encode(["s0 s3 x"])
    assert ids.to_list() == [[3, 6, 16]]
    # In this model, sources have no end token.
    assert tokenizer.special_ids.complete_sources(ids).numpy().shape == (1, 3)
    assert target.pieces([0, 1, 2, 3, 18]) == [
        *("<blank>", "<s>", "</s>"),
        "t0",
        "<unk>",
    ]


class TestBadInput:
    @pytest.fixture(autouse=True)
    def set_up(self, directories, tmp_path):
        self.directory = tmp_path / "model"
        shutil.copytree(directories[0] / "separate", self.directory)

    def refuses(self, message, error=ValueError):
        with pytest.raises(error, match=message):
            imported.write_run(
                opennmt_tf_import.read(self.directory),
                self.directory.parent / "run",
            )
        assert not (self.directory.parent / "run").exists()

    def test_missing_files(self):
        (self.directory / "target_vocabulary.txt").unlink()
        self.refuses("no vocabulary of the target", FileNotFoundError)
        (self.directory / "ckpt-700.index").unlink()
        self.refuses("no checkpoint of TensorFlow", FileNotFoundError)

    def test_another_vocabulary(self):
        path = self.directory / "source_vocabulary.txt"
        path.write_text(path.read_text() + "more\n")
        self.refuses("Received: 17 tokens. Expected: 16, since")

    def test_other_checkpoints(self, tmp_path):
        arrays = {"a" + make_checkpoints.VALUE: [1.0]}
        make_checkpoints.save(self.directory, "ckpt-900", arrays)
        self.refuses("no matrix model/examples_inputter/features")

    def test_sizes_of_other_models(self, monkeypatch):
        monkeypatch.setattr(opennmt_tf_import, "_HEADS", {512: 8})
        self.refuses("how many heads .* of dimension 64. Supported: the models")
