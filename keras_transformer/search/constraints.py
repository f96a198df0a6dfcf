"""Applies constraints to hypotheses: lengths, prefixes and forbidden tokens.

Constraints decide which tokens a hypothesis may have. By default they do not
change the log-probabilities of allowed tokens, so scores are the model's own.

B batch   W hypotheses per row   V vocabulary_size   P prefix length
C candidates of a hypothesis, not of a row   T target length
R rows of a step, B times W

In a shape, `B W` is one size, B times W.
"""

import dataclasses
import numbers
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from keras_transformer.search import contract, forbidden, selection
from keras_transformer.search import task as tasks


@dataclasses.dataclass(frozen=True)
class Constraints:
    """Constraints on every hypothesis of a search.

    They do not forbid the tokens of a prefix. A `Task` has further limits,
    which can differ between rows.

    Args:
        min_length: the minimum number of tokens, including the prefix and the
            end token. If the maximum length of a row is smaller, the maximum
            applies.
        banned_ids: ids of tokens that are never chosen.
        no_repeat_ngram_size: n. The search chooses no token that would make a
            sequence of n tokens occur twice in a hypothesis, prefix included.
            0 allows repetition.
        normalized_over: `"all"` keeps the log-probabilities of the model.
            `"allowed"` makes the probabilities of allowed tokens sum to 1, as
            in CTranslate2: the tokens of a prefix then have probability 1.

    Raises:
        ValueError: `min_length` or `no_repeat_ngram_size` is negative or not a
            whole number, or `normalized_over` is unknown.

    Example:

    >>> Constraints(min_length=3, banned_ids=(0,)).no_repeat_ngram_size
    0
    """

    min_length: int = 0
    banned_ids: Sequence[int] = ()
    no_repeat_ngram_size: int = 0
    normalized_over: str = "all"

    def __post_init__(self):
        if self.normalized_over not in ("all", "allowed"):
            raise ValueError(
                "Unknown `normalized_over`. Received: "
                f"{self.normalized_over!r}. Expected 'all' or 'allowed'."
            )
        for name, effect_of_zero in (
            ("min_length", "allow every length"),
            ("no_repeat_ngram_size", "allow repetition"),
        ):
            size = getattr(self, name)
            if not isinstance(size, numbers.Integral) or size < 0:
                raise ValueError(
                    f"`{name}` must be a whole number, at least 0. Received: "
                    f"{size}. Use 0 to {effect_of_zero}."
                )
        # The ids become a tuple, so that searches can be compared and hashed.
        ids = tuple(int(token) for token in self.banned_ids)
        object.__setattr__(self, "banned_ids", ids)


NONE = Constraints()


class RowLimits(NamedTuple):
    """Limits and prefixes of the rows, as tensors with the batch axis first.

    max_lengths, min_lengths: int32 `(B,)`, numbers of tokens, end token
        included.
    prefix: int32 `(B, P)`, padded; P is 0 if there is no prefix.
    prefix_lengths: int32 `(B,)`, the numbers of tokens without padding.
    """

    max_lengths: tf.Tensor
    min_lengths: tf.Tensor
    prefix: tf.Tensor
    prefix_lengths: tf.Tensor


class Candidates(NamedTuple):
    """Candidates for the next token of each hypothesis; some may be forbidden.

    ids: int32 `(B, W, C)`: the most probable tokens first, or all tokens in the
        order of ids; see `candidates`. At a position inside a prefix, all
        candidates are the token of the prefix.
    log_probs: float32 `(B, W, C)`; `contract.NEVER` for forbidden tokens. If
        one logit of a hypothesis is NaN, the log-probability is NaN for allowed
        tokens and for tokens that would repeat an n-gram. But if
        `normalized_over` is `"allowed"`, the token of a prefix always has the
        log-probability 0.
    """

    ids: tf.Tensor
    log_probs: tf.Tensor


