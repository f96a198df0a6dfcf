"""What hypotheses may be: lengths, prefixes, and tokens that are forbidden.

Constraints choose among the model's tokens and never change their
log-probabilities, so that a score is the model's own, whatever was allowed.

B batch   W hypotheses per row   V vocabulary_size   P prefix length
C candidates per hypothesis   T target length
"""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from keras_transformer.search import contract, selection
from keras_transformer.search import task as tasks


@dataclasses.dataclass(frozen=True)
class Constraints:
    """What every hypothesis of a search must be like.

    A `Task` has the limits of each row besides.

    Args:
        min_length: the fewest tokens, the end token included. A hypothesis at
            its longest length is cut all the same.
        banned_ids: tokens that are never taken.
        no_repeat_ngram_size: n tokens in a row are never repeated; 0 allows
            all.

    Raises:
        ValueError: a size below 0 or not whole, or one that is no number.

    Example:

    >>> Constraints(min_length=3, banned_ids=(0,)).no_repeat_ngram_size
    0
    """

    min_length: int = 0
    banned_ids: Sequence[int] = ()
    no_repeat_ngram_size: int = 0

    def __post_init__(self):
        for name, unit in (
            ("min_length", "ask for no length"),
            ("no_repeat_ngram_size", "allow all"),
        ):
            size = getattr(self, name)
            if size < 0 or int(size) != size:
                raise ValueError(
                    f"`{name}` must be a whole number, at least 0. Received: "
                    f"{size}. Use 0 to {unit}."
                )
        # A tuple, so that searches can be compared and hashed.
        ids = tuple(int(token) for token in self.banned_ids)
        object.__setattr__(self, "banned_ids", ids)


NONE = Constraints()


class RowLimits(NamedTuple):
    """What is asked of each row, the batch axis first.

    max_lengths: int32 `(B,)`.
    min_lengths: int32 `(B,)`.
    prefix: int32 `(B, P)`.
    prefix_lengths: int32 `(B,)`.
    """

    max_lengths: tf.Tensor
    min_lengths: tf.Tensor
    prefix: tf.Tensor
    prefix_lengths: tf.Tensor


class Candidates(NamedTuple):
    """The best next tokens of each hypothesis, best first.

    ids: int32 `(B, W, C)`.
    log_probs: float32 `(B, W, C)`, the model's own, NEVER for what is
        forbidden; NaN where a logit is not a number.
    """

    ids: tf.Tensor
    log_probs: tf.Tensor


def limits_of_rows(constraints: Constraints, task: tasks.Task) -> RowLimits:
    """Makes the limits of each row.

    Raises:
        ValueError: a prefix longer than its row's longest length, where both
            are known, or not of shape `(B, P)`; limits below 0.
    """
    max_lengths = contract.limits_per_row(task.max_lengths, task.batch_size)
    min_lengths = contract.limits_per_row(
        task.min_lengths, task.batch_size, "min_lengths"
    )
    if constraints.min_length:
        min_lengths = tf.maximum(min_lengths, constraints.min_length)
    prefix = task.prefix
    if prefix is None:
        prefix = tf.zeros([tf.shape(max_lengths)[0], 0], tf.int32)
    prefix = tf.cast(prefix, tf.int32)
    if prefix.shape.rank != 2:
        raise ValueError(
            "`prefix` must have shape (B, P), filled up with pad_id. Received: "
            f"shape={tuple(prefix.shape)}."
        )
    # What is behind the first padding is no prefix.
    known = tf.get_static_value(prefix)
    if known is None:
        is_real = tf.cast(tf.not_equal(prefix, task.pad_id), tf.int32)
        lengths = tf.reduce_sum(tf.math.cumprod(is_real, axis=1), axis=1)
    else:
        is_real = np.cumprod(known != task.pad_id, axis=1)
        lengths = tf.constant(is_real.sum(axis=1), tf.int32)
    _check_prefix(prefix, lengths, max_lengths)
    return RowLimits(max_lengths, min_lengths, prefix, lengths)


def longest_of(task: tasks.Task, limits: RowLimits):
    """T of a search's result, an int where that is known."""
    if task.longest is not None:
        return task.longest
    return contract.largest_limit(limits.max_lengths)


def candidates(
    logits, count, constraints, task, limits, ids, position
) -> Candidates:
    """The best `count` or more allowed tokens of each hypothesis.

    Args:
        logits: float32 `(B W, V)`.
        count: how many, of which none is left out; `None` means the whole
            vocabulary, in its order.
        constraints: `Constraints`.
        task: `Task`.
        limits: `RowLimits`.
        ids: int32 `(B, W, T)`, the tokens before `position`.
        position: scalar.

    Raises:
        ValueError: a token that is not in the vocabulary.
    """
    width, size = ids.shape[1], logits.shape[-1]
    banned = sorted({*constraints.banned_ids, *map(int, task.banned_ids)})
    check_ids("banned_ids", banned, size)
    check_ids("end_id", [task.end_id], size)
    _check_prefix_ids(limits, size)
    allowed = logits
    if constraints.no_repeat_ngram_size:
        is_repeated = _repeats(
            ids, position, constraints.no_repeat_ngram_size, tf.shape(logits)[1]
        )
        allowed = tf.where(is_repeated, -np.inf, allowed)
    # As many more as may be taken away again.
    count = None if count is None else count + len(banned) + 1
    allowed, places, normalizer = _ranked(allowed, logits, count)
    shape = [-1, width, allowed.shape[-1] or tf.shape(allowed)[-1]]
    places, allowed = tf.reshape(places, shape), tf.reshape(allowed, shape)
    is_too_short = position + 1 < limits.min_lengths
    is_forbidden = (places == task.end_id) & is_too_short[:, None, None]
    for token in banned:
        is_forbidden |= places == token
    allowed = tf.where(is_forbidden, contract.NEVER, allowed)
    if limits.prefix.shape[1] != 0:
        places, allowed = _force(
            places, allowed, logits - normalizer[:, None], limits, position
        )
    # Models forbid by numbers of that kind too, less their normalizer.
    allowed = tf.where(allowed < contract.NEVER / 2, contract.NEVER, allowed)
    return Candidates(places, allowed)


