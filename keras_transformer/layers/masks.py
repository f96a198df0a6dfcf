"""Boolean masks, the first thing made from ids: True means "may attend".

Two kinds, two names: a *padding mask* `(B, S)` says which positions of a
sequence are real; an *attention mask* `(B, T, S)` says which keys each query
may attend to.

B batch   T query length   S key length   H heads
"""

import keras
from keras import ops

from keras_transformer.layers import symbolic


@keras.saving.register_keras_serializable("keras_transformer")
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
    if symbolic.has_no_values(ids):
        return symbolic.node(padding_mask, ids, pad_id)
    return ops.not_equal(ids, pad_id)


@keras.saving.register_keras_serializable("keras_transformer")
def started_mask(ids, pad_id):
    """Marks real tokens where the padding id also starts the sequence.

    Some systems let the decoder read the padding id first. Of the padding
    before the first other token, the last is taken for that start; in a row
    of padding alone it is the first.

    Args:
        ids: integer tensor, shape `(B, T)`.
        pad_id: the id that starts sequences and fills up short rows.

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
def causal_mask(length):
    """Lets position t attend to the positions up to t (section 3.2.3).

    Args:
        length: T, the length of the sequence, an int or a scalar tensor.
            `None`, which `keras.ops.shape` says of an unknown length in a
            functional model, means that of the tensor it will be used on.

    Returns:
        Boolean tensor, shape `(1, T, T)`; of `None` a `CausalMask`, which
        stands for one wherever this package takes a mask.

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
    """The causal mask of a length that is not known yet.

    A functional model may be made without lengths; `causal_mask(None)` is
    this, and `combine_masks` makes a mask of it beside another one.

    Example:

    >>> combine_masks(causal_mask(None), [[True, False]]).numpy().astype(int)
    array([[[[1, 0],
             [1, 0]]]])
    """

    def __eq__(self, other):
        return isinstance(other, CausalMask)

    def __hash__(self):
        return hash(CausalMask)

    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


@keras.saving.register_keras_serializable("keras_transformer")
def combine_masks(*masks):
    """Allows only what every mask allows; `None` allows everything.

    Args:
        *masks: padding masks `(B, S)`, attention masks `(B, T, S)` or
            `(B, H, T, S)` (H may be 1), what `causal_mask` returned, or
            `None`.

    Returns:
        Boolean tensor that broadcasts to `(B, H, T, S)`, or `None` if no
        mask was given; a `CausalMask` if nothing else was.

    Raises:
        ValueError: a mask is not boolean or has another rank.

    Example:

    >>> combine_masks(causal_mask(2), padding_mask([[5, 0]], 0)).shape
    TensorShape([1, 1, 2, 2])
    """
    if symbolic.has_no_values(masks):
        return symbolic.node(combine_masks, *masks)
    masks = [mask for mask in masks if mask is not None]
    combined = None
    for mask in (one for one in masks if not isinstance(one, CausalMask)):
        mask = _per_head(mask)
        combined = mask if combined is None else ops.logical_and(combined, mask)
    causal = [mask for mask in masks if isinstance(mask, CausalMask)]
    if not causal:
        return combined
    if combined is None:
        return causal[0]
    length = ops.shape(combined)[3]
    return ops.logical_and(combined, _per_head(causal_mask(length)))


def of_length(mask, length):
    """Makes a mask of a `CausalMask`, now that the length is known."""
    return causal_mask(length) if isinstance(mask, CausalMask) else mask


@keras.saving.register_keras_serializable("keras_transformer")
def attended_keys(mask):
    """Tells, of any mask, which keys at least one query may attend to.

    Args:
        mask: as for `combine_masks`, or `None`.

    Returns:
        Boolean padding mask `(B, S)`, or `None`.

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
        return mask  # Which keys are padding is all that it says.
    return ops.any(per_head, axis=(1, 2))


def check_fits(mask, batch_size, num_heads, query_length, key_length):
    """Raises ValueError unless a mask fits scores of this shape.

    Args:
        mask: as for `combine_masks`, or `None`.
        batch_size: B, or `None` where it is not known; so all others.
        num_heads: H.
        query_length: T.
        key_length: S.
    """
    if mask is None or isinstance(mask, CausalMask):
        return
    combined = _per_head(mask)
    expected = (batch_size, num_heads, query_length, key_length)
    # What is the same for all rows, heads or queries may be told once; what
    # one key is says nothing of the others.
    shared = (1, 1, 1, key_length)
    for size, *fitting in zip(combined.shape, expected, shared, strict=True):
        if None not in (size, *fitting) and size not in fitting:
            raise ValueError(
                "A mask must have shape (B, S), (B, T, S) or (B, H, T, S), "
                f"here with B={batch_size}, H={num_heads} or 1, "
                f"T={query_length}, S={key_length} (None is not known yet). "
                f"Received: shape={tuple(ops.convert_to_tensor(mask).shape)}. "
                "Make it of the ids that the keys were made of."
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
