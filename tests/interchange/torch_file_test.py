"""`pytorch_model.bin` is read exactly. Damage and code are refused."""

import os
import zipfile

import numpy as np
import pytest

from keras_transformer.interchange import torch_file
from tests.interchange import damage
from tests.interchange import marian_models as small

REAL = small.directory("separate") / "pytorch_model.bin"
OLD = small.GOLDENS / "marian_hf" / "before_1_6.bin"


def test_a_file_of_torch():
    arrays = torch_file.read(REAL)
    assert arrays["model.encoder.layers.1.fc1.weight"].shape == (17, 12)
    # The matrices fc2 have the transposed shape of fc1.
    names = {name for name in arrays if name.endswith("fc2.weight")}
    assert {arrays[name].shape for name in names} == {(12, 17)}
    assert all(values.dtype == "float32" for values in arrays.values())


def test_a_file_before_torch_1_6():
    arrays = torch_file.read(OLD)
    assert arrays["a"].tolist() == list(range(7))
    assert arrays["a"].dtype == "int64"
    assert arrays["b"].dtype == "float16"
    np.testing.assert_array_equal(arrays["b"], np.ones([3, 2]))


@pytest.mark.seconds
@pytest.mark.parametrize("path", [REAL, OLD], ids=["archive", "sequence"])
def test_damaged_files_are_refused_or_read(tmp_path, path):
    """2,000 damaged files raise only ValueErrors, and take little memory."""
    data = path.read_bytes()
    most = 100 if path is REAL else 1000
    refused = damage.check(
        torch_file.read, data, tmp_path / "file", 2000, 4000, most
    )
    assert refused > 1000


def repack(target, compression=zipfile.ZIP_STORED, **changes):
    """Copies the archive with some files replaced."""
    with (
        zipfile.ZipFile(REAL) as source,
        zipfile.ZipFile(target, "w", compression) as copy,
    ):
        for name in source.namelist():
            short = name.split("/", 1)[1].replace("/", "_").replace(".", "_")
            data = changes.get(short, source.read(name))
            if data is not None:
                copy.writestr(name, data)
    return target


def test_archives_that_are_wrong(tmp_path):
    path = tmp_path / "file.bin"
    compressed = repack(path, zipfile.ZIP_DEFLATED)
    with pytest.raises(ValueError, match="file.bin .*is compressed or encr"):
        torch_file.read(compressed)
    with pytest.raises(ValueError, match="storage 3 has 4 bytes instead of"):
        torch_file.read(repack(path, data_3=b"1234"))
    with pytest.raises(ValueError, match="no file 'pytorch_model/data/5'"):
        torch_file.read(repack(path, data_5=None))
    with pytest.raises(ValueError, match="no file data.pkl, or several"):
        torch_file.read(repack(path, data_pkl=None))
    with pytest.raises(ValueError, match="not a dict of arrays"):
        torch_file.read(repack(path, data_pkl=b"\x80\x02K\x01."))
    code = b"\x80\x02cposix\nsystem\nX\x05\0\0\0touch\x85R."
    with pytest.raises(ValueError, match="calls posix.system, which is not"):
        torch_file.read(repack(path, data_pkl=code))
    assert sorted(os.listdir(tmp_path)) == ["file.bin"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "file.bin is damaged"),
        (b"no pickle", "file.bin is damaged"),
        (b"\x80\x02K\x01.", "it is no file of torch"),
    ],
)
def test_files_of_another_kind(tmp_path, data, message):
    path = tmp_path / "file.bin"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=f"{message}.*safetensors"):
        torch_file.read(path)
