"""A sentence pair as text."""

from typing import NamedTuple

from keras_transformer.text import texts


class SentencePair(NamedTuple):
    """One sentence and its translation, both plain Unicode strings.

    Example:

    >>> SentencePair("a cat", " ").has_blank_side()
    True
    """

    source: str
    target: str

    def has_blank_side(self) -> bool:
        """Tells whether the source or the target is blank."""
        return texts.is_blank(self.source) or texts.is_blank(self.target)
