"""A sentence pair: the unit everything before batching works on."""

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
        """Tells whether there is nothing to learn from it."""
        return texts.is_blank(self.source) or texts.is_blank(self.target)
