"""Finds the script of a letter, such as LATIN, in the letter's Unicode name."""

import functools
import sys
import unicodedata
from collections.abc import Iterable

# The names of common scripts. Error messages list them. For a script that is
# not in this list, `check` must read the names of all letters, which is slow.
COMMON = (
    "ARABIC",
    "ARMENIAN",
    "BENGALI",
    "CJK",
    "CYRILLIC",
    "DEVANAGARI",
    "GEORGIAN",
    "GREEK",
    "HANGUL",
    "HEBREW",
    "HIRAGANA",
    "KATAKANA",
    "LATIN",
    "TAMIL",
    "THAI",
)


@functools.lru_cache(maxsize=2**17)
def script_of(character: str) -> str | None:
    """Returns the script of a letter; `None` for other characters.

    The script is the first word of the letter's name in Unicode, up to a
    hyphen. The script of LATIN SMALL LETTER A is LATIN. The script of CJK
    UNIFIED IDEOGRAPH-4E00 is CJK. A letter without a name has the script
    UNKNOWN. The first word is not always a script: FULLWIDTH LATIN SMALL LETTER
    A gives FULLWIDTH.

    Example:

    >>> [script_of(character) for character in "éж漢1"]
    ['LATIN', 'CYRILLIC', 'CJK', None]
    """
    if not character.isalpha():
        return None
    return unicodedata.name(character, "UNKNOWN").split()[0].split("-")[0]


def share_in(text: str, scripts: frozenset[str]) -> float:
    """Returns the share of a text's letters that are in the given scripts.

    Args:
        text: the text. For a text without letters, the share is 1.
        scripts: names of scripts, as `script_of` returns them.

    Example:

    >>> share_in("ab жж", frozenset(["LATIN"]))
    0.5
    """
    of_letters = [name for name in map(script_of, text) if name]
    if not of_letters:
        return 1.0
    return sum(name in scripts for name in of_letters) / len(of_letters)


def check(names: Iterable[str]) -> None:
    """Raises ValueError for a name that is not the script of any letter.

    Args:
        names: names of scripts, as `script_of` returns them.

    Example:

    >>> check(("LATIN", "GREEK"))
    """
    for name in names:
        if name not in COMMON and name not in _all_scripts():
            raise ValueError(
                f"Unknown script. Received: {name!r}. Expected the first word "
                "of the names of its letters in Unicode, such as "
                f"{', '.join(COMMON)}."
            )


@functools.cache
def _all_scripts():
    return {script_of(chr(code)) for code in range(sys.maxunicode + 1)}