def _ranked(allowed, logits, count):
    """Log-probabilities (R, C) of the best tokens, the tokens, normalizers.

    Args:
        allowed: float32 `(R, V)`, the logits, or less where that is forbidden.
        logits: float32 `(R, V)`.
        count: how many tokens, best first; `None` for all, in their order.
    """
    if count is None:
        places = tf.range(tf.shape(allowed)[1])
        places = tf.broadcast_to(places, tf.shape(allowed))
        normalizer = tf.reduce_logsumexp(logits, axis=-1)
    else:
        size = logits.shape[-1]
        if size is None:
            count = tf.minimum(count, tf.shape(allowed)[1])
        else:
            count = min(count, size)
        is_whole = allowed is logits
        allowed, places = selection.largest(allowed, count)
        normalizer = selection.log_normalizer(
            logits, places[:, 0] if is_whole else None
        )
    # One logit that is not a number makes all log-probabilities none;
    # TensorFlow's softmax may call it infinite.
    normalizer = tf.where(tf.math.is_finite(normalizer), normalizer, np.nan)
    return allowed - normalizer[:, None], places, normalizer


def check_ids(name, ids, vocabulary_size):
    """Raises ValueError for ids out of range, where V is known."""
    for token in ids:
        if token < 0 or (
            vocabulary_size is not None and token >= vocabulary_size
        ):
            raise ValueError(
                f"`{name}` must be in the vocabulary, "
                f"[0, {vocabulary_size}). Received: {token}. Give the ids of "
                "the model's own tokenizer."
            )


def _force(places, allowed, log_probs, limits, position):
    """Leaves, inside of a prefix, its token as the only one."""
    width = places.shape[1]
    room = tf.shape(limits.prefix)[1]
    is_inside = position < limits.prefix_lengths
    column = tf.minimum(position, tf.maximum(room - 1, 0))
    # A prefix of no columns has nothing to gather.
    padded = tf.pad(limits.prefix, [[0, 0], [0, 1]])
    token = tf.where(is_inside, tf.gather(padded, column, axis=1), 0)
    token_BW = tf.repeat(token[:, None], width, axis=1)
    log_prob = tf.gather(log_probs, tf.reshape(token_BW, [-1]), batch_dims=1)
    is_first = tf.range(tf.shape(places)[2]) == 0
    forced = tf.where(
        is_first, tf.reshape(log_prob, [-1, width, 1]), contract.NEVER
    )
    is_inside = is_inside[:, None, None]
    return (
        tf.where(is_inside, token_BW[:, :, None], places),
        tf.where(is_inside, forced, allowed),
    )


def _repeats(ids, position, size, vocabulary_size):
    """Marks tokens that would repeat n tokens in a row: boolean (B W, V)."""
    ids = tf.reshape(ids, [-1, tf.shape(ids)[2]])
    length = tf.shape(ids)[1]
    starts = tf.range(length)
    # Whether the n - 1 tokens from each place on are the last n - 1.
    is_same = tf.ones_like(ids, tf.bool)
    for i in range(size - 1):
        there = tf.gather(ids, tf.minimum(starts + i, length - 1), axis=1)
        last = position - (size - 1) + i
        now = tf.gather(ids, tf.clip_by_value(last, 0, length - 1), axis=1)
        is_same &= there == now[:, None]
    next_ = starts + size - 1
    is_same &= (next_ < position) & (position >= size - 1)
    tokens = tf.gather(ids, tf.minimum(next_, length - 1), axis=1)
    # What is no token yet, such as padding, may be no token at all.
    tokens = tf.where(is_same, tokens, 0)
    rows = tf.range(tf.shape(ids)[0])[:, None]
    places = tf.stack([tf.broadcast_to(rows, tf.shape(ids)), tokens], axis=-1)
    counts = tf.scatter_nd(
        places,
        tf.cast(is_same, tf.int32),
        [tf.shape(ids)[0], vocabulary_size],
    )
    return counts > 0


def _check_prefix(prefix, lengths, max_lengths):
    known = tf.get_static_value(lengths), tf.get_static_value(max_lengths)
    if any(value is None for value in known):
        return
    too_long = np.flatnonzero(known[0] > np.maximum(known[1], 0))
    if too_long.size:
        row = int(too_long[0])
        raise ValueError(
            "A prefix must not be longer than its row may become. Received: "
            f"row {row} with a prefix of {known[0][row]} tokens and a longest "
            f"length of {known[1][row]}. Shorten it, or raise max_lengths."
        )


def _check_prefix_ids(limits, size):
    known = tf.get_static_value(limits.prefix)
    lengths = tf.get_static_value(limits.prefix_lengths)
    if known is None or lengths is None:
        return
    is_inside = np.arange(known.shape[1]) < lengths[:, None]
    check_ids("prefix", known[is_inside].tolist(), size)
