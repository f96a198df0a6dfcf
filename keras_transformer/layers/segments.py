"""Makes masks and positions for rows that several sentences share.

Rows of several short sentences need less padding. Each sentence of such a row
is a segment. Segment ids `(B, T)` say which segment each position belongs to:
1, 2, 3 and so on, 0 at padding. A source and its target have the same id.
No query attends to another segment, and positions start at 0 in each segment.
So, up to rounding, a sentence gets the same logits as in a row of its own.

B batch   T query length   S key length
"""

import keras
from keras import ops

from keras_transformer.layers import masks, symbolic
from keras_transformer.layers.typing import Tensor


@keras.saving.register_keras_serializable("keras_transformer")
def segment_mask(segment_ids: Tensor) -> Tensor:
    """Marks the positions that belong to a segment.

    Args:
        segment_ids: integers, shape `(B, S)`, 0 at padding.

    Returns:
        Boolean padding mask `(B, S)`.

    Example:

    >>> segment_mask([[1, 2, 0]]).numpy().tolist()
    [[True, True, False]]
    """
    if symbolic.has_no_values(segment_ids):
        return symbolic.node(segment_mask, segment_ids)
    return ops.not_equal(segment_ids, 0)


@keras.saving.register_keras_serializable("keras_transformer")
def same_segment_mask(query_ids: Tensor, key_ids: Tensor) -> Tensor:
    """Makes a mask that lets a query attend to the keys of its own segment.

    Args:
        query_ids: segment ids of the queries, shape `(B, T)`.
        key_ids: segment ids of the keys, shape `(B, S)`.

    Returns:
        Boolean attention mask `(B, T, S)`. Padding attends to nothing.

    Example:

    >>> same_segment_mask([[1, 2, 0]], [[1, 1, 2, 0]]).numpy().astype(int)
    array([[[1, 1, 0, 0],
            [0, 0, 1, 0],
            [0, 0, 0, 0]]])
    """
    if symbolic.has_no_values(query_ids, key_ids):
        return symbolic.node(same_segment_mask, query_ids, key_ids)
    query_ids = ops.convert_to_tensor(query_ids)[:, :, None]
    key_ids = ops.convert_to_tensor(key_ids)[:, None, :]
    return ops.logical_and(
        ops.equal(query_ids, key_ids), ops.not_equal(key_ids, 0)
    )


@keras.saving.register_keras_serializable("keras_transformer")
def positions_in_segments(segment_ids: Tensor) -> Tensor:
    """Counts the positions of each segment, from 0.

    Args:
        segment_ids: integers, shape `(B, T)`, 0 at padding.

    Returns:
        int32 tensor `(B, T)`, 0 at padding.

    Example:

    >>> positions_in_segments([[1, 1, 1, 2, 2, 0, 0]]).numpy().tolist()
    [[0, 1, 2, 0, 1, 0, 0]]
    """
    if symbolic.has_no_values(segment_ids):
        return symbolic.node(positions_in_segments, segment_ids)
    columns = ops.arange(ops.shape(segment_ids)[1])
    is_earlier = columns[None, :] < columns[:, None]
    is_counted = ops.logical_and(
        same_segment_mask(segment_ids, segment_ids), is_earlier[None]
    )
    return ops.sum(ops.cast(is_counted, "int32"), axis=2)


def restrict(
    mask: Tensor | None, query_ids: Tensor | None, key_ids: Tensor | None
) -> Tensor | None:
    """Restricts a mask to the keys that are in the same segment as the query.

    Args:
        mask: as for `combine_masks`, or `None` for a mask that allows all keys.
        query_ids: segment ids of the queries, `(B, T)`; `None` if each row is
            one sentence.
        key_ids: segment ids of the keys, `(B, S)`; `None` if `query_ids` is
            `None`.

    Returns:
        The mask unchanged if there are no segment ids, else a mask that also
        forbids padding and the keys of other segments.

    Raises:
        ValueError: only one of `query_ids` and `key_ids` is `None`; or there
            are segment ids, and `combine_masks` refuses the mask.
    """
    if (query_ids is None) != (key_ids is None):
        raise ValueError(
            "Queries and keys both have segment ids, or neither. Received: "
            f"query_ids={query_ids}, key_ids={key_ids}. Give the segment ids "
            "of source and target together."
        )
    if query_ids is None:
        return mask
    return masks.combine_masks(mask, same_segment_mask(query_ids, key_ids))
