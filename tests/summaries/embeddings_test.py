"""The projector gets vectors and labels of the same tokens."""

import numpy as np

from keras_transformer import summaries
from keras_transformer.summaries import embeddings
from tests.training.small_model import fit, make


def test_vectors_and_pieces_line_by_line(tmp_path):
    vectors = np.arange(6.0).reshape(3, 2) / 7
    pieces = ["\u2581a", "\u2028", " "]
    fit(make(), summaries.Embeddings(tmp_path, lambda: vectors, pieces))
    read = np.loadtxt(tmp_path / "embeddings.tsv", delimiter="\t")
    np.testing.assert_allclose(read, vectors, rtol=1e-3)
    labels = (tmp_path / "pieces.tsv").read_text("utf-8").split("\n")
    assert labels == ["\u2581a", "\\u2028", "(empty)", ""]
    config = (tmp_path / "projector_config.pbtxt").read_text()
    assert 'tensor_path: "embeddings.tsv"' in config
    assert 'metadata_path: "pieces.tsv"' in config


def test_a_large_vocabulary_is_cut(tmp_path, monkeypatch):
    monkeypatch.setattr(embeddings, "MOST_PIECES", 3)
    callback = summaries.Embeddings(tmp_path, lambda: np.eye(5), "abcde")
    fit(make(), callback)
    for name in ("embeddings.tsv", "pieces.tsv"):
        assert len((tmp_path / name).read_text().splitlines()) == 3


def test_a_directory_that_cannot_be_written(tmp_path, caplog):
    file = tmp_path / "file"
    file.write_text("")
    fit(make(), summaries.Embeddings(file / "logs", lambda: np.eye(2), "ab"))
    assert "Embeddings writes no more summaries" in caplog.text
