"""Each weight is written once, with its bytes in the right order."""

import base64

import ml_dtypes
import numpy as np
import pytest

from keras_transformer.explorer import embedded_weights


def read(data, name):
    numbers = np.frombuffer(
        base64.b64decode(data["data"]),
        {"float32": "<f4", "float16": "<f2"}[data["dtype"]],
    )
    tensor = data["tensors"][name]
    size = int(np.prod(tensor["shape"]))
    end = tensor["offset"] + size
    return numbers[tensor["offset"] : end].reshape(tensor["shape"])


@pytest.mark.parametrize("dtype", embedded_weights.DTYPES)
def test_tensors_are_read_back(dtype):
    weights = embedded_weights.Weights(dtype)
    arrays = {
        "first": np.arange(6.0).reshape(2, 3),
        "second": np.array([0.5, -7.0], ">f4"),
        "third": np.array([[[1.25]]], ml_dtypes.bfloat16),
    }
    for name, array in arrays.items():
        assert weights.add(name, array) == name
    data = weights.data()
    assert data["dtype"] == dtype
    for name, array in arrays.items():
        np.testing.assert_array_equal(
            read(data, name), array.astype("float32"), strict=False
        )


def test_a_weight_is_written_once():
    weights = embedded_weights.Weights()
    shared = np.ones([3])
    assert weights.add("a", shared) == "a"
    assert weights.add("b", shared) == "a"
    assert weights.add("c", None) is None
    assert list(weights.data()["tensors"]) == ["a"]


def test_a_weight_too_large_for_half_precision():
    weights = embedded_weights.Weights("float16")
    with pytest.raises(ValueError, match="70000.0 in 'kernel'"):
        weights.add("kernel", np.array([1.0, -70000.0]))


def test_unknown_dtype():
    with pytest.raises(ValueError, match="Received: 'int8'"):
        embedded_weights.Weights("int8")
