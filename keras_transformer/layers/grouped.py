"""Computes the products of grouped-query attention (Ainslie et al. 2023).

In this attention, several query heads share one key-value head. Attention with
a single key-value head is the multi-query attention of Shazeer 2019. In the
names of tensors, the letter X stands for the last axis of the queries, and the
letter Y for the last axis of the product.

B batch   T query length   S key length   H heads   K head_dim
N key-value heads   Q queries of one key-value head, (H / N) T
"""

from keras import ops

from keras_transformer.layers import checks
from keras_transformer.layers.typing import Tensor


def einsum(equation: str, queries: Tensor, shared: Tensor) -> Tensor:
    """Computes an einsum whose second operand may have fewer heads.

    All queries that share one key-value head are put into one matrix. So the
    product reads the shared head once, and the head is never copied.

    Args:
        equation: the equation for operands with equal numbers of heads. The
            axes 0 to 2 of the result must be those of `queries`.
        queries: queries `(B, H, T, K)`, or attention weights `(B, H, T, S)`.
        shared: keys or values, shape `(B, N, S, K)`, where N divides H.

    Returns:
        For queries, the logits `(B, H, T, S)`; for attention weights, the
        output `(B, H, T, K)`.

    Example:

    >>> query, key = ops.ones((2, 6, 3, 7)), ops.ones((2, 2, 11, 7))
    >>> einsum("BHTK,BHSK->BHTS", query, key).shape
    TensorShape([2, 6, 3, 11])
    """
    num_heads, num_groups = queries.shape[1], shared.shape[1]
    if num_groups == num_heads:
        return ops.einsum(equation, queries, shared)
    length = ops.shape(queries)[2]
    rows_BNQX = _reshape(queries, num_groups, num_heads // num_groups * length)
    product_BNQY = ops.einsum(equation, rows_BNQX, shared)
    return _reshape(product_BNQY, num_heads, length)


def check_groups(num_heads: int, num_key_value_heads: int) -> None:
    """Checks that query heads can share the key-value heads equally.

    Args:
        num_heads: the number of query heads.
        num_key_value_heads: the number of key-value heads.

    Raises:
        ValueError: `num_key_value_heads` is not a positive int or does not
            divide `num_heads`.
    """
    checks.check_size("num_key_value_heads", num_key_value_heads)
    if num_heads % num_key_value_heads:
        raise ValueError(
            "`num_heads` must be a multiple of `num_key_value_heads`. "
            f"Received: num_heads={num_heads}, "
            f"num_key_value_heads={num_key_value_heads}. Use 1 for "
            f"multi-query attention, {num_heads} for multi-head attention or "
            "a divisor between them."
        )


def _reshape(inputs, num_heads, length):
    batch_size, _, _, size = ops.shape(inputs)
    return ops.reshape(inputs, (batch_size, num_heads, length, size))
