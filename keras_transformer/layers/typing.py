"""Types of the library's signatures that Keras has no name for."""

from typing import Any, TypeAlias

# A tensor of the backend, a NumPy array, nested lists of numbers, a variable,
# or a symbolic tensor of a functional model. Keras takes all of them and has no
# common type for them.
Tensor: TypeAlias = Any

# A shape as Keras gives it: `None` for a size that is not known yet.
Shape: TypeAlias = tuple[int | None, ...]
