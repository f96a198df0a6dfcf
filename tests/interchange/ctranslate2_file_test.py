"""`model.bin` is read and written exactly. Damaged files are refused."""

import numpy as np
import pytest

from keras_transformer.interchange import (
    ctranslate2_architecture,
    ctranslate2_file,
)
from tests.interchange import ctranslate2_models as small
from tests.interchange import damage

FILE = "model.bin"


def read_bytes(tmp_path, data):
    path = tmp_path / FILE
    path.write_bytes(data)
    return ctranslate2_file.read(path)


def test_every_type_is_written_and_read(tmp_path):
    generator = np.random.default_rng(3)
    values = generator.normal(size=(3, 5)).astype("float32")
    variables = {
        "a": values,
        "b": values.astype("float16"),
        "c": np.arange(-7, 4, dtype="int8"),
        "d": np.array(-300, "int16"),
        "e": np.array([[2**31 - 1]], "int32"),
        "f": ctranslate2_file.Bfloat16.of(values),
        "f_scale": np.array([2.0], "float32"),
    }
    path = tmp_path / FILE
    ctranslate2_file.write(path, "Spec", 5, variables, {"g/h": "f"})
    read = ctranslate2_file.read(path)
    assert (read.spec, read.revision) == ("Spec", 5)
    assert set(read.variables) == {*variables, "g/h", "g/h_scale"}
    for name in "abcde":
        np.testing.assert_array_equal(read.variables[name], variables[name])
        assert read.variables[name].dtype == variables[name].dtype
    np.testing.assert_allclose(read.variables["f"], values, rtol=2**-8)
    assert read.variables["g/h"] is read.variables["f"]


def test_bfloat16_rounds_to_even():
    bits = np.array([0x3F808000, 0x3F818000, 0x3F808001], "uint32")
    rounded = ctranslate2_file.Bfloat16.of(bits.view("float32"))
    assert rounded.bits.tolist() == [0x3F80, 0x3F82, 0x3F81]


def test_their_files_are_written_back_alike(tmp_path):
    """All names and numbers of CTranslate2's files stay, also of aliases."""
    for name in small.NAMES:
        original = small.directory(name) / FILE
        read = ctranslate2_file.read(original)
        assert read.spec == "TransformerSpec"
        path = tmp_path / FILE
        ctranslate2_file.write(
            path, read.spec, read.revision, read.variables, {}
        )
        again = ctranslate2_file.read(path)
        assert set(again.variables) == set(read.variables)
        for key, values in read.variables.items():
            np.testing.assert_array_equal(again.variables[key], values)


@small.needs_real
def test_an_old_version():
    read = ctranslate2_file.read(small.REAL / FILE)
    assert (read.spec, read.revision) == ("TransformerBase", 2)
    assert len(read.variables) == 200
    assert read.variables["decoder/projection/weight"].shape == (43, 32)


@pytest.mark.seconds
def test_damaged_files_are_refused_or_read(tmp_path):
    """2,000 damaged files raise only ValueErrors, and take little memory."""

    def read(path):
        file = ctranslate2_file.read(path)
        ctranslate2_architecture.of_file(file, path, None)

    data = (small.directory("pre_norm") / FILE).read_bytes()
    assert damage.check(read, data, tmp_path / FILE, 2000) > 1000


def string(text):
    data = text + b"\0"
    return len(data).to_bytes(2, "little") + data


def u32(*numbers):
    return b"".join(number.to_bytes(4, "little") for number in numbers)


HEAD = u32(6) + string(b"Spec") + u32(1)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "its version takes 4 bytes, but 0 are left"),
        (b"PK\3\4 a zip file", "its version is .*2 to 6 are known"),
        (u32(1), "its version is 1"),
        (u32(6) + b"\3\0abc", "the name of the model has no end"),
        (u32(6) + string(b"\xff"), "the name of the model is not UTF-8"),
        (HEAD + u32(1) + string(b"a") + b"\x09", "'a', has 9 dimensions"),
        (
            HEAD + u32(1) + string(b"a") + b"\1" + u32(3) + b"\x06",
            "'a', has the unknown type 6",
        ),
        (
            HEAD + u32(1) + string(b"a") + b"\1" + u32(3) + b"\0" + u32(8),
            r"'a', has the shape \(3,\), but 8 bytes",
        ),
        (
            HEAD
            + u32(1)
            + string(b"a")
            + b"\2"
            + u32(2**31, 2**31)
            + b"\0"
            + u32(0),
            "has the shape .*, but 0 bytes",
        ),
        (
            HEAD
            + u32(1)
            + string(b"a")
            + b"\1"
            + u32(2**30 - 1)
            + b"\0"
            + u32(2**32 - 4),
            "takes 4,294,967,292 bytes, but 0 are left",
        ),
        (
            HEAD + u32(2) + 2 * (string(b"a") + b"\0\1" + u32(1) + b"\5"),
            "two variables have the name 'a'",
        ),
        (HEAD + u32(0, 1) + 2 * string(b"a"), "of 'a', which does not exist"),
        (HEAD + u32(0, 0) + b"x", "1 bytes follow after its end"),
        (HEAD + u32(2**32 - 1), "the name of variable 0 takes 2 bytes"),
    ],
)
def test_what_is_refused(tmp_path, data, message):
    with pytest.raises(ValueError, match=message):
        read_bytes(tmp_path, data)
