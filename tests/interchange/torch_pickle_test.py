"""A pickle may only make dicts of arrays. No other code is executed."""

import io
import os
import pickle

import numpy as np
import pytest

from keras_transformer.interchange import torch_pickle


class Code:
    """A pickle of this object calls a function when it is loaded."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def read(program):
    return torch_pickle.read(io.BytesIO(program))


def test_plain_values():
    values = {"a": 3, "b": [1.5, None, True], "c": ("text", {"d": -7})}
    assert read(pickle.dumps(values, protocol=2)) == values


def test_it_ends_at_its_own_end():
    first, second = (pickle.dumps(value, protocol=2) for value in (3, "a"))
    file = io.BytesIO(first + second + b"rest")
    assert torch_pickle.read(file) == 3
    assert torch_pickle.read(file) == "a"
    assert file.read() == b"rest"


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize(
    "code",
    [
        Code(os.system, "touch EXECUTED"),
        Code(eval, "open('EXECUTED', 'w')"),
        Code(getattr, os, "system"),
        Code(bytearray, 2**40),
    ],
)
def test_code_is_not_executed(code, protocol, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    try:
        program = pickle.dumps({"a": code}, protocol=protocol)
    except TypeError:
        pytest.skip("not in this protocol")
    with pytest.raises(ValueError, match="is not allowed|does not need"):
        read(program)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["torch\nload", "torch._utils\n_rebuild", "builtins\ndict", "os\nx"]
)
def test_functions_that_are_not_allowed(name):
    program = b"\x80\x02c" + name.encode() + b"\n)R."
    with pytest.raises(ValueError, match="its pickle calls"):
        read(program)


def test_numbers_of_objects_take_no_memory():
    program = b"\x80\x02K\x01r" + (2**31 - 1).to_bytes(4, "little") + b"."
    with pytest.raises(ValueError, match="numbers its objects wrongly"):
        read(program)


def view(offset, shape, strides, size=12, kind="FloatStorage"):
    """Returns a pickle with one array, as torch writes it."""
    words = b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storage"
    words += b"ctorch\n" + kind.encode() + b"\nX\x01\0\0\x000X\x03\0\0\0cpu"
    numbers = [
        pickle.dumps(each, protocol=2)[2:-1]
        for each in (size, offset, shape, strides)
    ]
    return words + numbers[0] + b"tQ" + b"".join(numbers[1:]) + b"tR."


def test_a_part_of_a_storage():
    made = read(view(1, (3, 2), (4, 1)))
    assert made.storage == torch_pickle.Storage("<f4", "0", 12)
    numbers = np.arange(12, dtype="float32")
    assert made.of(numbers).tolist() == [[1, 2], [5, 6], [9, 10]]
    assert read(view(0, (0, 7), (7, 1), size=0)).of(numbers[:0]).shape == (0, 7)
    assert read(view(0, (1,), (1,), kind="HalfStorage")).storage.item_size == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, (13,), (1,)), r"shape \(13,\) is larger than its data"),
        ((2, (11,), (1,)), "is larger than its data"),
        ((0, (4, 4), (0, 0)), "is larger than its data"),
        ((0, (2**40,), (0,)), "is larger than its data"),
        ((0, (2, 2), (2**60, 1)), "is larger than its data"),
        ((-1, (1,), (1,)), "describes an array wrongly"),
        ((0, (3,), (1, 1)), "describes an array wrongly"),
        ((0, (1,) * 9, (1,) * 9), "describes an array wrongly"),
        ((0, (1.5,), (1,)), "describes an array wrongly"),
    ],
)
def test_arrays_that_do_not_fit(arguments, message):
    with pytest.raises(ValueError, match=message):
        read(view(*arguments))
