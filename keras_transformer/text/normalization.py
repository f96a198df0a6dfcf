"""Makes the rules with which a vocabulary normalizes text.

A normalization replaces characters, and has a name. A vocabulary contains its
normalization as rules of SentencePiece. So training, a translator and a
SavedModel normalize text in the same way.
"""

import itertools
import unicodedata
from typing import Any

# The rules are made with the data of Unicode 3.2, because these data are the
# same in every version of Python.
from unicodedata import ucd_3_2_0 as unicode_data

from keras_transformer.text import escaping

DEFAULT = "nfc_punctuation"
# The names of the normalizations that SentencePiece itself has.
_OF_SENTENCEPIECE = ("nfkc", "nmt_nfkc", "nfkc_cf", "nmt_nfkc_cf")
NAMES = ("none", DEFAULT, *_OF_SENTENCEPIECE)

_SPACES = (
    "\t\n\v\f\r\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007"
    "\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u2800\u3000\u3164"
)


def _range(first, last):
    return "".join(map(chr, range(first, last + 1)))


# The default normalization removes these characters: control characters, the
# byte order mark, soft hyphens, zero-width spaces, text direction marks,
# variation selectors, tags of emoji, and similar ones. Control characters of
# `_SPACES`, such as tabs, are not removed: they become spaces. The joiners
# U+200C and U+200D are kept, because they change letters and emoji.
_INVISIBLE = "".join(
    character
    for character in _range(0x01, 0x1F)
    + _range(0x7F, 0x9F)
    + "\xad\u034f\u061c\u180e\u200b\u200e\u200f\ufeff"
    + _range(0x202A, 0x202E)
    + _range(0x2060, 0x206F)
    + _range(0xFE00, 0xFE0F)
    + _range(0xFFF9, 0xFFFB)
    + _range(0xE0001, 0xE007F)
    if character not in _SPACES
)
_SINGLE_QUOTES = (
    "`\xb4\u02b9\u02bb\u02bc\u2018\u2019\u201a\u201b\u2032\ua78c\uff07"
)
_DOUBLE_QUOTES = (
    "\u02ba\u201c\u201d\u201e\u201f\u2033\u2e42\u301d\u301e\u301f\uff02"
)
_DASHES = (
    "\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\u2e3a\u2e3b"
    "\ufe58\ufe63\uff0d"
)
_FOLDED = {
    **dict.fromkeys(_SPACES, " "),
    **dict.fromkeys(_INVISIBLE, ""),
    **dict.fromkeys(_SINGLE_QUOTES, "'"),
    **dict.fromkeys(_DOUBLE_QUOTES, '"'),
    **dict.fromkeys(_DASHES, "-"),
}
_FOLDING = str.maketrans(_FOLDED)


def check(name: str) -> None:
    """Raises ValueError unless `name` is the name of a normalization."""
    if name not in NAMES:
        raise ValueError(
            f"Unknown `normalization`. Received: {name!r}. Expected one of "
            f"{NAMES}."
        )


def file_name(name: str) -> bytes:
    """Returns the name that a vocabulary stores for its file of rules.

    From this name, a program that reads the vocabulary knows which
    normalization the vocabulary has. The normalizations of SentencePiece itself
    do not need a file of rules, so a vocabulary with one of them does not store
    this name.

    Args:
        name: one of `NAMES`.
    """
    return b"rules.tsv" if name == "none" else name.encode() + b".tsv"


def trainer_arguments(name: str, rules_file: str) -> dict[str, Any]:
    """Returns the arguments of SentencePiece's trainer for a normalization.

    Args:
        name: one of `NAMES`.
        rules_file: the path of a file with the result of `rules`; not used for
            the normalizations of SentencePiece.
    """
    # With `none`, SentencePiece must keep all spaces of a text. It keeps the
    # space that `escape` puts before the first word, so it must not add
    # another. All other normalizations strip the space of `escape`, so
    # SentencePiece must add a space.
    folds_spaces = name != "none"
    spaces = {
        "remove_extra_whitespaces": folds_spaces,
        "add_dummy_prefix": folds_spaces,
    }
    if name in _OF_SENTENCEPIECE:
        return {"normalization_rule_name": name, **spaces}
    return {"normalization_rule_tsv": rules_file, **spaces}


def rules(name: str, characters: set[str]) -> str:
    """Returns the rules of a normalization, in SentencePiece's format.

    Each line is one rule: old code points, a tab, new code points.

    Args:
        name: one of `NAMES`. If the name is not `DEFAULT`, the result has only
            the two rules of `escaping`. The normalizations of SentencePiece
            itself do not use the result.
        characters: all characters of the text from which the vocabulary is
            learned, composed (NFC).

    Example:

    >>> "2019\\t27\\n" in rules("nfc_punctuation", set())
    True
    """
    if name != DEFAULT:
        return escaping.RULES
    folded = {
        **{
            spelled: _without_unknown_accents(letter, characters)
            for spelled, letter in _compositions().items()
        },
        **_FOLDED,
    }
    lines = [
        f"{_hex(old)}\t{_hex(new)}\n"
        for old, new in folded.items()
        if old != new
    ]
    return escaping.RULES + "".join(lines)


def fold(text: str) -> str:
    """Applies the default normalization, but keeps all accents.

    Example:

    >>> fold(" it\u2019s  me\\n")
    "it's me"
    """
    folded = unicodedata.normalize("NFC", text.translate(_FOLDING))
    return " ".join(folded.split())


def _without_unknown_accents(letter, characters):
    """Removes accents from a letter until `characters` contains the letter.

    A model knows only `characters`, those of the training texts. If no form of
    the letter is in `characters`, the letter keeps its accents.

    NFC writes a few letters as two characters, such as the Hindi letter U+0958.
    """
    if all(character in characters for character in letter):
        return letter
    base, *marks = list(unicode_data.normalize("NFD", letter))
    for count in reversed(range(len(marks) + 1)):
        for kept_marks in itertools.combinations(marks, count):
            simpler = unicode_data.normalize("NFC", base + "".join(kept_marks))
            if simpler in characters:
                return simpler
    return letter


def _compositions():
    """Returns the rules of NFC without Hangul: a dict from spelling to letter.

    A spelling is a sequence of code points that NFC composes to the letter. A
    letter with accents is also a spelling of itself.
    """
    letters = {}
    for code in itertools.chain(range(0xA0, 0xAC00), range(0xF900, 0x30000)):
        character = chr(code)
        composed = unicode_data.normalize("NFC", character)
        if composed != character:  # NFC replaces this character.
            letters[character] = composed
            continue
        base, *marks = list(unicode_data.normalize("NFD", character))
        if marks:
            letters[character] = character
        # A spelling may have the marks in another order. It begins with the
        # base, or with the composition of the base and the first marks.
        for order in itertools.permutations(marks):
            for count in range(len(order)):
                start = unicode_data.normalize(
                    "NFC", base + "".join(order[:count])
                )
                spelled = start + "".join(order[count:])
                if unicode_data.normalize("NFC", spelled) == character:
                    letters[spelled] = character
    return letters


def _hex(text):
    return " ".join(f"{ord(character):X}" for character in text)
