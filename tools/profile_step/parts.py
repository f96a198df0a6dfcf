"""Assigns TensorFlow's operations to the parts of a training step."""

import collections
import re
from collections.abc import Iterable

from tools.profile_step import operation_times

# The types of operations that multiply matrices. The type of a fused operation
# begins with `_`, the type of an operation of oneDNN with `_Mkl`.
_PRODUCTS = re.compile(r"(_|_Mkl)?(Fused)?(Batch)?(MatMul(V2)?|Einsum)")
# An operation belongs to the part of the first pair whose text is in the
# operation's name. If there is no such pair, it belongs to `_OTHER`.
_PARTS = (
    (operation_times.COMPILED, "compiled by XLA"),
    ("adam/", "Adam"),
    ("/drop", "dropout"),
    ("/norm", "layer normalization"),
    ("feed_forward", "feed-forward networks"),
    ("attention", "attention"),
    ("embedding", "embeddings and positions"),
    ("positions", "embeddings and positions"),
    ("transformer", "logits"),
)
_OTHER = "sums of gradients, counters and other operations"


def part_of(operation: str) -> str:
    """Returns the part of the step to which an operation belongs.

    Args:
        operation: the name of the operation, a path through the layers.

    Example:

    >>> part_of("gradient_tape/transformer_1/encoder_1/block_2/norm_1/mul")
    'layer normalization'
    """
    for text, part in _PARTS:
        if text in operation:
            return part
    return _OTHER


def is_product(kind: str) -> bool:
    """Returns whether a type of operation multiplies matrices.

    Example:

    >>> is_product("_MklMatMul"), is_product("Mul")
    (True, False)
    """
    return _PRODUCTS.fullmatch(kind) is not None


def sum_parts(
    operations: Iterable[dict], steps: int
) -> dict[str, dict[str, float]]:
    """Adds up the milliseconds of operations.

    Args:
        operations: dicts from `operation_times.operations_of`.
        steps: the number of profiled steps.

    Returns:
        For each part a dict of milliseconds per step: "products_ms" for its
        matrix products, "others_ms" for its other operations. The part that
        takes longest is the first.
    """
    sums = collections.defaultdict(lambda: {"products_ms": 0, "others_ms": 0})
    for each in operations:
        column = "products_ms" if is_product(each["type"]) else "others_ms"
        sums[part_of(each["operation"])][column] += each["ms"] / steps
    longest_first = sorted(
        sums.items(), key=lambda each: -sum(each[1].values())
    )
    return dict(longest_first)
