"""Decides when a row of a beam search is done, and which candidates end.

`BeamSearch` describes the three rules.

B batch   W beam size
"""

import tensorflow as tf

from keras_transformer.search import contract, hypotheses

STOPPINGS = ("certain", "full", "current_length")


def check_stopping(stopping: str, coverage: float) -> None:
    """Raises ValueError unless a stopping rule is known and allows `coverage`.

    Args:
        stopping: the name of the rule, one of `STOPPINGS`.
        coverage: the weight of the coverage penalty, which must be 0 with
            `"current_length"`.
    """
    if stopping not in STOPPINGS:
        raise ValueError(
            f"Unknown `stopping`. Received: {stopping!r}. Expected one of "
            f"{STOPPINGS}."
        )
    if stopping == "current_length" and coverage:
        raise ValueError(
            "The rule 'current_length' has no coverage penalty. Received: "
            f"stopping={stopping!r}, coverage={coverage}. Use 'certain' or "
            "'full', or no coverage penalty."
        )


def ending(
    stopping: str, is_end: tf.Tensor, is_last: tf.Tensor, beam_size: int
) -> tf.Tensor:
    """Returns which candidates end, boolean `(B, 2 W)`.

    With `"certain"` a candidate ends only if it has an end token, even in a row
    that has reached its maximum length. With the other rules, only the W best
    candidates can end. Each of them ends if it has an end token, or if the row
    has reached its maximum length.

    Args:
        stopping: the name of the rule.
        is_end: boolean `(B, 2 W)`, whether each candidate has an end token.
            The candidates are sorted, best first.
        is_last: boolean `(B,)`, whether a row has reached its maximum length.
        beam_size: W.

    Example:

    >>> is_end = tf.constant([[False, True, True, False]])
    >>> ending("full", is_end, tf.constant([False]), 2).numpy().tolist()
    [[False, True, False, False]]
    """
    if stopping == "certain":
        return is_end
    is_best = tf.range(tf.shape(is_end)[1]) < beam_size
    return is_best & (is_end | is_last[:, None])


def is_decided(
    stopping: str,
    live: hypotheses.Hypotheses,
    finished: hypotheses.Hypotheses,
    divisors: tuple[tf.Tensor, tf.Tensor],
    num_certain: int | tf.Tensor,
) -> tf.Tensor:
    """Returns which rows are done according to a rule, boolean `(B,)`.

    Args:
        stopping: the name of the rule.
        live: W hypotheses of each row, best first; scores are
            log-probabilities.
        finished: W hypotheses of each row, best first; scores include
            penalties.
        divisors: two tensors: the length divisor of each row at its maximum
            length, `(B,)`, and the length divisor at the current length, a
            scalar.
        num_certain: how many of the best finished hypotheses must be certain
            before a row is done, at least 1. A hypothesis is certain if no live
            hypothesis can still get a better score. Only the rule `"certain"`
            uses this number.
    """
    at_limit, at_current_length = divisors
    if stopping == "certain":
        # More tokens never raise a log-probability, which is at most 0. The
        # divisor is largest at the limit, and the coverage penalty is at most
        # 0. So no live hypothesis can end with a score above this bound.
        bound = live.scores[:, 0] / at_limit
        return finished.scores[:, num_certain - 1] >= bound
    is_full = finished.scores[:, -1] > contract.NEVER
    if stopping == "full":
        return is_full
    bound = live.scores[:, 0] / at_current_length
    return is_full & (finished.scores[:, -1] >= bound)
