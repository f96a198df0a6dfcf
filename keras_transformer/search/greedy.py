"""Greedy search: the most probable token at every step."""

import tensorflow as tf

from keras_transformer.search import constraints as constraining
from keras_transformer.search import contract, single_path


def greedy_search(
    step: contract.StepFn,
    state,
    *,
    batch_size,
    max_lengths,
    start_id: int,
    end_id: int,
    pad_id: int,
    constraints=constraining.NONE,
    states: contract.States = contract.ROW_STATES,
    source_mask=None,
) -> contract.SearchResult:
    """Takes the most probable token until the end token or the limit.

    Args:
        step: see `StepFn`.
        state: the state before the first step, batch axis B first.
        batch_size: B, an int or a scalar tensor.
        max_lengths: the most tokens of each row, `(B,)` or a scalar; the
            state must have room for the largest.
        start_id: what the first step reads.
        end_id: what ends a sequence.
        pad_id: what stands after the end.
        constraints: see `Constraints`.
        states: what knows how a state follows its hypotheses, such as a
            `Transformer`; by default each tensor of it has a row for each.
        source_mask: boolean `(B, S)`, which source tokens are real. Given
            it, `step` must return its attention, and the result has it.

    Returns:
        `SearchResult` with W = 1; the score is the plain log-probability.

    Raises:
        ValueError: a batch or a longest length below 0, ids that are not in
            the vocabulary, or a prefix that is longer than its row may become.

    Example:

    >>> chain = tf.math.log([[0.1, 0.6, 0.3], [0.1, 0.2, 0.7], [1., 0., 0.]])
    >>> def step(ids, position, state):
    ...     return tf.gather(chain, ids), state
    >>> result = greedy_search(step, (), batch_size=1, max_lengths=5,
    ...     start_id=0, end_id=2, pad_id=0)
    >>> result.ids[0, 0, :2].numpy().tolist()
    [1, 2]
    """
    return single_path.follow(
        lambda choices, position, numbers: tf.argmax(
            choices.log_probs, axis=2, output_type=tf.int32
        ),
        step,
        state,
        width=1,
        count=1,
        batch_size=batch_size,
        max_lengths=max_lengths,
        start_id=start_id,
        end_id=end_id,
        pad_id=pad_id,
        constraints=constraints,
        states=states,
        source_mask=source_mask,
    )
