"""Penalties that turn log-probabilities into the scores of hypotheses.

B batch   W hypotheses   T target length   S source length
"""

import math

import tensorflow as tf

from keras_transformer.search import contract

LENGTH_PENALTIES = ("gnmt", "average", "none")
# If the total attention to a source token is below this number, the coverage
# penalty uses this number instead, because the logarithm of 0 is infinite.
_LEAST_COVERAGE = 1e-9


def length_divisor(
    lengths: contract.TensorLike, alpha: float, form: str = "gnmt"
) -> tf.Tensor:
    """Returns the divisors of log-probabilities, float32.

    Args:
        lengths: n, the number of tokens of each hypothesis, end token
            included. The result has the same shape as `lengths`.
        alpha: the strength of the length penalty.
        form: `"gnmt"`: ((5 + n) / 6)^alpha (Wu et al. 2016, equation 14), as
            in the Transformer paper. `"average"`: n^alpha; with alpha 1 the
            score is the mean log-probability of the tokens. `"none"`: 1. Any
            other string means `"gnmt"` here; `check_penalties` refuses it.

    Example:

    >>> round(float(length_divisor(tf.constant(10.0), 0.6)), 4)
    1.7329
    """
    lengths = tf.cast(lengths, tf.float32)
    if form == "none":
        return tf.ones_like(lengths)
    base = lengths if form == "average" else (5.0 + lengths) / 6.0
    return base**alpha


def coverage_penalty(
    attention: tf.Tensor, source_mask: tf.Tensor, beta: float
) -> tf.Tensor:
    """Returns a penalty, at most 0, for source tokens with little attention.

    The penalty is beta times a sum over real source tokens (Wu et al. 2016,
    equation 14). The term of a source token is log(min(1, a)). The number a is
    the sum of the attention to this token at all T target positions, or 1e-9 if
    the sum is smaller.

    Args:
        attention: float32 `(B, W, T, S)`, 0 after the end of a hypothesis.
        source_mask: boolean `(B, S)`, True for real source tokens.
        beta: the weight of the penalty.

    Returns:
        float32 `(B, W)`.

    Example:

    >>> attention = tf.constant([[[[0.9, 0.1], [0.9, 0.1]]]])
    >>> penalty = coverage_penalty(attention, tf.constant([[True, True]]), 0.5)
    >>> round(float(penalty[0, 0]), 4)  # Half of log(0.2).
    -0.8047
    """
    covered = tf.clip_by_value(
        tf.reduce_sum(attention, axis=2), _LEAST_COVERAGE, 1.0
    )
    logarithms = tf.where(source_mask[:, None], tf.math.log(covered), 0.0)
    return beta * tf.reduce_sum(logarithms, axis=-1)


def check_penalties(alpha: float, form: str, beta: float) -> None:
    """Raises ValueError unless the settings of penalties are valid.

    Args:
        alpha: the strength of the length penalty, at least 0 and finite.
        form: the form of the length penalty, one of `LENGTH_PENALTIES`.
        beta: the weight of the coverage penalty, at least 0 and finite.
    """
    if not 0 <= alpha < math.inf:
        raise ValueError(
            "`alpha` must be at least 0 and finite: below 0, the shortest "
            f"translations would win. Received: {alpha}. Use 0 for no length "
            "penalty."
        )
    if form not in LENGTH_PENALTIES:
        raise ValueError(
            f"Unknown length `penalty`. Received: {form!r}. Expected one of "
            f"{LENGTH_PENALTIES}."
        )
    if not 0 <= beta < math.inf:
        raise ValueError(
            "`coverage` must be at least 0 and finite: below 0, translations "
            f"that leave words out would win. Received: {beta}. Use 0 for no "
            "coverage penalty."
        )
