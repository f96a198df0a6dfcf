"""A sentence pair: the unit everything before batching works on."""

from typing import NamedTuple


class SentencePair(NamedTuple):
    """One sentence and its translation, both plain Unicode strings."""

    source: str
    target: str
