"""Collects the weights of a model as one block of numbers for the explorer.

The explorer is a page in a browser. The page reads the numbers with
`front_end/engine/weights.js`.
"""

import base64
from typing import Any

import numpy as np

from keras_transformer.layers import checks
from keras_transformer.layers.typing import Tensor

DTYPES = ("float32", "float16")


class Weights:
    """A collection of named weights. A shared weight is stored only once.

    Args:
        dtype: the type of all numbers: `"float32"`, or `"float16"` for half
            the size.

    Raises:
        ValueError: `dtype` is unknown.

    Example:

    >>> weights = Weights()
    >>> weights.add("kernel", np.ones((2, 3)))
    'kernel'
    >>> weights.data()["tensors"]
    {'kernel': {'shape': [2, 3], 'offset': 0}}
    """

    def __init__(self, dtype: str = "float32"):
        checks.check_name("dtype", dtype, DTYPES)
        self.dtype = dtype
        self._names: dict[int, str] = {}
        self._arrays: dict[str, np.ndarray] = {}
        # The keys of `_names` are values of `id(weight)`. Python can give the
        # `id` of a deleted object to a new object. So this list keeps all added
        # weights, and Python does not delete them.
        self._added: list[Any] = []

    def add(self, name: str, weight: Tensor | None) -> str | None:
        """Adds a weight, and returns the name under which the page finds it.

        Args:
            name: the name for the weight. Each weight needs its own name.
            weight: a variable or array of any float dtype; `None` for a
                weight that the layer does not have.

        Returns:
            `name`; the earlier name if the same weight was added before;
            `None` if `weight` is `None`.

        Raises:
            ValueError: all numbers of the weight are finite, but one of them is
                too large for `dtype`.
        """
        if weight is None:
            return None
        if id(weight) in self._names:
            return self._names[id(weight)]
        array = np.asarray(weight).astype("float32")
        # The page expects little-endian numbers, whatever machine wrote them.
        with np.errstate(over="ignore"):
            stored = array.astype(np.dtype(self.dtype).newbyteorder("<"))
        if np.isinf(stored).any() and np.isfinite(array).all():
            raise ValueError(
                f"A weight is too large for {self.dtype}. Received: "
                f"{np.abs(array).max()} in {name!r}. Embed the weights in "
                "float32."
            )
        self._names[id(weight)] = name
        self._added.append(weight)
        self._arrays[name] = stored
        return name

    def data(self) -> dict[str, Any]:
        """Returns the fields `dtype`, `tensors` and `data` for the page.

        `dtype` is the type of all numbers. `data` is a string, the base64
        encoding of all numbers, little-endian. `tensors` has the shape
        and the offset of each tensor. The offset is the index of the tensor's
        first number among all numbers.
        """
        tensors, offset = {}, 0
        for name, array in self._arrays.items():
            tensors[name] = {"shape": list(array.shape), "offset": offset}
            offset += array.size
        blob = b"".join(array.tobytes() for array in self._arrays.values())
        return {
            "dtype": self.dtype,
            "tensors": tensors,
            "data": base64.b64encode(blob).decode(),
        }
