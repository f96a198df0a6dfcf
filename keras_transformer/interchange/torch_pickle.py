"""Reads the pickle in a file of torch without executing code from it.

A pickle is a program. First its operations are checked one by one: only those
that make dicts of arrays are allowed. The few functions that it may call are
replaced by functions of this module.
"""

import collections
import io
import math
import mmap
import pickle
import pickletools
from typing import Any, NamedTuple

import numpy as np

BFLOAT16 = "bfloat16"
_STORAGES = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "BFloat16Storage": BFLOAT16,
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}
# The allowed operations. They make numbers, strings, tuples, lists and dicts,
# and call functions.
_OPERATIONS = frozenset(
    "PROTO FRAME STOP MARK POP POP_MARK NONE NEWTRUE NEWFALSE BININT BININT1 "
    "BININT2 LONG1 BINFLOAT BINUNICODE SHORT_BINUNICODE EMPTY_TUPLE TUPLE "
    "TUPLE1 TUPLE2 TUPLE3 EMPTY_DICT DICT SETITEM SETITEMS EMPTY_LIST LIST "
    "APPEND APPENDS BINPUT LONG_BINPUT MEMOIZE BINGET LONG_BINGET GLOBAL "
    "BINPERSID REDUCE BUILD".split()
)
_MOST_DIMENSIONS = 8
# The errors that `read` can raise if the bytes are damaged.
ERRORS = (
    pickle.UnpicklingError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    EOFError,
    OverflowError,
    MemoryError,
)


class Storage(NamedTuple):
    """A block of numbers, which one or several arrays use.

    kind: the type of the numbers in NumPy, or `BFLOAT16`.
    key: the name of the block in the pickle.
    size: how many numbers the block has.
    """

    kind: str
    key: str
    size: int

    @property
    def item_size(self) -> int:
        """The size of a number in bytes."""
        return 2 if self.kind == BFLOAT16 else np.dtype(self.kind).itemsize


class View(NamedTuple):
    """An array as a part of a storage.

    storage: the storage.
    offset: the index of the array's first number in the storage.
    shape: the shape of the array.
    strides: for each axis, the step in the storage from one index to the next,
        counted in numbers, not in bytes.
    """

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def of(self, numbers: np.ndarray) -> np.ndarray:
        """Returns a copy of the array.

        Args:
            numbers: all numbers of the storage, a vector.
        """
        if not math.prod(self.shape):
            return np.zeros(self.shape, numbers.dtype)
        return np.lib.stride_tricks.as_strided(
            numbers[self.offset :],
            self.shape,
            [stride * numbers.itemsize for stride in self.strides],
            writeable=False,
        ).copy()


class _State(collections.OrderedDict):
    """A dict that ignores attributes in a pickle, such as `_metadata`."""

    def __setstate__(self, state):
        pass


class _Unpickler(pickle.Unpickler):
    """An unpickler of a pickle whose operations `read` has checked."""

    def find_class(self, module, name):
        return _function(module, name)

    def persistent_load(self, pid):
        word, kind, key, _, size, *_ = pid
        if (
            word != "storage"
            or kind not in _STORAGES.values()
            or type(key) is not str
            or type(size) is not int
            or size < 0
        ):
            raise ValueError("its pickle refers to something unknown")
        return Storage(kind, key, size)


def read(file: io.BytesIO | mmap.mmap) -> Any:
    """Reads one pickle at the current position of a file.

    Args:
        file: a `BytesIO`, or a file that is mapped into memory. The position
            of the file moves to the end of the pickle.

    Returns:
        The content: numbers, booleans, `None`, strings, tuples, lists and
        dicts, with a `View` in place of each array.

    Raises:
        ValueError: the pickle has an operation or a function that a dict of
            arrays does not need, or an array that is outside of its storage.
            If the bytes are damaged, any error in `ERRORS` can be raised.

    Example:

    >>> read(io.BytesIO(pickle.dumps({"a": 3}, protocol=2)))
    {'a': 3}
    """
    start = file.tell()
    count = 0
    argument: Any
    source: Any = file
    for operation, argument, _ in pickletools.genops(source):
        count += 1
        name = operation.name
        if name not in _OPERATIONS:
            raise ValueError(
                f"its pickle has the operation {name}, which a file of weights "
                "does not need"
            )
        # These operations store an object in a table, at the index `argument`.
        # The unpickler allocates a table up to the largest index. So without
        # this check, a damaged index could fill the memory.
        if (
            operation.name in ("BINPUT", "LONG_BINPUT")
            and int(argument) > count
        ):
            raise ValueError("its pickle numbers its objects wrongly")
        if name == "GLOBAL":
            _function(*argument.split(" ", 1))
    end = file.tell()
    file.seek(start)
    content = _Unpickler(io.BytesIO(file.read(end - start))).load()
    file.seek(end)
    return content


def _function(module, name):
    """Returns the replacement of an object that a pickle refers to by name.

    Raises ValueError if the object is not allowed.
    """
    if (module, name) == ("collections", "OrderedDict"):
        return _State
    if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
        return _view
    if (module, name) == ("torch._utils", "_rebuild_parameter"):
        return lambda view, *settings: view
    if module == "torch" and name in _STORAGES:
        return _STORAGES[name]
    raise ValueError(
        f"its pickle calls {module}.{name}, which is not allowed: only arrays "
        "are read, and nothing is executed"
    )


def _view(storage, offset, shape, strides, *settings):
    """Makes a view, and checks that it is inside its storage."""
    numbers = (offset, *shape, *strides)
    if (
        not isinstance(storage, Storage)
        or not all(type(number) is int and number >= 0 for number in numbers)
        or len(shape) != len(strides)
        or len(shape) > _MOST_DIMENSIONS
    ):
        raise ValueError("its pickle describes an array wrongly")
    last = offset + sum(
        (length - 1) * stride
        for length, stride in zip(shape, strides, strict=True)
    )
    # Without the check of `count`, a stride of 0 could make a huge array.
    count = math.prod(shape)
    if count and (count > storage.size or last >= storage.size):
        raise ValueError(f"an array of shape {shape} is larger than its data")
    return View(storage, offset, tuple(shape), tuple(strides))
