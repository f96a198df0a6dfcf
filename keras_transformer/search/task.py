"""Defines the task of a search, with its rows, their limits and special ids.

B batch   T target length   S source length   P prefix length
"""

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from keras_transformer.search import contract


class Task(NamedTuple):
    """The rows of a search, their limits, and the special ids.

    batch_size: B, an int or a scalar tensor.
    max_lengths: the maximum number of tokens of each row, end token included,
        `(B,)` or a scalar. The state must have room for the largest limit.
    start_id: the token that the first step reads.
    end_id: the token that ends a hypothesis.
    pad_id: the id that fills `ids` of the result after the last token of a
        hypothesis.
    min_lengths: the minimum number of tokens of each row, end token included,
        `(B,)` or a scalar. If `max_lengths` is smaller, `max_lengths` applies.
    prefix: integers `(B, P)`, the first tokens of every hypothesis of a row,
        padded with `pad_id`. `banned_ids`, `min_lengths` and the search's
        `Constraints` do not forbid these tokens. `None` for no prefix.
    banned_ids: ids that are never chosen, in addition to the `banned_ids` of
        the search.
    longest: T, the length of the hypotheses in the result, an int. With `None`,
        T is the largest limit. XLA needs fixed shapes, so it needs `longest` if
        only the running graph computes the limits. A search does not check that
        `longest` is at least the largest limit.
    states: the object with the operations on the state, see
        `contract.States`; for instance a `Transformer`. The default is for a
        nested structure of tensors, see `contract.RowStates`.
    source_mask: boolean `(B, S)`, which source tokens are real. If it is
        given, the step must return its attention to the source, and the result
        contains this attention.
    row_keys: integers `(B,)`, one key for each row. `SamplingSearch` adds the
        key to its `seed`, so the samples of a row do not depend on the index of
        the row in the batch. `None` if the samples may depend on this index.
    only_best: a boolean, or a scalar tensor: whether the caller needs only the
        best hypothesis of each row. If so, a row may be done as soon as its
        best hypothesis cannot change. The other hypotheses of this row may then
        be worse than those of a complete search.

    Example:

    >>> Task(batch_size=2, max_lengths=[7, 5], start_id=1, end_id=2,
    ...     pad_id=0).min_lengths
    0
    """

    batch_size: int | tf.Tensor
    max_lengths: contract.TensorLike
    start_id: int
    end_id: int
    pad_id: int
    min_lengths: contract.TensorLike = 0
    prefix: contract.TensorLike | None = None
    banned_ids: Sequence[int] = ()
    longest: int | None = None
    states: contract.States = contract.ROW_STATES
    source_mask: contract.TensorLike | None = None
    row_keys: contract.TensorLike | None = None
    only_best: contract.TensorLike = False
