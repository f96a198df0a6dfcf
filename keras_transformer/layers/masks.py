"""Boolean masks, in which True means "may attend".

A *padding mask* `(B, S)` says which positions of a sequence are real tokens. An
*attention mask* `(B, T, S)` says which keys each query may attend to.

B batch   T query length   S key length   H heads
"""

from typing import Any

import keras
from keras import ops

from keras_transformer.layers import symbolic
from keras_transformer.layers.typing import Tensor


@keras.saving.register_keras_serializable("keras_transformer")
def padding_mask(ids: Tensor, pad_id: int) -> Tensor:
    """Marks the positions that hold a real token.

    Args:
        ids: integer tensor, shape `(B, S)`.
        pad_id: the id that pads short rows.

    Returns:
        Boolean tensor, shape `(B, S)`.

    Example:

    >>> padding_mask([[7, 8, 0]], pad_id=0).numpy().tolist()
    [[True, True, False]]
    """
    if symbolic.has_no_values(ids):
        return symbolic.node(padding_mask, ids, pad_id)
    return ops.not_equal(ids, pad_id)


@keras.saving.register_keras_serializable("keras_transformer")
def started_mask(ids: Tensor, pad_id: int) -> Tensor:
    """Marks the start and the real tokens of rows that start with padding.

    In some systems the first id that the decoder reads is the padding id. The
    start of a row is then the last padding id before the first real token. If
    a row begins with a real token, or has only padding ids, its start is the
    first column.

    Args:
        ids: integer tensor, shape `(B, T)`.
        pad_id: the id that starts rows and pads short rows.

    Returns:
        Boolean tensor, shape `(B, T)`.

    Example:

    >>> started_mask([[0, 7, 8, 0], [0, 0, 7, 8]], 0).numpy().astype(int)
    array([[1, 1, 1, 0],
           [0, 1, 1, 1]])
    """
    if symbolic.has_no_values(ids):
        return symbolic.node(started_mask, ids, pad_id)
    is_real = padding_mask(ids, pad_id)
    first = ops.argmax(ops.cast(is_real, "int32"), axis=1)[:, None]
    columns = ops.cast(ops.arange(ops.shape(is_real)[1]), first.dtype)
    is_start = columns[None] == ops.maximum(first - 1, 0)
    return ops.logical_or(is_real, is_start)


@keras.saving.register_keras_serializable("keras_transformer")
def causal_mask(length: Tensor | None) -> Tensor:
    """Makes a mask that lets position t attend to positions 0 to t.

    Section 3.2.3 of the paper describes this mask.

    Args:
        length: T, the length of the sequence, an int or a scalar tensor.
            `None` means an unknown length, for which `keras.ops.shape` returns
            `None` in a functional model. The mask then gets the length of the
            tensor that it is used with.

    Returns:
        Boolean tensor, shape `(1, T, T)`; for `None` a `CausalMask`, which
        every function and layer of this package accepts as an attention mask.

    Example:

    >>> causal_mask(3).numpy().astype(int).tolist()
    [[[1, 0, 0], [1, 1, 0], [1, 1, 1]]]
    """
    if length is None:
        return CausalMask()
    if symbolic.has_no_values(length):
        return symbolic.node(causal_mask, length)
    positions = ops.arange(length)
    return (positions[:, None] >= positions[None, :])[None]


@keras.saving.register_keras_serializable("keras_transformer")
class CausalMask:
    """The causal mask of a sequence whose length is not known yet.

    `causal_mask(None)` returns a `CausalMask`, for functional models with an
    unknown length. `combine_masks` takes the length from the last axis of the
    other masks.

    Example:

    >>> combine_masks(causal_mask(None), [[True, False]]).numpy().astype(int)
    array([[[[1, 0],
             [1, 0]]]])
    """

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CausalMask)

    def __hash__(self) -> int:
        return hash(CausalMask)

    def get_config(self) -> dict[str, Any]:
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "CausalMask":
        return cls(**config)


