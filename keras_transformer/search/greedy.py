"""Greedy search: the most probable token at every step.

B batch   T target length   V vocabulary_size
"""

import tensorflow as tf

from keras_transformer.search import contract


def greedy_search(
    step: contract.StepFn,
    state,
    *,
    batch_size,
    max_lengths,
    start_id: int,
    end_id: int,
    pad_id: int,
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

    Returns:
        `SearchResult` with W = 1; the score is the plain log-probability.

    Example:

    >>> chain = tf.math.log([[0.1, 0.6, 0.3], [0.1, 0.2, 0.7], [1., 0., 0.]])
    >>> def step(ids, position, state):
    ...     return tf.gather(chain, ids), state
    >>> result = greedy_search(step, (), batch_size=1, max_lengths=5,
    ...     start_id=0, end_id=2, pad_id=0)
    >>> result.ids[0, 0].numpy().tolist()
    [1, 2]
    """
    max_lengths = contract.limits_per_row(max_lengths, batch_size)
    # At least 0, for a batch without rows.
    longest = tf.maximum(tf.reduce_max(max_lengths), 0)
    batch_size = tf.shape(max_lengths)[0]

    def is_running(position, ids, log_probs, lengths, is_done, written, state):
        return (position < longest) & ~tf.reduce_all(is_done)

    def body(position, ids, log_probs, lengths, is_done, written, state):
        logits, state = step(ids, position, state)
        log_probs_BV = contract.log_softmax(logits)
        best = tf.argmax(log_probs_BV, axis=-1, output_type=tf.int32)
        gain = tf.reduce_max(log_probs_BV, axis=-1)
        ids = tf.where(is_done, pad_id, best)
        log_probs += tf.where(is_done, 0.0, gain)
        lengths += tf.where(is_done, 0, 1)
        is_done |= (ids == end_id) | (lengths >= max_lengths)
        is_now = tf.range(longest) == position
        written = tf.where(is_now, ids[:, None], written)
        return position + 1, ids, log_probs, lengths, is_done, written, state

    used, _, log_probs, lengths, _, ids_BT, _ = tf.while_loop(
        is_running,
        body,
        (
            tf.constant(0),
            tf.fill([batch_size], start_id),
            tf.zeros([batch_size]),
            tf.zeros([batch_size], tf.int32),
            max_lengths < 1,
            tf.fill([batch_size, longest], pad_id),
            state,
        ),
    )
    return contract.SearchResult(
        ids_BT[:, None, :used], lengths[:, None], log_probs[:, None]
    )
