"""Rare characters put into training sources, so that a model has read them.

A character without a piece of its own is spelled in bytes. A model that never
read such bytes does not know what to make of them, and what it writes for the
words around them changes too. So some sources of the training data get a word
of characters that no text has, and others a letter that does not belong to its
word. Their targets stay as they are: the model learns to write nothing for the
first, and to read the words of the second. (With the default normalization a
translator leaves such words out before the model reads them.)
"""

import random
import unicodedata
from collections.abc import Sequence

from keras_transformer.data import pairs as sentence_pairs
from keras_transformer.text import texts

# First and last letters of writing systems. From each as many words are made,
# whatever its size.
_SCRIPTS = (
    (0x391, 0x3C9),  # Greek
    (0x410, 0x44F),  # Cyrillic
    (0x531, 0x586),  # Armenian
    (0x5D0, 0x5EA),  # Hebrew
    (0x621, 0x64A),  # Arabic
    (0x905, 0x939),  # Devanagari
    (0xE01, 0xE2E),  # Thai
    (0x10D0, 0x10FA),  # Georgian
    (0x3041, 0x30FA),  # Hiragana and Katakana
    (0x4E00, 0x9FA5),  # Han
    (0xAC00, 0xD7A3),  # Hangul
)
_SYMBOLS = (
    (0x2190, 0x21FF),  # Arrows
    (0x2600, 0x27BF),  # Signs and dingbats
    (0x1F300, 0x1F64F),  # Emoji
    (0x1F680, 0x1F6FF),
    (0x1F900, 0x1F9FF),
)
# Accents are the most frequent of what is put in: a translator leaves words of
# unknown characters out, but it must read a known word with a wrong accent.
_WORDS = 0.2
_ACCENTS = 0.75
_LONGEST_WORD = 7
_LONGEST_SYMBOLS = 2


def with_rare_characters(
    pairs: Sequence[sentence_pairs.SentencePair],
    share: float = 0.1,
    seed: int = 0,
) -> list[sentence_pairs.SentencePair]:
    """Puts rare characters into a share of the sources.

    A fifth of them get a word of symbols, such as emoji, or of letters that the
    pairs do not have. In the others one letter changes: mostly it has another
    accent, one that occurs in the pairs, else it is one that the pairs do not
    have.

    Args:
        pairs: training pairs.
        share: of the pairs whose source is changed, in [0, 1].
        seed: of the choice of pairs, places and characters.

    Returns:
        As many pairs, in their order.

    Raises:
        ValueError: `share` is not in [0, 1], or a string is given instead of
            a list.

    Example:

    >>> pair = sentence_pairs.SentencePair("a cat sat", "un chat assis")
    >>> [changed] = with_rare_characters([pair], share=1.0)
    >>> changed.source != pair.source, changed.target
    (True, 'un chat assis')
    """
    texts.check_list("pairs", pairs)
    if not 0 <= share <= 1:
        raise ValueError(
            "`share` is of the pairs that are changed, in [0, 1]. Received: "
            f"{share}."
        )
    if not share:
        return list(pairs)
    made = _Maker(pairs, random.Random(seed))
    generator = made.generator
    return [
        pair._replace(source=made.changed(pair.source))
        if not texts.is_blank(pair.source) and generator.random() < share
        else pair
        for pair in pairs
    ]


class _Maker:
    """Makes sources with rare characters, as the pairs have or do not have."""

    def __init__(self, pairs, generator):
        known = {c for pair in pairs for text in pair for c in text}
        self.generator = generator
        self._scripts = _unknown(_SCRIPTS, known)
        self._symbols = _unknown(_SYMBOLS, known)
        self._accented = _accented(known)

    def changed(self, source):
        """A source with another letter or one more word, if there are any."""
        changed = None
        if self.generator.random() >= _WORDS:
            changed = self._with_other_letter(source)
        if changed is None and (self._scripts or self._symbols):
            changed = _put_in(source, self._word(), self.generator)
        return changed or source

    def _word(self):
        generator = self.generator
        if not self._scripts or (self._symbols and generator.random() < 1 / 3):
            longest = _LONGEST_SYMBOLS
            letters = generator.choice(self._symbols)
        else:
            longest = _LONGEST_WORD
            letters = generator.choice(self._scripts)
        return "".join(
            generator.choices(letters, k=generator.randint(1, longest))
        )

    def _with_other_letter(self, text):
        """The text with one letter changed, None without a letter."""
        generator, accented = self.generator, self._accented
        letters = [i for i, c in enumerate(text) if c.isalpha()]
        accentable = [i for i in letters if text[i] in accented]
        if accentable and (not self._scripts or generator.random() < _ACCENTS):
            place = generator.choice(accentable)
            letter = generator.choice(accented[text[place]])
        elif letters and self._scripts:
            place = generator.choice(letters)
            letter = generator.choice(generator.choice(self._scripts))
        else:
            return None
        return text[:place] + letter + text[place + 1 :]


def _unknown(ranges, known):
    """Of each range that has any, the characters that are not known."""
    found = [
        [
            chr(i)
            for i in range(first, last + 1)
            if chr(i) not in known and unicodedata.category(chr(i)) != "Cn"
        ]
        for first, last in ranges
    ]
    return [characters for characters in found if characters]


def _accented(characters):
    """The letters with accents among characters, by the letter below."""
    found = {}
    for character in sorted(characters):
        base = unicodedata.normalize("NFD", character)[0]
        if base != character:
            found.setdefault(base, []).append(character)
    return found


def _put_in(text, word, generator):
    """The word before, between or behind the words of a text."""
    words = text.split(" ")
    place = generator.randint(0, len(words))
    if place == len(words) and generator.random() < 0.5:
        return text + word
    return " ".join([*words[:place], word, *words[place:]])