def limits_of_rows(constraints: Constraints, task: tasks.Task) -> RowLimits:
    """Returns the length limits and the prefix of each row.

    Args:
        constraints: `Constraints`, whose `min_length` is for all rows.
        task: `Task`.

    Raises:
        ValueError: `prefix` does not have two axes and B rows, a prefix is
            longer than the maximum length of its row, a limit or B is negative,
            or the limits are neither one number nor B numbers. Values that only
            the running graph computes are not checked.
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
    rows = max_lengths.shape
    if prefix.shape.rank != 2 or not rows.is_compatible_with(prefix.shape[:1]):
        raise ValueError(
            "`prefix` must have shape (B, P), filled up with pad_id. Received: "
            f"shape={tuple(prefix.shape)}."
        )
    # The length of a prefix is the number of ids before its first padding id.
    known = tf.get_static_value(prefix)
    if known is None:
        is_real = tf.cast(tf.not_equal(prefix, task.pad_id), tf.int32)
        lengths = tf.reduce_sum(tf.math.cumprod(is_real, axis=1), axis=1)
    else:
        is_real = np.cumprod(known != task.pad_id, axis=1)
        lengths = tf.constant(is_real.sum(axis=1), tf.int32)
    _check_prefix(prefix, lengths, max_lengths)
    return RowLimits(max_lengths, min_lengths, prefix, lengths)


def result_length(task: tasks.Task, limits: RowLimits) -> int | tf.Tensor:
    """Returns T, the length of the hypotheses in the result of a search.

    T is an int if the task has `longest`, or if the limits are known before the
    graph runs.
    """
    if task.longest is not None:
        return task.longest
    return contract.largest_limit(limits.max_lengths)


def candidates(
    logits: tf.Tensor,
    count: int | None,
    constraints: Constraints,
    task: tasks.Task,
    limits: RowLimits,
    ids: tf.Tensor,
    position: tf.Tensor,
) -> Candidates:
    """Finds candidates for the next token of each hypothesis.

    Args:
        logits: float32 `(B W, V)`.
        count: the minimum number of allowed candidates of a hypothesis. If
            fewer tokens are allowed, all of them are candidates. With `None`,
            all V tokens are candidates, in the order of ids.
        constraints: `Constraints`.
        task: `Task`.
        limits: `RowLimits`.
        ids: int32 `(B, W, T)`. Only the tokens before `position` are used.
        position: scalar, the index of the next token.

    Raises:
        ValueError: a banned id, the end id or an id of a prefix is not in the
            vocabulary. Prefixes that only the running graph computes are not
            checked.
    """
    width, size = ids.shape[1], logits.shape[-1]
    banned = sorted({*constraints.banned_ids, *map(int, task.banned_ids)})
    check_ids("banned_ids", banned, size)
    check_ids("end_id", [task.end_id], size)
    _check_prefix_ids(limits, size)
    is_too_short = position + 1 < limits.min_lengths
    allowed = _without_repeats(logits, ids, position, constraints)
    if constraints.normalized_over == "allowed":
        logits = allowed = forbidden.without(
            allowed, banned, task.end_id, is_too_short, width
        )
    # `banned` and perhaps the end token are forbidden. So take more tokens.
    count = None if count is None else count + len(banned) + 1
    log_probs, tokens, normalizer = _best_tokens(allowed, logits, count)
    shape = [-1, width, log_probs.shape[-1] or tf.shape(log_probs)[-1]]
    tokens, log_probs = tf.reshape(tokens, shape), tf.reshape(log_probs, shape)
    is_forbidden = (tokens == task.end_id) & is_too_short[:, None, None]
    for token in banned:
        is_forbidden |= tokens == token
    log_probs = tf.where(is_forbidden, contract.NEVER, log_probs)
    if limits.prefix.shape[1] != 0:
        all_log_probs = logits - normalizer[:, None]
        if constraints.normalized_over == "allowed":
            all_log_probs = tf.zeros_like(logits)
        tokens, log_probs = _force_prefix(
            tokens, log_probs, all_log_probs, limits, position
        )
    # Here the log-probability of a forbidden token may be -inf, or only close
    # to NEVER. Searches expect exactly NEVER for every forbidden token.
    log_probs = tf.where(
        log_probs < contract.NEVER / 2, contract.NEVER, log_probs
    )
    return Candidates(tokens, log_probs)


def _without_repeats(logits, ids, position, constraints):
    """Returns the logits, with -inf for tokens that would repeat an n-gram."""
    size = constraints.no_repeat_ngram_size
    if not size:
        return logits
    is_repeated = forbidden.repeats(ids, position, size, tf.shape(logits)[1])
    return tf.where(is_repeated, -np.inf, logits)


def _best_tokens(allowed, logits, count):
    """Returns log-probabilities (R, C), their tokens (R, C), normalizers (R,).

    Args:
        allowed: float32 `(R, V)`, the logits, with -inf for tokens that would
            repeat an n-gram. If `normalized_over` is `"allowed"`, banned tokens
            and an end token that comes too early have NEVER.
        logits: float32 `(R, V)`. The normalizers are computed from them.
        count: how many tokens to return, best first. With `None`, all tokens
            are returned, in the order of ids.
    """
    if count is None:
        tokens = tf.range(tf.shape(allowed)[1])
        tokens = tf.broadcast_to(tokens, tf.shape(allowed))
        normalizer = tf.reduce_logsumexp(logits, axis=-1)
    else:
        size = logits.shape[-1]
        if size is None:
            count = tf.minimum(count, tf.shape(allowed)[1])
        else:
            count = min(count, size)
        are_all_allowed = allowed is logits
        allowed, tokens = selection.largest(allowed, count)
        normalizer = selection.log_normalizer(
            logits, tokens[:, 0] if are_all_allowed else None
        )
    # If one logit is NaN, all log-probabilities must be NaN. The softmax of
    # TensorFlow may give an infinite normalizer instead.
    normalizer = tf.where(tf.math.is_finite(normalizer), normalizer, np.nan)
    return allowed - normalizer[:, None], tokens, normalizer


def check_ids(
    name: str, ids: Iterable[int], vocabulary_size: int | None
) -> None:
    """Raises ValueError for ids that are not in the vocabulary.

    Args:
        name: the name of the checked argument, for the message.
        ids: the ids.
        vocabulary_size: V. If it is `None`, only ids below 0 are refused.
    """
    for token in ids:
        if token < 0 or (
            vocabulary_size is not None and token >= vocabulary_size
        ):
            raise ValueError(
                f"`{name}` must be in the vocabulary, "
                f"[0, {vocabulary_size}). Received: {token}. Give the ids of "
                "the model's own tokenizer."
            )


def _force_prefix(tokens, log_probs, all_log_probs, limits, position):
    """Allows only the token of the prefix at the positions of a prefix.

    Args:
        tokens: int32 `(B, W, C)`, the candidates.
        log_probs: float32 `(B, W, C)`, of the candidates.
        all_log_probs: float32 `(B W, V)`, of the whole vocabulary.
        limits: `RowLimits`.
        position: scalar, the index of the next token.

    Returns:
        Tokens and log-probabilities `(B, W, C)`. Inside of a prefix, all
        candidates are the token of the prefix, and only the first is allowed.
    """
    width = tokens.shape[1]
    columns = tf.shape(limits.prefix)[1]
    is_inside = position < limits.prefix_lengths
    column = tf.minimum(position, tf.maximum(columns - 1, 0))
    # `tf.gather` needs at least one column, but P may be 0 when the graph runs.
    # So one column is added.
    padded = tf.pad(limits.prefix, [[0, 0], [0, 1]])
    token = tf.where(is_inside, tf.gather(padded, column, axis=1), 0)
    token_BW = tf.repeat(token[:, None], width, axis=1)
    log_prob = tf.gather(
        all_log_probs, tf.reshape(token_BW, [-1]), batch_dims=1
    )
    is_first = tf.range(tf.shape(tokens)[2]) == 0
    forced = tf.where(
        is_first, tf.reshape(log_prob, [-1, width, 1]), contract.NEVER
    )
    is_inside = is_inside[:, None, None]
    return (
        tf.where(is_inside, token_BW[:, :, None], tokens),
        tf.where(is_inside, forced, log_probs),
    )


def _check_prefix(prefix, lengths, max_lengths):
    known = tf.get_static_value(lengths), tf.get_static_value(max_lengths)
    if any(value is None for value in known):
        return
    too_long = np.flatnonzero(known[0] > np.maximum(known[1], 0))
    if too_long.size:
        row = int(too_long[0])
        raise ValueError(
            "A prefix must not be longer than the maximum length of its row. "
            f"Received: row {row} with a prefix of {known[0][row]} tokens and "
            f"a maximum length of {known[1][row]}. Shorten the prefix, or "
            "raise max_lengths."
        )


def _check_prefix_ids(limits, size):
    known = tf.get_static_value(limits.prefix)
    lengths = tf.get_static_value(limits.prefix_lengths)
    if known is None or lengths is None:
        return
    is_inside = np.arange(known.shape[1]) < lengths[:, None]
    check_ids("prefix", known[is_inside].tolist(), size)
