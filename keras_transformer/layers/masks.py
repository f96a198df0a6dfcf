"""Boolean masks, the first thing made from ids: True means "may attend".

Two kinds, two names: a *padding mask* `(B, S)` says which positions of a
sequence are real; an *attention mask* `(B, T, S)` says which keys each query
may attend to.

B batch   T query length   S key length   H heads
"""

from keras import ops


def padding_mask(ids, pad_id):
    """Marks the positions that hold a real token.

    Args:
        ids: integer tensor, shape `(B, S)`.
        pad_id: the id that fills up short rows.

    Returns:
        Boolean tensor, shape `(B, S)`.

    Example:

    >>> padding_mask([[7, 8, 0]], pad_id=0).numpy().tolist()
    [[True, True, False]]
    """
    return ops.not_equal(ids, pad_id)


def causal_mask(length):
    """Lets position t attend to the positions up to t (section 3.2.3).

    Args:
        length: T, the length of the sequence, an int or a scalar tensor.

    Returns:
        Boolean tensor, shape `(1, T, T)`.

    Example:

    >>> causal_mask(3).numpy().astype(int).tolist()
    [[[1, 0, 0], [1, 1, 0], [1, 1, 1]]]
    """
    positions = ops.arange(length)
    return (positions[:, None] >= positions[None, :])[None]


def combine_masks(*masks):
    """Allows only what every mask allows; `None` allows everything.

    Args:
        *masks: padding masks `(B, S)`, attention masks `(B, T, S)` or
            `(B, H, T, S)` (H may be 1), or `None`.

    Returns:
        Boolean tensor that broadcasts to `(B, H, T, S)`, or `None` if no
        mask was given.

    Raises:
        ValueError: a mask is not boolean or has another rank.

    Example:

    >>> combine_masks(causal_mask(2), padding_mask([[5, 0]], 0)).shape
    TensorShape([1, 1, 2, 2])
    """
    combined = None
    for mask in masks:
        if mask is None:
            continue
        mask = _per_head(mask)
        combined = mask if combined is None else ops.logical_and(combined, mask)
    return combined


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
