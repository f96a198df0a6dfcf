"""How long translations may and must be, absolutely and by their sources.

B batch
"""

from typing import NamedTuple

import tensorflow as tf


class Lengths(NamedTuple):
    """Limits of a translation of a source of S tokens, end tokens included.

    At most the smaller of `maximum` and S times `ratio` plus `extra`; at
    least the larger of `minimum` and S times `minimum_ratio`, but never more
    than that.

    maximum: tokens, or `None`.
    ratio: of the source's tokens.
    extra: tokens; the paper allows 50 more than the source has (section 6.1).
    minimum: tokens.
    minimum_ratio: of the source's tokens.

    Example:

    >>> shortest, longest = Lengths(minimum=3).of(tf.constant([7, 20]))
    >>> shortest.numpy().tolist(), longest.numpy().tolist()
    ([3, 3], [57, 70])
    """

    maximum: int | None = None
    ratio: float = 1.0
    extra: int = 50
    minimum: int = 0
    minimum_ratio: float = 0.0

    def of(self, source_lengths):
        """The pair of shortest and longest lengths, int32 `(B,)` each."""
        sources = tf.cast(source_lengths, tf.float32)
        longest = tf.cast(self.ratio * sources, tf.int32) + self.extra
        if self.maximum is not None:
            longest = tf.minimum(longest, self.maximum)
        longest = tf.maximum(longest, 1)
        shortest = tf.cast(tf.math.ceil(self.minimum_ratio * sources), tf.int32)
        shortest = tf.maximum(shortest, self.minimum)
        return tf.minimum(shortest, longest), longest

    def check(self):
        """Raises ValueError unless these are limits."""
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
                "Translations cannot be longer than their longest length. "
                f"Received: minimum={self.minimum}, maximum={self.maximum}."
            )
