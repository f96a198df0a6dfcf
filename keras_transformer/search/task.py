"""What one call of a search is asked for.

B batch   T target length   V vocabulary_size   S source length   P prefix
length
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from keras_transformer.search import contract


class Task(NamedTuple):
    """The rows of a search, their limits, and the ids of their vocabulary.

    batch_size: B, an int or a scalar tensor.
    max_lengths: the most tokens of each row, `(B,)` or a scalar; the state
        must have room for the largest.
    start_id: what the first step reads.
    end_id: what ends a sequence.
    pad_id: what stands after the end.
    min_lengths: the fewest tokens of each row, the end token included, `(B,)`
        or a scalar. A hypothesis at its longest length is cut all the same.
    prefix: integers `(B, P)`, what each hypothesis begins with, filled up
        with `pad_id`; other constraints do not hold in it. `None` for none.
    banned_ids: tokens that are never taken, besides those of the search.
    longest: T of the result, an int that no row's limit exceeds, for a result
        of fixed shape as XLA needs; `None` for the largest limit.
    states: the object whose `widen`, `select`, `take_rows` and `shapes` change
        a state with its hypotheses, such as a `Transformer`; the default
        gathers rows of each tensor.
    source_mask: boolean `(B, S)`, which source tokens are real. Given it, the
        step must return its attention, and the result has it.
    row_keys: integers `(B,)` that tell rows apart, whatever their place in
        the batch: what is drawn for a row then depends on its key. `None` to
        draw by place.

    Example:

    >>> Task(batch_size=2, max_lengths=[7, 5], start_id=1, end_id=2,
    ...     pad_id=0).min_lengths
    0
    """

    batch_size: Any
    max_lengths: Any
    start_id: int
    end_id: int
    pad_id: int
    min_lengths: Any = 0
    prefix: Any = None
    banned_ids: Sequence[int] = ()
    longest: int | None = None
    states: contract.States = contract.ROW_STATES
    source_mask: Any = None
    row_keys: Any = None
