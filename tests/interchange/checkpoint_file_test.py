"""Checkpoints are found, and only bytes within their files are read."""

import numpy as np
import pytest

from keras_transformer.interchange import checkpoint_file
from tests.goldens import make_checkpoints
from tests.interchange import damage

ARRAYS = {"a/b": np.arange(7, dtype="float32"), "c": np.ones((3, 5), "float16")}


def test_the_newest_is_found(tmp_path):
    with pytest.raises(FileNotFoundError, match="no checkpoint of TensorFlow"):
        checkpoint_file.find(tmp_path)
    for step in (9, 70, 8):
        make_checkpoints.save(tmp_path, f"model.ckpt-{step}", ARRAYS)
    # The file `checkpoint` names the checkpoint that was written last.
    assert checkpoint_file.find(tmp_path).name == "model.ckpt-8"
    (tmp_path / "checkpoint").write_text('model_checkpoint_path: "/a/b"')
    assert checkpoint_file.find(tmp_path).name == "model.ckpt-70"


def test_arrays_are_read(tmp_path):
    arrays = {**ARRAYS, "step": np.int64(3)}
    make_checkpoints.save(tmp_path, "ckpt-1", arrays)
    checkpoint = checkpoint_file.Checkpoint(tmp_path / "ckpt-1")
    assert checkpoint.shapes == {"a/b": (7,), "c": (3, 5), "step": ()}
    for name, values in ARRAYS.items():
        read = checkpoint.read(name)
        assert read.dtype == "float32"
        np.testing.assert_array_equal(read, values)
    with pytest.raises(ValueError, match="step must be numbers.*int64"):
        checkpoint.read("step")


def test_sizes_are_checked_before_arrays_are_read(tmp_path):
    make_checkpoints.save(tmp_path, "m", ARRAYS)
    path = tmp_path / "m.data-00000-of-00001"
    # 7 numbers of 4 bytes, and 15 numbers of 2 bytes.
    assert len(path.read_bytes()) == 58
    path.write_bytes(path.read_bytes()[:57])
    with pytest.raises(
        ValueError, match="take 58 bytes, and its files have 57"
    ):
        checkpoint_file.Checkpoint(tmp_path / "m")


def read_all(prefix):
    checkpoint = checkpoint_file.Checkpoint(prefix)
    for name in checkpoint.shapes:
        checkpoint.read(name)


@pytest.mark.seconds
@pytest.mark.parametrize("name", ["m.index", "m.data-00000-of-00001"])
def test_damaged_files_are_refused(tmp_path, name):
    prefix, path = tmp_path / "m", tmp_path / name
    make_checkpoints.save(tmp_path, "m", ARRAYS)
    data = path.read_bytes()
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="m is damaged, or a file of another"):
        read_all(prefix)
    refused = damage.check(
        lambda _: read_all(prefix), data, path, 1000, 99, 2000, named=prefix
    )
    assert refused > 700
