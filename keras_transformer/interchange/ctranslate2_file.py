"""Reads and writes `model.bin`, the file of CTranslate2 with named arrays.

An alias is a second name of a variable. u8, u16 and u32 are unsigned integers
of 8, 16 and 32 bits, little-endian. The file has these parts in this order:

    u32 version, string name of the kind of model,
    u32 revision, see `ModelFile`,
    u32 number of variables; for each variable:
        string name, u8 rank, u32 sizes, u8 type, u32 number of bytes, data
    u32 number of aliases; for each alias:
        string alias, string name of the variable

A string is the number of its bytes (u16), then the bytes. The last byte is 0
and is counted. Before version 4, a variable has the size of an item (u8)
instead of the type, and the number of items instead of the number of bytes.
Before version 3 there are no aliases.
"""

import dataclasses
import math
import os
import struct

import numpy as np

from keras_transformer.interchange import bounded_file

VERSIONS = (2, 3, 4, 5, 6)
_WRITTEN_VERSION = 6
# This name stands for the type bfloat16, since NumPy has no such type. A number
# of this type is the upper half of the bits of a float32.
_BFLOAT16 = "bfloat16"
_TYPES = ("<f4", "i1", "<i2", "<i4", "<f2", _BFLOAT16)
_TYPES_BY_ITEM_SIZE = {4: "<f4", 2: "<i2", 1: "i1"}
_MOST_DIMENSIONS = 8


@dataclasses.dataclass(frozen=True)
class ModelFile:
    """The content of a `model.bin`.

    spec: the name of the kind of model.
    revision: a number that CTranslate2 increases when it gives the variables of
        this kind of model other names.
    variables: arrays by their names, and again by their aliases. Arrays of
        bfloat16 in the file are float32 here.

    Example:

    >>> ModelFile("TransformerSpec", 7, {}).spec
    'TransformerSpec'
    """

    spec: str
    revision: int
    variables: dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Bfloat16:
    """An array of bfloat16 numbers.

    bits: uint16, the upper halves of float32 numbers.

    Example:

    >>> Bfloat16.of(np.array([1.0], "float32")).bits.tolist()
    [16256]
    """

    bits: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray) -> "Bfloat16":
        """Rounds float32 numbers to the nearest bfloat16, ties to even.

        Args:
            values: numbers, an array of any shape. They must not be NaN, which
                is not checked.
        """
        bits = np.ascontiguousarray(values, "float32").view("uint32")
        odd = (bits >> 16) & 1
        return cls(((bits + 0x7FFF + odd) >> 16).astype("uint16"))

    def as_float32(self) -> np.ndarray:
        """Returns the numbers as float32."""
        return (self.bits.astype("uint32") << 16).view("float32")


def read(path: str | os.PathLike[str]) -> ModelFile:
    """Reads a `model.bin`.

    Args:
        path: the file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, or of another kind or version.
    """
    with open(path, "rb") as stream:
        file = bounded_file.BoundedFile(stream, path)
        version = file.number("<I", "its version")
        if version not in VERSIONS:
            raise file.damaged(
                f"its version is {version}; versions {VERSIONS[0]} to "
                f"{VERSIONS[-1]} are known"
            )
        spec = _string(file, "the name of the model")
        revision = file.number("<I", "its revision")
        variables: dict[str, np.ndarray] = {}
        for number in range(file.number("<I", "the number of variables")):
            name, values = _variable(file, version, f"variable {number}")
            if name in variables:
                raise file.damaged(f"two variables have the name {name!r}")
            variables[name] = values
        if version >= 3:
            _read_aliases(file, variables)
        file.check_end()
    return ModelFile(spec, revision, variables)


def write(
    path: str | os.PathLike[str],
    spec: str,
    revision: int,
    variables: dict[str, np.ndarray | Bfloat16],
    aliases: dict[str, str],
) -> None:
    """Writes a `model.bin`.

    Args:
        path: the file; an existing file is replaced.
        spec: the name of the kind of model.
        revision: see `ModelFile`.
        variables: arrays by their names, of float32, float16, int8, int16,
            int32 or `Bfloat16`.
        aliases: for each alias the name of its variable.

    Raises:
        ValueError: an array has another type. The file is then incomplete.
    """
    with open(path, "wb") as file:

        def write_string(text):
            data = text.encode("utf-8") + b"\0"
            file.write(struct.pack("<H", len(data)) + data)

        file.write(struct.pack("<I", _WRITTEN_VERSION))
        write_string(spec)
        file.write(struct.pack("<II", revision, len(variables)))
        for name, values in sorted(variables.items()):
            if isinstance(values, Bfloat16):
                values, kind = values.bits, _BFLOAT16
            else:
                kind = values.dtype.newbyteorder("<").str.replace("|", "")
            data = np.ascontiguousarray(values).tobytes()
            write_string(name)
            file.write(struct.pack("<B", values.ndim))
            file.write(struct.pack(f"<{values.ndim}I", *values.shape))
            file.write(struct.pack("<BI", _TYPES.index(kind), len(data)))
            file.write(data)
        file.write(struct.pack("<I", len(aliases)))
        for alias, name in sorted(aliases.items()):
            write_string(alias)
            write_string(name)


def _string(file, what):
    data = file.take(file.number("<H", what), what)
    if not data.endswith(b"\0"):
        raise file.damaged(f"{what} has no end")
    try:
        return data[:-1].decode("utf-8")
    except UnicodeDecodeError as error:
        raise file.damaged(f"{what} is not UTF-8") from error


def _variable(file, version, what):
    """Reads one variable, and returns its name and its array."""
    name = _string(file, f"the name of {what}")
    what = f"{what}, {name!r},"
    rank = file.number("<B", what)
    if rank > _MOST_DIMENSIONS:
        raise file.damaged(f"{what} has {rank} dimensions")
    shape = tuple(file.number("<I", what) for _ in range(rank))
    kind = _kind(file, version, what)
    item_size = 2 if kind == _BFLOAT16 else np.dtype(kind).itemsize
    size = file.number("<I", what)
    if version < 4:
        size *= item_size
    # A damaged file may state huge sizes. `math.prod` multiplies Python's
    # integers, which do not overflow.
    if math.prod(shape) * item_size != size:
        raise file.damaged(f"{what} has the shape {shape}, but {size:,} bytes")
    data = file.take(size, what)
    if kind == _BFLOAT16:
        values = Bfloat16(np.frombuffer(data, "<u2")).as_float32()
    else:
        values = np.frombuffer(data, kind)
    return name, values.reshape(shape)


def _kind(file, version, what):
    """Reads the type of a variable: a dtype of NumPy, or `_BFLOAT16`."""
    code = file.number("<B", what)
    if version < 4:
        kind = _TYPES_BY_ITEM_SIZE.get(code)
    else:
        kind = _TYPES[code] if code < len(_TYPES) else None
    if kind is None:
        raise file.damaged(f"{what} has the unknown type {code}")
    return kind


def _read_aliases(file, variables):
    """Adds each alias to `variables`, with the array of its variable.

    If the array has a scale, which is a variable whose name ends with `_scale`,
    the scale gets an alias with the same ending. An alias does not replace a
    variable of the same name.
    """
    for number in range(file.number("<I", "the number of aliases")):
        what = f"alias {number}"
        alias, name = _string(file, what), _string(file, what)
        if name not in variables:
            raise file.damaged(f"{what} is of {name!r}, which does not exist")
        for ending in ("", "_scale"):
            if name + ending in variables:
                variables.setdefault(alias + ending, variables[name + ending])
