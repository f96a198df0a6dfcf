"""Checks of what layers are given, before anything is built or computed.

Each raises ValueError with what was received, what was expected and what to
do. What is known only when a graph runs is not checked.
"""

import math
import numbers

import numpy as np


def check_size(name, value):
    """Checks that `value` is a whole number of at least 1."""
    is_whole = isinstance(value, numbers.Integral) and value is not True
    if not is_whole or value < 1:
        raise ValueError(
            f"`{name}` must be a whole number, at least 1. Received: "
            f"{value!r}. Give a positive int."
        )


def check_positive(name, value):
    """Checks that `value` is a number above 0 and finite."""
    is_number = isinstance(value, numbers.Real) and value is not True
    if not is_number or not 0 < value < math.inf:
        raise ValueError(
            f"`{name}` must be positive, a finite number. Received: {value!r}. "
            "Give a number above 0."
        )


def check_share(name, value):
    """Checks that `value` is a share that can be dropped, in [0, 1)."""
    if not isinstance(value, numbers.Real) or not 0 <= value < 1:
        raise ValueError(
            f"`{name}` is the share of units dropped in training. Received: "
            f"{value!r}. Expected a number in [0, 1)."
        )


def check_id(name, value, vocabulary_size):
    """Checks that `value` is the id of a token."""
    is_whole = isinstance(value, numbers.Integral)
    if not is_whole or not 0 <= value < vocabulary_size:
        raise ValueError(
            f"`{name}` must be in [0, {vocabulary_size}), the vocabulary. "
            f"Received: {value!r}. Give the id of a token."
        )


def check_name(name, value, known):
    """Checks that `value` is one of the names in `known`."""
    if value not in known:
        raise ValueError(
            f"Unknown `{name}`. Received: {value!r}. Expected one of "
            f"{tuple(known)}."
        )


def check_vectors(name, shape, model_dim):
    """Checks that a shape is `(B, T, D)` with this D."""
    if len(shape) != 3 or shape[-1] != model_dim:
        raise ValueError(
            f"`{name}` must have shape (B, T, {model_dim}), with the layer's "
            f"model_dim last. Received: shape={tuple(shape)}. Project it, or "
            "make the layer with another model_dim."
        )


def known_int(value):
    """Reads an integer, or returns `None` inside of a graph."""
    try:
        return int(np.asarray(value))
    except (NotImplementedError, TypeError, ValueError):
        return None
