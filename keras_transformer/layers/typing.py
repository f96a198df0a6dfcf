"""Types for annotations. Keras has no names for these types."""

from typing import Any, TypeAlias

# A backend tensor, a NumPy array, a nested list of numbers, a Keras variable,
# or a symbolic tensor of a functional model. Keras accepts all of them, and
# has no common type for them.
Tensor: TypeAlias = Any

# The shape of a tensor. `None` stands for a size that is not known yet.
Shape: TypeAlias = tuple[int | None, ...]
