"""Checks of the arguments of layers and of the shapes of their inputs.

Each check raises a ValueError that says what was received, what was expected
and what to do. `name` is the name of the checked argument in this message.
No check needs the values in a tensor, since a graph may not have them yet.
"""

import math
import numbers
from collections.abc import Iterable
from typing import Any

import numpy as np

from keras_transformer.layers.typing import Shape, Tensor


def check_size(name: str, value: Any) -> None:
    """Checks that `value` is a whole number of at least 1."""
    is_whole = isinstance(value, numbers.Integral) and value is not True
    if not is_whole or value < 1:
        raise ValueError(
            f"`{name}` must be a whole number, at least 1. Received: "
            f"{value!r}. Give a positive int."
        )


def check_positive(name: str, value: Any) -> None:
    """Checks that `value` is a finite number above 0."""
    is_number = isinstance(value, numbers.Real) and value is not True
    if not is_number or not 0 < value < math.inf:
        raise ValueError(
            f"`{name}` must be positive, a finite number. Received: {value!r}. "
            "Give a number above 0."
        )


def check_share(name: str, value: Any) -> None:
    """Checks that `value` is a dropout rate, a number in [0, 1)."""
    is_number = isinstance(value, numbers.Real)
    if not is_number or not 0 <= value < 1:
        raise ValueError(
            f"`{name}` is the share of units dropped in training. Received: "
            f"{value!r}. Give a number in [0, 1)."
        )


def check_id(name: str, value: Any, vocabulary_size: int) -> None:
    """Checks that `value` is the id of a token of the vocabulary."""
    is_whole = isinstance(value, numbers.Integral)
    if not is_whole or not 0 <= value < vocabulary_size:
        raise ValueError(
            f"`{name}` must be in [0, {vocabulary_size}), the vocabulary. "
            f"Received: {value!r}. Give the id of a token."
        )


def check_name(name: str, value: Any, known: Iterable[str]) -> None:
    """Checks that `value` is one of the names in `known`."""
    if value not in known:
        raise ValueError(
            f"Unknown `{name}`. Received: {value!r}. Expected one of "
            f"{tuple(known)}. Give one of these names."
        )


def check_vectors(name: str, shape: Shape, model_dim: int) -> None:
    """Checks that a shape is `(B, T, D)`, where D is `model_dim`."""
    if len(shape) != 3 or shape[-1] != model_dim:
        raise ValueError(
            f"`{name}` must have shape (B, T, {model_dim}), with the layer's "
            f"model_dim last. Received: shape={tuple(shape)}. Project it, or "
            "make the layer with another model_dim."
        )


def last_size(shape: Shape) -> int:
    """Returns the size of the last axis of a shape that `build` received.

    Raises:
        ValueError: the size is not known.
    """
    size = shape[-1]
    if size is None:
        raise ValueError(
            "The size of the last axis must be known when a layer is built. "
            f"Received: shape={tuple(shape)}. Give `keras.Input` that size."
        )
    return size


def known_int(value: Tensor) -> int | None:
    """Returns a scalar as an int, or `None` if its value is not known yet."""
    try:
        return int(np.asarray(value))
    except (NotImplementedError, TypeError, ValueError):
        return None
