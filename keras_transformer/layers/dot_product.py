"""Scaled dot-product attention, equation 1 of the paper.

B batch   T query length   S key length   H heads   K head_dim
N key-value heads
"""

from collections.abc import Callable

import keras
from keras import ops

from keras_transformer.layers import grouped, heads, masks, symbolic
from keras_transformer.layers.typing import Tensor

# The logit of a forbidden key. It is finite: with minus infinity, a query that
# may attend to no key would have NaN in its scores and its gradient.
FORBIDDEN = -1e9


def dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None = None,
    attention_bias: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Computes softmax(Q K^T / sqrt(d_k)) V, equation 1 of the paper.

    The softmax is computed in float32, whatever the dtype of the inputs. A
    query that may attend to no key gets scores and an output of exactly zero.
    With fewer key-value heads than query heads, neighbouring query heads
    share one key-value head, see `layers.grouped`.

    Args:
        query: shape `(B, T, H, K)`.
        key: shape `(B, S, N, K)`, where N divides H.
        value: shape `(B, S, N, K)`. The last size of `value`, d_v in the paper,
            may differ from d_k, the last size of `query` and `key`.
        mask: boolean, shape `(B, S)`, `(B, T, S)` or `(B, H, T, S)`, True
            where a query may attend; B, H and T may be 1. A result of
            `causal_mask` is allowed too. `None` allows all keys.
        attention_bias: numbers that are added to the logits, the scaled
            products, before the softmax; they broadcast to `(B, H, T, S)`.
            `None` adds nothing.

    Returns:
        The output `(B, T, H, K)` and the attention scores `(B, H, T, S)`. The
        output has the last size and the dtype of `value`. The scores are
        float32.

    Raises:
        ValueError: the shapes do not fit together, N does not divide H, or
            the mask is not boolean or has another shape.

    Example:

    >>> query = ops.ones((2, 3, 6, 7))
    >>> key = value = ops.ones((2, 11, 2, 7))
    >>> output, scores = dot_product_attention(query, key, value)
    >>> output.shape, scores.shape
    (TensorShape([2, 3, 6, 7]), TensorShape([2, 6, 3, 11]))
    """
    shapes = (query.shape, key.shape, value.shape)
    if not all(len(shape) == 4 for shape in shapes):
        raise _shape_error(*shapes)
    output_BHTK, scores_BHTS = attend_heads(
        heads.swap_heads(query),
        heads.swap_heads(key),
        heads.swap_heads(value),
        mask,
        attention_bias,
    )
    return heads.swap_heads(output_BHTK), scores_BHTS


@keras.saving.register_keras_serializable("keras_transformer")
def attend_heads(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None = None,
    attention_bias: Tensor | None = None,
    drop: Callable[[Tensor], Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """Computes `dot_product_attention` on tensors with heads before length.

    Cached keys and values have this layout, so no product in decoding has to
    transpose them.

    Args:
        query: shape `(B, H, T, K)`.
        key: shape `(B, N, S, K)`.
        value: shape `(B, N, S, K)`.
        mask: as for `dot_product_attention`.
        attention_bias: as for `dot_product_attention`.
        drop: a function that applies dropout to the attention weights, or
            `None`. The returned scores are without dropout. `drop` has no
            effect on the symbolic tensors of a functional model.

    Returns:
        The pair (output `(B, H, T, K)`, scores `(B, H, T, S)`).

    Raises:
        ValueError: as for `dot_product_attention`.
    """
    if symbolic.has_no_values(query, key, value, mask, attention_bias):
        return symbolic.node(
            attend_heads, query, key, value, mask, attention_bias
        )
    mask = _checked_mask(query, key, value, mask)
    # Equation 1. `grouped.einsum` is `ops.einsum` if N = H.
    query = query * ops.cast(query.shape[3] ** -0.5, query.dtype)
    logits_BHTS = grouped.einsum("BHTK,BHSK->BHTS", query, key)
    logits_BHTS = ops.cast(logits_BHTS, "float32")
    if attention_bias is not None:
        logits_BHTS += ops.cast(attention_bias, "float32")
    scores_BHTS = _softmax(logits_BHTS, mask)
    weights_BHTS = ops.cast(scores_BHTS, value.dtype)
    if drop is not None:
        weights_BHTS = drop(weights_BHTS)
    output_BHTK = grouped.einsum("BHTS,BHSK->BHTK", weights_BHTS, value)
    return output_BHTK, scores_BHTS


def _softmax(logits_BHTS, mask):
    """Returns the softmax over keys that the mask allows; `None` allows all."""
    if logits_BHTS.shape[3] == 1:
        scores_BHTS = _softmax_of_one_key(logits_BHTS)
    elif mask is None:
        scores_BHTS = ops.softmax(logits_BHTS)
    else:
        scores_BHTS = ops.softmax(ops.where(mask, logits_BHTS, FORBIDDEN))
    if mask is not None:
        # If all keys of a query are forbidden, the softmax is uniform. The
        # product sets these scores to zero, and changes no other scores.
        scores_BHTS *= ops.cast(mask, "float32")
    return scores_BHTS


def _softmax_of_one_key(logits_BHT1):
    """Returns ones, the softmax over one key.

    `ops.softmax` prints a warning if there is one key. The ones are computed
    from the logits, so that the gradient of the logits is zero and not `None`.
    """
    return ops.exp(logits_BHT1 - logits_BHT1)


def _checked_mask(query, key, value, mask):
    """Checks the shapes; returns the mask with four axes, or `None`."""
    _check_heads(query.shape, key.shape, value.shape)
    grouped.check_groups(query.shape[1], key.shape[1])
    mask = masks.of_length(mask, ops.shape(key)[2])
    masks.check_fits(
        mask,
        batch_size=query.shape[0],
        num_heads=query.shape[1],
        query_length=query.shape[2],
        key_length=key.shape[2],
    )
    return masks.combine_masks(mask)


def _check_heads(query_shape, key_shape, value_shape):
    sizes_that_must_agree = (
        # The sizes in each list must be equal. The lists are for B, N, S and K.
        # A size that is not known is `None`, and fits every other size.
        [shape[0] for shape in (query_shape, key_shape, value_shape)],
        [key_shape[1], value_shape[1]],
        [key_shape[2], value_shape[2]],
        [query_shape[3], key_shape[3]],
    )
    if any(len({*sizes} - {None}) > 1 for sizes in sizes_that_must_agree):
        raise _shape_error(
            *(
                (shape[0], shape[2], shape[1], shape[3])
                for shape in (query_shape, key_shape, value_shape)
            )
        )


def _shape_error(query_shape, key_shape, value_shape):
    return ValueError(
        "Queries must have shape (B, T, H, K), keys and values (B, S, N, K). "
        f"Received: query {tuple(query_shape)}, key {tuple(key_shape)}, value "
        f"{tuple(value_shape)}. Give shapes that agree in B, N, S and K."
    )
