"""Reads `pytorch_model.bin` in both formats of torch; see `torch_pickle`.

A storage is a block of numbers, which one or several arrays use. Since torch
1.6, `pytorch_model.bin` is a zip archive of uncompressed files: the pickle
`data.pkl` and, for each storage, a file with its numbers. Before torch 1.6, it
was a sequence of pickles, followed by the numbers of all storages.
"""

import io
import math
import mmap
import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from keras_transformer.interchange import ctranslate2_file, torch_pickle

_MAGIC = 0x1950A86A20F9469CFC6C
_OLD_PROTOCOL = 1001
# In the file of a model, at most `_MOST_COPIES` arrays share a storage: the
# embedding matrices and the projection. So a file is refused if its arrays have
# in total more than `_MOST_COPIES` times as many numbers as its storages.
_MOST_COPIES = 4


def read(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Reads all arrays of a file, by name.

    Arrays of bfloat16 become arrays of float32.

    Args:
        path: the file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged or of another kind, or its pickle has
            an operation or a function that a dict of arrays does not need.
    """
    with open(path, "rb") as file:
        try:
            if zipfile.is_zipfile(file):
                return _read_archive(file)
            # The file is mapped into memory, because `read` of an ordinary file
            # would allocate as many bytes as a damaged pickle asks for.
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
                return _read_sequence(mapped)
        except (
            zipfile.BadZipFile,
            zlib.error,
            OSError,
            struct.error,
            NotImplementedError,
            RuntimeError,
            *torch_pickle.ERRORS,
        ) as error:
            raise ValueError(
                f"{path} is damaged, or a file of another kind: "
                f"{str(error) or type(error).__name__}. Copy it again from the "
                "original, or save it as safetensors."
            ) from error


def _read_archive(file):
    """Reads a file in the format that torch has written since version 1.6."""
    size = os.fstat(file.fileno()).st_size
    with zipfile.ZipFile(file) as archive:
        members = {info.filename: info for info in archive.infolist()}
        for info in members.values():
            if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
                raise ValueError(
                    f"{info.filename!r} is compressed or encrypted"
                )
        # No file is compressed. So the files can be larger in sum than the
        # archive only if the archive is damaged.
        if sum(info.file_size for info in members.values()) > size:
            raise ValueError("its files are larger than the archive")
        names = [name for name in members if name.endswith("data.pkl")]
        if len(names) != 1:
            raise ValueError("it has no file data.pkl, or several")
        folder = names[0].removesuffix("data.pkl")
        content = torch_pickle.read(io.BytesIO(archive.read(names[0])))

        def bytes_of(storage):
            name = f"{folder}data/{storage.key}"
            if name not in members:
                raise ValueError(f"it has no file {name!r}")
            return archive.read(name)

        return _arrays(content, bytes_of)


def _read_sequence(file: mmap.mmap) -> dict[str, np.ndarray]:
    """Reads a file in the format that torch wrote before version 1.6."""
    if torch_pickle.read(file) != _MAGIC:
        raise ValueError("it is no file of torch")
    if torch_pickle.read(file) != _OLD_PROTOCOL:
        raise ValueError("it has an unknown protocol")
    # The third pickle has the byte order and the sizes of types. They are not
    # used. The pickle is read only because the fourth pickle comes after it.
    torch_pickle.read(file)
    content = torch_pickle.read(file)
    keys = torch_pickle.read(file)
    item_sizes = {
        view.storage.key: view.storage.item_size
        for view in content.values()
        if isinstance(view, torch_pickle.View)
    }
    left = len(file) - file.tell()
    data = {}
    for key in keys:
        [count] = struct.unpack("<q", file.read(8))
        size = count * item_sizes[key]
        left -= 8 + size
        if count < 0 or left < 0:
            raise ValueError(f"it ends before the numbers of storage {key}")
        data[key] = file.read(size)
    return _arrays(content, lambda storage: data[storage.key])


def _arrays(
    content: Any, bytes_of: Callable[[torch_pickle.Storage], bytes]
) -> dict[str, np.ndarray]:
    """Returns the arrays that a dict of `View`s describes, by name.

    `bytes_of` is a function that returns the bytes of a storage.
    """
    if not isinstance(content, dict) or not all(
        isinstance(name, str) and isinstance(view, torch_pickle.View)
        for name, view in content.items()
    ):
        raise ValueError("it is not a dict of arrays")
    views = list(content.values())
    room = sum({view.storage: view.storage.size for view in views}.values())
    if sum(math.prod(view.shape) for view in views) > _MOST_COPIES * room:
        raise ValueError("its arrays are larger than its data")
    # Tied weights share a storage. Each storage is read once.
    read: dict[str, np.ndarray] = {}
    arrays = {}
    for name, view in content.items():
        storage = view.storage
        if storage.key not in read:
            data = bytes_of(storage)
            if len(data) != storage.size * storage.item_size:
                raise ValueError(
                    f"storage {storage.key} has {len(data):,} bytes instead of "
                    f"{storage.size:,} numbers"
                )
            if storage.kind == torch_pickle.BFLOAT16:
                bits = np.frombuffer(data, "<u2")
                numbers = ctranslate2_file.Bfloat16(bits).as_float32()
            else:
                numbers = np.frombuffer(data, storage.kind)
            read[storage.key] = numbers
        if len(read[storage.key]) != storage.size:
            raise ValueError(f"storage {storage.key} has two sizes")
        arrays[name] = view.of(read[storage.key])
    return arrays
