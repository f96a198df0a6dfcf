"""What turns log-probabilities into the scores that hypotheses are ranked by.

B batch   W hypotheses   T target length   S source length
"""

import math

import tensorflow as tf

LENGTH_PENALTIES = ("gnmt", "average", "none")
# Coverage below it is taken for it: its logarithm is -20.7.
_LEAST_COVERAGE = 1e-9


def length_divisor(lengths, alpha: float, form: str = "gnmt"):
    """What log-probabilities are divided by, of n tokens with the end token.

    `"gnmt"`: ((5 + n) / 6)^alpha (Wu et al. 2016, equation 14), the paper's.
    `"average"`: n^alpha, with alpha 1 the mean of each token. `"none"`: 1.

    Example:

    >>> round(float(length_divisor(tf.constant(10.0), 0.6)), 4)
    1.7329
    """
    lengths = tf.cast(lengths, tf.float32)
    if form == "none":
        return tf.ones_like(lengths)
    base = lengths if form == "average" else (5.0 + lengths) / 6.0
    return base**alpha


def coverage_penalty(attention, source_mask, beta: float):
    """What is added to scores of hypotheses that leave source tokens unread.

    beta times the sum, over source tokens, of the logarithm of all attention
    that they got, at most 1 (Wu et al. 2016, equation 14). It is 0 at best.

    Args:
        attention: float32 `(B, W, T, S)`, 0 for tokens not there.
        source_mask: boolean `(B, S)`, which source tokens are real.
        beta: its weight.

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


def check_penalties(alpha, form, beta):
    """Raises ValueError unless these are penalties."""
    if not 0 <= alpha < math.inf:
        raise ValueError(
            "`alpha` below 0 would favour ever shorter translations without "
            "bound, and what is not finite means nothing. Received: "
            f"{alpha}. Use 0 for no length penalty."
        )
    if form not in LENGTH_PENALTIES:
        raise ValueError(
            f"Unknown length `penalty`. Received: {form!r}. Expected one of "
            f"{LENGTH_PENALTIES}."
        )
    if not 0 <= beta < math.inf:
        raise ValueError(
            "`coverage` below 0 would reward leaving words out, and what is "
            f"not finite means nothing. Received: {beta}. Use 0 for no "
            "coverage penalty."
        )