@keras.saving.register_keras_serializable("keras_transformer")
def combine_masks(*masks: Tensor | None) -> Tensor | None:
    """Combines masks, so that a query may attend to keys that all masks allow.

    Args:
        *masks: padding masks `(B, S)`, attention masks `(B, T, S)` or
            `(B, H, T, S)` (B, H and T may be 1), results of `causal_mask`, or
            `None`, which allows all keys.

    Returns:
        Boolean tensor that broadcasts to `(B, H, T, S)`; `None` if all masks
        are `None`; a `CausalMask` if there are only `CausalMask`s and `None`.

    Raises:
        ValueError: a mask is not boolean or has another rank.

    Example:

    >>> combine_masks(causal_mask(2), padding_mask([[5, 0]], 0)).shape
    TensorShape([1, 1, 2, 2])
    """
    if symbolic.has_no_values(masks):
        return symbolic.node(combine_masks, *masks)
    combined, causal = None, None
    for mask in masks:
        if isinstance(mask, CausalMask):
            causal = mask
        elif mask is not None:
            mask = _per_head(mask)
            combined = (
                mask if combined is None else ops.logical_and(combined, mask)
            )
    if causal is None:
        return combined
    if combined is None:
        return causal
    length = ops.shape(combined)[3]
    return ops.logical_and(combined, _per_head(causal_mask(length)))


def of_length(mask: Tensor | None, length: Tensor) -> Tensor | None:
    """Turns a `CausalMask` into a mask of this length; keeps other masks.

    Args:
        mask: as for `combine_masks`, or `None`.
        length: T, an int or a scalar tensor.

    Returns:
        Boolean tensor `(1, T, T)` for a `CausalMask`, otherwise `mask`.
    """
    return causal_mask(length) if isinstance(mask, CausalMask) else mask


@keras.saving.register_keras_serializable("keras_transformer")
def attended_keys(mask: Tensor | None) -> Tensor | None:
    """Marks the keys that at least one query may attend to.

    Args:
        mask: as for `combine_masks`, or `None`.

    Returns:
        Boolean padding mask `(B, S)`, or `None` for all keys.

    Raises:
        ValueError: the mask is not boolean or has another rank.

    Example:

    >>> attended_keys([[[True, False], [True, False]]]).numpy().tolist()
    [[True, False]]
    """
    if symbolic.has_no_values(mask):
        return symbolic.node(attended_keys, mask)
    if mask is None or isinstance(mask, CausalMask):
        return None
    mask = ops.convert_to_tensor(mask)
    per_head = _per_head(mask)
    if len(mask.shape) == 2:
        return mask  # It is a padding mask already.
    return ops.any(per_head, axis=(1, 2))


def check_fits(
    mask: Tensor | None,
    batch_size: int | None,
    num_heads: int | None,
    query_length: int | None,
    key_length: int | None,
) -> None:
    """Checks that a mask fits scores of shape `(B, H, T, S)`.

    A size that is not known is `None`, and fits every size of the mask.

    Args:
        mask: as for `combine_masks`, or `None`.
        batch_size: B.
        num_heads: H.
        query_length: T.
        key_length: S.

    Raises:
        ValueError: the mask is not boolean, or has another rank or size.
    """
    if mask is None or isinstance(mask, CausalMask):
        return
    combined = _per_head(mask)
    expected = (batch_size, num_heads, query_length, key_length)
    # Rows, heads and queries may share one mask, so their axes may have the
    # size 1. A mask has an entry for each key, so the size of the last axis
    # must be S.
    shared = (1, 1, 1, key_length)
    for size, *fitting in zip(combined.shape, expected, shared, strict=True):
        if None not in (size, *fitting) and size not in fitting:
            raise ValueError(
                "A mask must have shape (B, S), (B, T, S) or (B, H, T, S), "
                f"here with B={batch_size}, H={num_heads} or 1, "
                f"T={query_length}, S={key_length} (None: not known yet). "
                f"Received: shape={tuple(ops.convert_to_tensor(mask).shape)}. "
                "Make the mask from the ids of the keys."
            )


def _per_head(mask):
    mask = ops.convert_to_tensor(mask)
    rank = len(mask.shape)
    if str(mask.dtype) not in ("bool", "<dtype: 'bool'>"):
        raise ValueError(
            "A mask must be boolean, True where a query may attend. Received: "
            f"dtype={mask.dtype}. Compare with the pad id, or cast to bool."
        )
    if rank == 2:
        return mask[:, None, None, :]
    if rank == 3:
        return mask[:, None, :, :]
    if rank == 4:
        return mask
    raise ValueError(
        "A mask must have shape (B, S), (B, T, S) or (B, H, T, S). Received: "
        f"shape={tuple(mask.shape)}. Add or drop an axis."
    )
