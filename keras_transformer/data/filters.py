"""Defines the rules of `Cleaning`: changes of texts, and filters of pairs.

A side of a pair is its source or its target.
"""

import html
import html.entities
import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import TypeAlias

from keras_transformer.data import hash_set, scripts
from keras_transformer.data.pairs import SentencePair
from keras_transformer.text import TextTokenizer, fold

# A filter returns True for a pair that must be dropped.
Filter: TypeAlias = Callable[[SentencePair], bool]
# A side has a wrong script if less than this share of its letters is in an
# expected script.
_SCRIPT_SHARE = 0.5
_ENTITY = re.compile(r"&(?:#\d+|#[xX][0-9a-fA-F]+|[a-zA-Z][a-zA-Z0-9]*);")
# Tabs, line feeds and carriage returns are not matched, because normal texts
# have them.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def unescape(text: str) -> str:
    """Replaces the entities of HTML in a text by their characters.

    Only entities that end with a semicolon are replaced. Names that HTML does
    not define stay as they are.

    Example:

    >>> unescape("a &amp; b &nosuch; AT&T")
    'a & b &nosuch; AT&T'
    """
    return _ENTITY.sub(_character, text)


def _character(match):
    """Returns the characters of an entity, or the text of an unknown entity."""
    entity = match[0]
    # HTML does not define &notit;, but `html.unescape` replaces its beginning
    # &not. So an unknown name is returned as it is.
    if not entity.startswith("&#") and entity[1:] not in html.entities.html5:
        return entity
    return html.unescape(entity)


def remove_control_characters(text: str) -> str:
    """Removes control characters, except tab, line feed, carriage return."""
    return _CONTROL.sub("", text)


def has_entity(pair: SentencePair) -> bool:
    """Tells whether a side has an entity of HTML that `unescape` replaces."""
    return any("&" in side and unescape(side) != side for side in pair)


def has_control_character(pair: SentencePair) -> bool:
    """Tells whether a side has a control character.

    Tab, line feed and carriage return are not counted as control characters.
    """
    return any(_CONTROL.search(side) for side in pair)


def is_not_utf8(pair: SentencePair) -> bool:
    """Tells whether a side was read from bytes that are not UTF-8.

    `read_lines` must have read the side with `errors="surrogateescape"`, which
    makes each such byte a surrogate in the text.
    """
    return any(_SURROGATE.search(side) for side in pair)


def is_copy(pair: SentencePair) -> bool:
    """Tells whether `text.fold` returns the same text for both sides.

    The sides may differ in white space, in invisible characters, and in the
    forms of quotation marks and dashes.
    """
    return fold(pair.source) == fold(pair.target)


def count_words(text: str) -> int:
    """Counts the words of a text. White space separates words."""
    return len(text.split())


def length(
    count: Callable[[str], int], least: int | None, most: int | None
) -> Filter:
    """Returns a filter that drops pairs with a too short or too long side.

    Args:
        count: a function that counts the characters or words of a text.
        least, most: the minimum and maximum of the count of a side; `None` for
            no limit.
    """

    def takes(pair):
        counts = [count(side) for side in pair]
        return (least is not None and min(counts) < least) or (
            most is not None and max(counts) > most
        )

    return takes


def ratio(count: Callable[[str], int], most: float) -> Filter:
    """Returns a filter that drops pairs with sides of too different lengths.

    Args:
        count: a function that counts the characters or words of a text.
        most: the maximum ratio of the longer length to the shorter length. A
            pair is also dropped if only one of the lengths is 0.
    """

    def takes(pair):
        shorter, longer = sorted(count(side) for side in pair)
        return longer > most * shorter

    return takes


def wrong_script(side: int, names: list[str]) -> Filter:
    """Returns a filter that checks the script of one side of each pair.

    The filter drops the pair if this side has a wrong script: if fewer than
    half of its letters are of the expected scripts. A side without letters
    never has a wrong script.

    Args:
        side: the side to check, 0 for the source, 1 for the target.
        names: the names of the expected scripts, see `scripts.script_of`.
    """
    expected = frozenset(names)

    def takes(pair):
        return scripts.share_in(pair[side], expected) < _SCRIPT_SHARE

    return takes


def symbols(most: float) -> Filter:
    """Returns a filter that drops pairs with too many symbols in a side.

    Numbers, punctuation and symbols are counted: the categories N, P and S of
    Unicode.

    Args:
        most: the maximum share of these characters among all characters of a
            side. Spaces (category Z) are not counted in "all characters"; tabs
            are counted.
    """

    def takes(pair):
        for side in pair:
            kinds = [unicodedata.category(c)[0] for c in side]
            num_symbols = sum(kind in "NPS" for kind in kinds)
            if num_symbols > most * (len(kinds) - kinds.count("Z")):
                return True
        return False

    return takes


def unknown_characters(tokenizers: Sequence[TextTokenizer]) -> Filter:
    """Returns a filter that drops pairs with characters that have no piece.

    The method `has_unknown_characters` of the tokenizers decides. Some
    tokenizers check words or pieces instead of characters.

    Args:
        tokenizers: the tokenizers of sources and of targets.
    """

    def takes(pair):
        return any(
            tokenizer.has_unknown_characters(side)
            for tokenizer, side in zip(tokenizers, pair, strict=True)
        )

    return takes


def duplicates() -> Filter:
    """Returns a filter that drops pairs that it has checked before.

    The filter compares hashes of pairs, so there is a very small probability
    that it drops a new pair, see `HashSet`.
    """
    pairs = hash_set.HashSet()

    def takes(pair):
        return not pairs.add("\0".join(pair))

    return takes
