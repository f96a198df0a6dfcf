"""Splits vectors into heads, which attend separately (section 3.2.2).

B batch   T length   H heads   K head_dim
"""

from keras import ops

from keras_transformer.layers.typing import Tensor


def split_heads(inputs: Tensor, head_dim: int) -> Tensor:
    """Splits vectors into heads.

    Args:
        inputs: shape `(B, T, H K)`, one head after the other.
        head_dim: K, which divides the last size of `inputs`.

    Returns:
        Shape `(B, H, T, K)`.

    Example:

    >>> split_heads(ops.ones((2, 3, 10)), head_dim=5).shape
    TensorShape([2, 2, 3, 5])
    """
    batch_size, length, size = ops.shape(inputs)
    shape = (batch_size, length, size // head_dim, head_dim)
    return swap_heads(ops.reshape(inputs, shape))


def join_heads(inputs: Tensor) -> Tensor:
    """Joins heads to vectors, the inverse of `split_heads`.

    Args:
        inputs: shape `(B, H, T, K)`.

    Returns:
        Shape `(B, T, H K)`.

    Example:

    >>> join_heads(ops.ones((2, 2, 3, 5))).shape
    TensorShape([2, 3, 10])
    """
    batch_size, num_heads, length, head_dim = ops.shape(inputs)
    shape = (batch_size, length, num_heads * head_dim)
    return ops.reshape(swap_heads(inputs), shape)


def swap_heads(inputs: Tensor) -> Tensor:
    """Swaps the length and the head axis: (B, T, H, K) to (B, H, T, K) or back.

    Example:

    >>> swap_heads(ops.ones((2, 3, 5, 7))).shape
    TensorShape([2, 5, 3, 7])
    """
    return ops.transpose(inputs, (0, 2, 1, 3))


def check_heads(model_dim: int, num_heads: int) -> None:
    """Raises ValueError unless `model_dim` is a multiple of `num_heads`."""
    if model_dim % num_heads:
        raise ValueError(
            "`model_dim` must be a multiple of `num_heads`. Received: "
            f"model_dim={model_dim}, num_heads={num_heads}. Choose "
            "another number of heads or another model size."
        )
