"""Scaled dot-product attention, equation 1 of the paper.

B batch   T query length   S key length   H heads   K head_dim
N key-value heads
"""

import keras
from keras import ops

from keras_transformer.layers import checks, heads, masks, symbolic

# Added to the logits of forbidden keys. Finite, so that a row in which
# everything is forbidden stays free of NaN, in the gradient too.
FORBIDDEN = -1e9


def dot_product_attention(query, key, value, mask=None, attention_bias=None):
    """Scaled dot-product attention, equation 1: softmax(Q K^T / sqrt(d_k)) V.

    The softmax is computed in float32 whatever the inputs are. A query that
    may attend to nothing gets scores and an output of exactly zero. With
    fewer key-value heads than query heads, neighbouring query heads share
    one (grouped-query attention, Ainslie et al. 2023; with one, multi-query
    attention, Shazeer 2019).

    Args:
        query: shape `(B, T, H, K)`.
        key: shape `(B, S, N, K)`, where N divides H.
        value: shape `(B, S, N, K)`; its K, the paper's d_v, may be another.
        mask: boolean, shape `(B, S)`, `(B, T, S)` or `(B, H, T, S)`, True
            where a query may attend; H may be 1.
        attention_bias: what is added to the scaled products before the
            softmax, broadcasts to `(B, H, T, S)`.

    Returns:
        The pair (output `(B, T, H, K)`, with K and dtype of `value`,
        attention scores `(B, H, T, S)` in float32).

    Raises:
        ValueError: shapes that do not fit together, N does not divide H, or
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
        raise _unlike(*shapes)
    output_BHTK, scores_BHTS = attend_heads(
        *(heads.swap_heads(x) for x in (query, key, value)),
        mask,
        attention_bias,
    )
    return heads.swap_heads(output_BHTK), scores_BHTS


@keras.saving.register_keras_serializable("keras_transformer")
def attend_heads(query, key, value, mask=None, attention_bias=None):
    """`dot_product_attention` of heads that come before the positions.

    In this layout, which keys and values are kept in while decoding, no
    product has to transpose them.

    Args:
        query: shape `(B, H, T, K)`.
        key: shape `(B, N, S, K)`.
        value: shape `(B, N, S, K)`.
        mask: as for `dot_product_attention`.
        attention_bias: as for `dot_product_attention`.

    Returns:
        The pair (output `(B, H, T, K)`, scores `(B, H, T, S)`).
    """
    if symbolic.has_no_values(query, key, value, mask, attention_bias):
        return symbolic.node(
            attend_heads, query, key, value, mask, attention_bias
        )
    mask = _checked_mask(query, key, value, mask)
    # Equation 1: softmax(Q K^T / sqrt(d_k)) V.
    query = query * ops.cast(query.shape[3] ** -0.5, query.dtype)
    logits_BHTS = _by_groups("BNQK,BNSK->BNQS", query, key)
    logits_BHTS = ops.cast(logits_BHTS, "float32")
    if attention_bias is not None:
        logits_BHTS += ops.cast(attention_bias, "float32")
    scores_BHTS = _softmax(logits_BHTS, mask)
    weights_BHTS = ops.cast(scores_BHTS, value.dtype)
    return _by_groups("BNQS,BNSK->BNQK", weights_BHTS, value), scores_BHTS


def _softmax(logits_BHTS, mask):
    """The softmax over the keys that the mask allows, `None` being all."""
    if logits_BHTS.shape[3] == 1:
        # Keras warns of a softmax of one number, which is 1. So is this, and
        # its gradient is zero, not missing.
        scores_BHTS = ops.exp(logits_BHTS - logits_BHTS)
    elif mask is None:
        scores_BHTS = ops.softmax(logits_BHTS)
    else:
        scores_BHTS = ops.softmax(ops.where(mask, logits_BHTS, FORBIDDEN))
    if mask is not None:
        # A row with nothing allowed comes out of the softmax uniform; the
        # product makes it zero and leaves all other rows as they are.
        scores_BHTS *= ops.cast(mask, "float32")
    return scores_BHTS


def _by_groups(equation, queries_BHTX, shared_BNSK):
    """The einsum of query heads with the key or value heads that they share.

    All queries that read one head are rows of one product: Q is H / N times T.
    """
    num_heads, length = queries_BHTX.shape[1], ops.shape(queries_BHTX)[2]
    groups = shared_BNSK.shape[1]
    rows_BNQX = _regroup(queries_BHTX, groups, num_heads // groups * length)
    product_BNQY = ops.einsum(equation, rows_BNQX, shared_BNSK)
    return _regroup(product_BNQY, num_heads, length)


def _regroup(inputs, heads, length):
    """Reshapes (B, N, Q, ...) to (B, H, T, ...) or back, where they differ."""
    if inputs.shape[1] == heads:
        return inputs
    batch_size, _, _, last = ops.shape(inputs)
    return ops.reshape(inputs, (batch_size, heads, length, last))


def _checked_mask(query, key, value, mask):
    """The mask by heads, or `None`, if all four fit together."""
    _check_heads(query.shape, key.shape, value.shape)
    check_groups(query.shape[1], key.shape[1])
    mask = masks.of_length(mask, ops.shape(key)[2])
    masks.check_fits(mask, *query.shape[:3], key.shape[2])
    return masks.combine_masks(mask)


def _check_heads(query_shape, key_shape, value_shape):
    sizes = (
        # Equal are B of all three, N and S of key and value, K of query and
        # key; None is not known yet.
        [shape[0] for shape in (query_shape, key_shape, value_shape)],
        [key_shape[1], value_shape[1]],
        [key_shape[2], value_shape[2]],
        [query_shape[3], key_shape[3]],
    )
    if any(len({*equal} - {None}) > 1 for equal in sizes):
        raise _unlike(
            *(
                (shape[0], shape[2], shape[1], shape[3])
                for shape in (query_shape, key_shape, value_shape)
            )
        )


def _unlike(query_shape, key_shape, value_shape):
    return ValueError(
        "Queries must have shape (B, T, H, K), keys and values (B, S, N, K). "
        f"Received: query {tuple(query_shape)}, key {tuple(key_shape)}, value "
        f"{tuple(value_shape)}. Give all three the same batch."
    )


def check_groups(num_heads, num_key_value_heads):
    """Raises ValueError unless query heads can share the key-value heads."""
    checks.check_size("num_key_value_heads", num_key_value_heads)
    if num_heads % num_key_value_heads:
        raise ValueError(
            "`num_heads` must be a multiple of `num_key_value_heads`. "
            f"Received: num_heads={num_heads}, "
            f"num_key_value_heads={num_key_value_heads}. Use 1 for "
            f"multi-query attention, {num_heads} for multi-head attention or "
            "a divisor between them."
        )
