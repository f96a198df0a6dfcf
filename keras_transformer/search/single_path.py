"""Searches that follow one path of each hypothesis and never reorder.

B batch   W hypotheses per row   T target length   V vocabulary_size   S source
length   C candidates
"""

from typing import NamedTuple

import tensorflow as tf

from keras_transformer.search import constraints as constraining
from keras_transformer.search import contract, loop


class _Rows(NamedTuple):
    limits: constraining.RowLimits
    numbers: tf.Tensor  # (B,), the place of each row in the batch
    sources: tuple  # of their mask (B, S), or of nothing
    ids: tf.Tensor  # (B, W, T), padded
    lengths: tf.Tensor  # (B, W)
    log_probs: tf.Tensor  # (B, W, T), of each token
    attention: tuple  # of one (B, W, T, S), or of none
    has_ended: tf.Tensor  # (B, W)
    is_nan: tf.Tensor  # (B,), whether the model gave no numbers
    is_done: tf.Tensor  # (B,)


def follow(
    choose,
    step: contract.StepFn,
    state,
    *,
    width: int,
    count: int | None,
    batch_size,
    max_lengths,
    start_id: int,
    end_id: int,
    pad_id: int,
    constraints,
    states: contract.States,
    source_mask,
) -> contract.SearchResult:
    """Takes the token that `choose` picks until the end token or the limit.

    Args:
        choose: function of `Candidates`, the position and the numbers of the
            rows, to the place of the token taken, int32 `(B, W)`.
        width: W, hypotheses of each row, alike at first.
        count: how many candidates `choose` is given, see `candidates`.

    Others are those of `greedy_search`.

    Returns:
        `SearchResult`, scores being plain log-probabilities, in the order of
        the hypotheses.
    """
    limits = constraining.limits_of_rows(
        constraints, max_lengths, batch_size, pad_id
    )
    longest = constraining.longest_of(constraints, limits)
    sources = () if source_mask is None else (tf.cast(source_mask, tf.bool),)

    def advance(position, row, state):
        last = tf.where(
            position == 0,
            start_id,
            tf.gather(row.ids, tf.maximum(position - 1, 0), axis=2),
        )
        logits, state, attention = contract.call_step(
            step, tf.reshape(last, [-1]), position, state, len(sources)
        )
        choices = constraining.candidates(
            logits, count, constraints, row.limits, row.ids, position, end_id
        )
        is_nan = row.is_nan | contract.is_nan(choices.log_probs, ~row.has_ended)
        place = choose(choices, position, row.numbers)
        ids, log_probs = (
            tf.gather(x, place, axis=2, batch_dims=2) for x in choices
        )
        # Where all is forbidden a hypothesis ends without its end token.
        is_over = (
            row.has_ended | (log_probs <= contract.NEVER) | is_nan[:, None]
        )
        is_now = tf.range(tf.shape(row.ids)[2]) == position

        def write(before, now):
            missing = [1] * (before.shape.rank - 3)
            is_over_BWT = tf.reshape(
                is_over[:, :, None] | ~is_now,
                tf.concat([tf.shape(row.ids), missing], 0),
            )
            return tf.where(is_over_BWT, before, now[:, :, None])

        lengths = row.lengths + tf.where(is_over, 0, 1)
        has_ended = (
            is_over
            | (ids == end_id)
            | (position + 1 >= row.limits.max_lengths[:, None])
        )
        row = row._replace(
            ids=write(row.ids, ids),
            lengths=lengths,
            log_probs=write(row.log_probs, log_probs),
            attention=tuple(
                write(before, tf.reshape(attention, tf.shape(before[:, :, 0])))
                for before in row.attention
            ),
            has_ended=has_ended,
            is_nan=is_nan,
            is_done=tf.reduce_all(has_ended, axis=1),
        )
        return row, state

    rows = limits.max_lengths.shape[0] or tf.shape(limits.max_lengths)[0]
    shape = [rows, width, longest]
    is_empty = limits.max_lengths < 1
    rows = _Rows(
        limits,
        tf.range(rows),
        sources,
        tf.fill(shape, pad_id),
        tf.zeros(shape[:2], tf.int32),
        tf.zeros(shape),
        tuple(
            tf.zeros([*shape, mask.shape[1] or tf.shape(mask)[1]])
            for mask in sources
        ),
        tf.repeat(is_empty[:, None], width, axis=1),
        tf.zeros_like(is_empty),
        is_empty,
    )
    if width > 1:
        state = states.widen(state, width)
    rows = loop.run(advance, rows, state, states, width, longest)
    result = contract.SearchResult(
        rows.ids,
        rows.lengths,
        tf.reduce_sum(rows.log_probs, axis=2),
        rows.log_probs,
        *rows.attention,
    )
    return contract.with_nan(result, rows.is_nan)
