"""Applies the projections of an attention, from vectors to heads and back.

The weight of a `dense.Projection` is one matrix, `(D, H K)` or `(H K, D)`.
These functions reshape the matrix instead of the activations, so that one
einsum projects and splits into heads. If the matrix is quantized, the functions
call the projection and reshape the activations.

B batch   T length   D model_dim   H heads   K head_dim   W hypotheses of a row

For keys and values, H stands for the number of key-value heads.
"""

from collections.abc import Callable, Sequence

from keras import ops

from keras_transformer.layers import dense, heads
from keras_transformer.layers.typing import Tensor


def to_heads(
    projection: dense.Projection, inputs: Tensor, head_dim: int
) -> Tensor:
    """Projects vectors, and splits the results into heads.

    Args:
        projection: a built projection from D to H K.
        inputs: shape `(B, T, D)`.
        head_dim: K.

    Returns:
        Shape `(B, H, T, K)`.
    """
    if projection.quantization_mode is not None:
        return heads.split_heads(projection(inputs), head_dim)
    return _project(inputs, *_weights_of_heads(projection, head_dim))


def from_heads(projection: dense.Projection, attended: Tensor) -> Tensor:
    """Joins heads and projects the result, by the paper's W^O.

    Args:
        projection: a built projection from H K to D.
        attended: shape `(B, H, T, K)`.

    Returns:
        Shape `(B, T, D)`.
    """
    if projection.quantization_mode is not None:
        return projection(heads.join_heads(attended))
    num_heads, head_dim = attended.shape[1], attended.shape[3]
    kernel_HKD = ops.reshape(
        _cast(projection, projection.kernel), (num_heads, head_dim, -1)
    )
    output_BTD = ops.einsum("BHTK,HKD->BTD", attended, kernel_HKD)
    if projection.bias is not None:
        output_BTD += _cast(projection, projection.bias)
    return output_BTD


def side_by_side(
    projections: Sequence[dense.Projection], head_dim: int
) -> Callable[[Tensor], list[Tensor]]:
    """Makes a function that applies several projections in one product.

    The matrices are put side by side once, when the function is made. In
    decoding, where each step has few vectors, one large product is faster
    than several small ones. If a projection is quantized, all are applied one
    by one.

    Args:
        projections: built projections from D; either all have a bias, or
            none has.
        head_dim: K.

    Returns:
        A function from vectors `(B, W, D)` to a list with the heads
        `(B, H, W, K)` of each projection.
    """
    if any(each.quantization_mode is not None for each in projections):
        return lambda inputs: [
            to_heads(each, inputs, head_dim) for each in projections
        ]
    kernels, biases = zip(
        *(_weights_of_heads(each, head_dim) for each in projections),
        strict=True,
    )
    kernel_DHK = ops.concatenate(kernels, axis=1)
    bias_H1K = None if biases[0] is None else ops.concatenate(biases, axis=0)
    numbers_of_heads = [kernel.shape[1] for kernel in kernels]

    def project(inputs):
        heads_BHWK = _project(inputs, kernel_DHK, bias_H1K)
        split, first = [], 0
        for num_heads in numbers_of_heads:
            split.append(heads_BHWK[:, first : first + num_heads])
            first += num_heads
        return split

    return project


def _project(inputs, kernel_DHK, bias_H1K):
    heads_BHTK = ops.einsum("BTD,DHK->BHTK", inputs, kernel_DHK)
    return heads_BHTK if bias_H1K is None else heads_BHTK + bias_H1K


def _weights_of_heads(projection, head_dim):
    """Returns the kernel (D, H, K), and the bias (H, 1, K) or `None`."""
    kernel, bias = _cast(projection, projection.kernel), projection.bias
    if bias is not None:
        bias = ops.reshape(_cast(projection, bias), (-1, 1, head_dim))
    return ops.reshape(kernel, (kernel.shape[0], -1, head_dim)), bias


def _cast(projection, weight):
    # The weights are cast here, because decoding does not pass through the
    # `__call__` of the attention, in which Keras would cast them.
    return ops.cast(weight, projection.compute_dtype)
