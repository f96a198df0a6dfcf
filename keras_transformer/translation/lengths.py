"""Computes limits of a translation's length. They may depend on the source.

B batch
"""

from typing import NamedTuple

import tensorflow as tf

from keras_transformer.search import contract


class Lengths(NamedTuple):
    """Limits of the length of a translation, for a source of S tokens.

    All numbers of tokens include special ids, such as the end token. The
    maximum length is the smaller of `maximum` and `ratio` * S + `extra`, but at
    least 1. The minimum length is the larger of `minimum` and `minimum_ratio` *
    S, but never above the maximum length. `ratio` * S is rounded down, and
    `minimum_ratio` * S is rounded up.

    maximum: a number of tokens, or `None` for no such limit.
    ratio: the number by which S is multiplied for the maximum length.
    extra: a number of tokens; it is 50 in the paper (section 6.1).
    minimum: a number of tokens.
    minimum_ratio: the number by which S is multiplied for the minimum length.

    Example:

    >>> minima, maxima = Lengths(minimum=3).of(tf.constant([7, 20]))
    >>> minima.numpy().tolist(), maxima.numpy().tolist()
    ([3, 3], [57, 70])
    """

    maximum: int | None = None
    ratio: float = 1.0
    extra: int = 50
    minimum: int = 0
    minimum_ratio: float = 0.0

    def of(
        self, source_lengths: contract.TensorLike
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the minimum and maximum lengths, int32 `(B,)` each.

        Args:
            source_lengths: S of each row, `(B,)`.
        """
        sources = tf.cast(source_lengths, tf.float64)

        def times(ratio):
            # In float32, 1.3 * 90 is below 117. In float64, 1.4 * 45 is below
            # 63. The product in float64, rounded to float32, is right.
            return tf.cast(ratio * sources, tf.float32)

        maxima = tf.cast(times(self.ratio), tf.int32) + self.extra
        if self.maximum is not None:
            maxima = tf.minimum(maxima, self.maximum)
        maxima = tf.maximum(maxima, 1)
        minima = tf.cast(tf.math.ceil(times(self.minimum_ratio)), tf.int32)
        minima = tf.maximum(minima, self.minimum)
        return tf.minimum(minima, maxima), maxima

    def check(self) -> None:
        """Raises ValueError unless the limits are valid.

        All limits must be finite and at least 0. If `maximum` is not `None`, it
        must also be at least 1, and at least `minimum`.
        """
        for name, least in (
            ("maximum", 1),
            ("ratio", 0),
            ("extra", 0),
            ("minimum", 0),
            ("minimum_ratio", 0),
        ):
            value = getattr(self, name)
            if value is not None and not least <= value < float("inf"):
                raise ValueError(
                    f"`{name}` of translations must be at least {least} and "
                    f"finite. Received: {value}."
                )
        if self.maximum is not None and self.minimum > self.maximum:
            raise ValueError(
                "The minimum length of translations must not exceed the "
                f"maximum. Received: minimum={self.minimum}, "
                f"maximum={self.maximum}."
            )
