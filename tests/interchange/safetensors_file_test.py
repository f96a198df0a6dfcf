"""safetensors files are read and written exactly. Damage is refused."""

import json

import numpy as np
import pytest

from keras_transformer.interchange import safetensors_file
from tests.interchange import damage
from tests.interchange import marian_models as small

REAL = small.directory("shared") / "model.safetensors"


def write(path, header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def entry(kind="F32", shape=(3,), offsets=(0, 12)):
    return {"a": {"dtype": kind, "shape": shape, "data_offsets": list(offsets)}}


def test_there_and_back(tmp_path):
    generator = np.random.default_rng(3)
    arrays = {
        name: generator.normal(size=shape).astype("float32")
        for name, shape in {"b": (3, 5), "a": (), "c": (0, 7)}.items()
    }
    safetensors_file.write(tmp_path / "file", arrays)
    read = safetensors_file.read(tmp_path / "file")
    assert set(read) == set(arrays)
    for name, values in arrays.items():
        np.testing.assert_array_equal(read[name], values)


def test_a_file_of_transformers():
    arrays = safetensors_file.read(REAL)
    assert arrays["model.encoder.layers.1.fc1.weight"].shape == (17, 12)
    assert all(values.dtype == "float32" for values in arrays.values())


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        ("F16", np.array([1.5, -2], "float16"), [1.5, -2]),
        ("BF16", np.array([0x3FC0, 0xC000], "uint16"), [1.5, -2]),
        ("F64", np.array([1e300, 3]), [1e300, 3]),
        ("I64", np.array([2**40, -1]), [2**40, -1]),
        ("BOOL", np.array([True, False]), [True, False]),
    ],
)
def test_types(tmp_path, kind, data, expected):
    header = entry(kind, [2], [0, data.nbytes])
    path = write(tmp_path / "file", header, data.tobytes())
    assert safetensors_file.read(path)["a"].tolist() == expected


@pytest.mark.seconds
def test_damaged_files_are_refused_or_read(tmp_path):
    """2,000 damaged files raise only ValueErrors, and take little memory."""
    data = REAL.read_bytes()
    refused = damage.check(
        safetensors_file.read, data, tmp_path / "file", 2000, first=6000
    )
    assert refused > 1000


@pytest.mark.parametrize(
    ("header", "data", "message"),
    [
        (b"{", b"", "its header cannot be read"),
        (b"[1]", b"", "its header cannot be read"),
        (b"[" * 100_000, b"", "its header cannot be read"),
        ({"a": 1}, b"", "its header cannot be read"),
        (entry("F8"), bytes(12), "has the type 'F8'"),
        (entry(["F32"]), bytes(12), r"has the type \['F32'\]"),
        (entry(shape=[4]), bytes(12), r"shape \(4,\) and its bytes from \[0"),
        (entry(shape=[2**40, 2**40]), bytes(12), "and its bytes from"),
        (entry(shape=[-3]), bytes(12), "and its bytes from"),
        (entry(shape=[1] * 9), bytes(12), "and its bytes from"),
        (entry(offsets=[4, 16]), bytes(16), "begins at byte 4"),
        (entry(offsets=[0, 12, 24]), bytes(16), "and its bytes from"),
        (entry(), bytes(8), "takes 12 bytes, but 8 are left"),
        (entry(), bytes(13), "1 bytes follow after its end"),
        (
            {**entry(), "b": entry()["a"]},
            bytes(12),
            "'b' begins at byte 0, and the one before it ends at 12",
        ),
    ],
)
def test_what_is_refused(tmp_path, header, data, message):
    path = write(tmp_path / "file", header, data)
    with pytest.raises(ValueError, match=f"file is damaged.*{message}"):
        safetensors_file.read(path)


def test_a_header_that_lies_about_its_size(tmp_path):
    path = tmp_path / "file"
    path.write_bytes((2**63).to_bytes(8, "little") + b"{}")
    with pytest.raises(ValueError, match="its header takes .* but 2 are left"):
        safetensors_file.read(path)
