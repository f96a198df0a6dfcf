"""What a vocabulary takes for the same text, by name.

A normalization is learned into the vocabulary, as SentencePiece's rules: what
replaces which characters. So it is the same in training, in a translator and
in a SavedModel, for sources and for targets.
"""

import itertools
import unicodedata

# Of Unicode 3.2, which is the same in every version of Python.
from unicodedata import ucd_3_2_0 as unicode_data

from keras_transformer.text import escaping

DEFAULT = "nfc_punctuation"
# Those of SentencePiece, under its own names.
_OF_SENTENCEPIECE = ("nfkc", "nmt_nfkc", "nfkc_cf", "nmt_nfkc_cf")
NAMES = ("none", DEFAULT, *_OF_SENTENCEPIECE)

_SPACES = (
    "\t\n\v\f\r\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007"
    "\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u2800\u3000\u3164"
)


def _range(first, last):
    return "".join(map(chr, range(first, last + 1)))


# Control characters, the byte order mark, soft hyphens, signs of direction, how
# an emoji is drawn. Not the joiners, which make other letters and other emoji.
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
    """Raises ValueError unless there is a normalization of this name."""
    if name not in NAMES:
        raise ValueError(
            f"Unknown `normalization`. Received: {name!r}. Expected one of "
            f"{NAMES}."
        )


def file_name(name: str) -> bytes:
    """The name, in a vocabulary, of the file that its rules were in."""
    return b"rules.tsv" if name == "none" else name.encode() + b".tsv"


def trainer_arguments(name: str, rules_file: str) -> dict:
    """The arguments that make SentencePiece learn a normalization.

    Args:
        name: one of `NAMES`.
        rules_file: where `rules(name)` is written, if there are any.
    """
    # Without a normalization every space counts, at the ends too; the space
    # before the first word is then `escape`'s.
    folds_spaces = name != "none"
    spaces = {
        "remove_extra_whitespaces": folds_spaces,
        "add_dummy_prefix": folds_spaces,
    }
    if name in _OF_SENTENCEPIECE:
        return {"normalization_rule_name": name, **spaces}
    return {"normalization_rule_tsv": rules_file, **spaces}


def rules(name: str, characters: set[str]) -> str:
    """Rules in SentencePiece's format: code points, a tab, code points.

    Args:
        name: one of `NAMES`.
        characters: all characters, composed, of the text from which the
            vocabulary is learned.

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
    """Writes a text as the default normalization does, its accents kept.

    Example:

    >>> fold(" it\u2019s  me\\n")
    "it's me"
    """
    folded = unicodedata.normalize("NFC", text.translate(_FOLDING))
    return " ".join(folded.split())


def _without_unknown_accents(letter, characters):
    """The letter, without those accents that no text has on it.

    A model that never read the letter reads more of it without them. Where no
    text has that either, it stays as it is.
    """
    base, *marks = unicode_data.normalize("NFD", letter)
    for count in reversed(range(len(marks) + 1)):
        for kept in itertools.combinations(marks, count):
            simpler = unicode_data.normalize("NFC", base + "".join(kept))
            if simpler in characters:
                return simpler
    return letter


def _compositions():
    """Letters with accents by all their spellings, but those of Hangul."""
    found = {}
    for code in itertools.chain(range(0xA0, 0xAC00), range(0xF900, 0x30000)):
        character = chr(code)
        composed = unicode_data.normalize("NFC", character)
        if composed != character:  # NFC never keeps it.
            found[character] = composed
            continue
        base, *marks = unicode_data.normalize("NFD", character)
        if marks:
            found[character] = character
        # In any order, and with the first of them composed already.
        for order in itertools.permutations(marks):
            for count in range(len(order)):
                start = unicode_data.normalize(
                    "NFC", base + "".join(order[:count])
                )
                spelled = start + "".join(order[count:])
                if unicode_data.normalize("NFC", spelled) == character:
                    found[spelled] = character
    return found


def _hex(text):
    return " ".join(f"{ord(character):X}" for character in text)
