"""Writes responses in the format of TensorFlow Serving's REST interface.

The response to a call is `{"predictions": [...]}`. For each instance of the
request, the list has an object with all outputs. If the signature has only one
output, the list has the value of this output instead of the object.

The class `front.Front` reads requests and writes responses in its own process.
This file needs only the standard library, so that the process of `Front` does
not import TensorFlow.
"""

import json
from collections.abc import Mapping
from typing import Any

# For each type of an input or output, its name in the metadata of TensorFlow
# Serving. The names come from TensorFlow's enum `DataType`.
_TYPES = {"string": "DT_STRING", "float32": "DT_FLOAT", "bool": "DT_BOOL"}


def write_answer(outputs: Mapping[str, list[Any]]) -> bytes:
    """Writes the outputs of a call as the body of a response.

    Args:
        outputs: for each output a list with a value for each instance.

    Example:

    >>> write_answer({"text": ["a", "b"], "score": [-0.5, -2.0]})
    b'{"predictions": [{"text": "a", "score": -0.5}, ... -2.0}]}'
    """
    if len(outputs) == 1:
        [predictions] = outputs.values()
    else:
        predictions = [
            dict(zip(outputs, values, strict=True))
            for values in zip(*outputs.values(), strict=True)
        ]
    return _write_json({"predictions": predictions})


def write_error(message: str) -> bytes:
    """Writes the body of the response to a request that is refused."""
    return _write_json({"error": message})


def write_status(version: str, is_available: bool) -> bytes:
    """Writes the body of a response that tells the state of the model.

    Args:
        version: the version of the model.
        is_available: whether the server accepts calls; False if the server is
            shutting down.
    """
    state = "AVAILABLE" if is_available else "UNLOADING"
    status = {"error_code": "OK", "error_message": ""}
    return _write_json(
        {
            "model_version_status": [
                {"version": version, "state": state, "status": status}
            ]
        }
    )


def write_metadata(name: str, version: str, signatures: Mapping) -> bytes:
    """Writes the body of a response that describes the signatures.

    Args:
        name: the name of the model.
        version: the version of the model.
        signatures: for each signature a dict with the keys `inputs` and
            `outputs`. Each value is a dict from a name to a pair of the type
            and the shape. A type is a key of `_TYPES`. A shape is `None` if its
            rank is unknown. A size in a shape is `None` or -1 if it is not
            fixed.
    """
    described = {
        signature: {
            "inputs": _described(tensors["inputs"]),
            "outputs": _described(tensors["outputs"]),
            "method_name": "tensorflow/serving/predict",
        }
        for signature, tensors in signatures.items()
    }
    return _write_json(
        {
            "model_spec": {
                "name": name,
                "signature_name": "",
                "version": version,
            },
            "metadata": {"signature_def": {"signature_def": described}},
        }
    )


def _described(tensors):
    described = {}
    for name, (dtype, shape) in tensors.items():
        dims = [
            {"size": str(-1 if size is None else size)} for size in shape or ()
        ]
        described[name] = {
            "dtype": _TYPES[dtype],
            "tensor_shape": {"dim": dims, "unknown_rank": shape is None},
        }
    return described


def _write_json(value):
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
