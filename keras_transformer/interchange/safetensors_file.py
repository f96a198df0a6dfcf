"""Reads and writes files in the safetensors format.

A file begins with the size of the header, an unsigned little-endian integer of
64 bits. The header follows, and then the data.

The header is JSON. For each array it has the type, the shape, and the offsets
in the data where the bytes of the array begin and end.
"""

import json
import math
import os
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_transformer.interchange import bounded_file, ctranslate2_file

# NumPy has no bfloat16, so this type is not in `_TYPES`.
_BFLOAT16 = "BF16"
_TYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U8": "u1",
    "BOOL": "?",
}
_METADATA = "__metadata__"


def read(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Reads all arrays of a file.

    Args:
        path: the file.

    Returns:
        The arrays by their names. Arrays of bfloat16 become float32.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, or of another kind.
    """
    with open(path, "rb") as stream:
        file = bounded_file.BoundedFile(stream, path)
        size = file.number("<Q", "the size of its header")
        header = _header(file, file.take(size, "its header"))
        # The format allows no gaps. So each array must begin at the byte where
        # the array before it ends.
        arrays = {}
        position = 0
        for name, (begin, end, kind, shape) in sorted(
            header.items(), key=lambda item: item[1][:2]
        ):
            if begin != position:
                raise file.damaged(
                    f"the array {name!r} begins at byte {begin:,}, and the one "
                    f"before it ends at {position:,}"
                )
            data = file.take(end - begin, f"the array {name!r}")
            arrays[name] = _array(data, kind).reshape(shape)
            position = end
        file.check_end()
    return arrays


def write(
    path: str | os.PathLike[str], arrays: Mapping[str, np.ndarray]
) -> None:
    """Writes arrays as float32 to a file.

    Args:
        path: the file; an existing file is replaced.
        arrays: the arrays by their names, of any type that NumPy converts to
            float32.
    """
    header: dict[str, Any] = {_METADATA: {"format": "pt"}}
    position = 0
    for name, values in arrays.items():
        end = position + 4 * values.size
        header[name] = {
            "dtype": "F32",
            "shape": list(values.shape),
            "data_offsets": [position, end],
        }
        position = end
    text = json.dumps(header).encode("utf-8")
    # Spaces make the data begin at a multiple of 8 bytes. So the numbers are
    # aligned if a program maps the file into memory.
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for values in arrays.values():
            file.write(np.ascontiguousarray(values, "<f4").tobytes())


def _header(file, data):
    """Reads and checks the header.

    Returns a dict from the name of each array to four values: where its bytes
    begin and end in the data, its type, and its shape.
    """
    try:
        content = json.loads(data.decode("utf-8"))
        content.pop(_METADATA, None)
        entries = {
            name: (
                *map(int, entry["data_offsets"]),
                entry["dtype"],
                tuple(map(int, entry["shape"])),
            )
            for name, entry in content.items()
        }
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        OverflowError,
        RecursionError,
    ) as error:
        raise file.damaged(f"its header cannot be read ({error!r})") from error
    for name, (*ends, kind, shape) in entries.items():
        if not isinstance(kind, str) or kind not in (_BFLOAT16, *_TYPES):
            raise file.damaged(f"the array {name!r} has the type {kind!r}")
        item_size = 2 if kind == _BFLOAT16 else np.dtype(_TYPES[kind]).itemsize
        if (
            len(ends) != 2
            or len(shape) > 8
            or min((0, *ends, *shape)) < 0
            or math.prod(shape) * item_size != ends[1] - ends[0]
        ):
            raise file.damaged(
                f"the array {name!r} has the type {kind}, the shape {shape} "
                f"and its bytes from {ends}"
            )
    return entries


def _array(data, kind):
    if kind == _BFLOAT16:
        bits = np.frombuffer(data, "<u2")
        return ctranslate2_file.Bfloat16(bits).as_float32()
    return np.frombuffer(data, _TYPES[kind])
