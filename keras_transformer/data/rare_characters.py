"""Adds rare characters to sources, so that a model learns to ignore them.

If a character has no piece of its own, the vocabulary spells it in bytes. A
model cannot translate bytes that it has never read, and it translates the words
around them worse. So some training sources get a new word of rare characters,
such as characters that are in no piece of the vocabulary. In some other
sources, one letter of a word is replaced. The targets stay as they are. The
model learns to ignore the new words, and to translate a word with one wrong
letter like the correct word.
(With the default normalization a translator removes words of unknown characters
before the model reads them.)
"""

import random
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence

from keras_transformer.data import pairs as sentence_pairs
from keras_transformer.text import texts

# The first and last characters of writing systems. All systems are chosen with
# the same probability, although their sizes differ.
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
# The share of the changed sources that get a new word. Sources without a letter
# that can be replaced get one too. The share is small, because a model rarely
# reads words of unknown characters: with the default normalization, a
# translator removes such words.
_WORD_SHARE = 0.2
# In the other changed sources, one letter is replaced. If a letter of a source
# has accented forms, this is the probability that an accented form is used. The
# probability is large, because a model must translate a known word with a wrong
# accent.
_ACCENT_SHARE = 0.75
# The maximum length of a word of letters, and of a word of symbols.
_MAX_LETTERS = 7
_MAX_SYMBOLS = 2


def with_rare_characters(
    pairs: Sequence[sentence_pairs.SentencePair],
    share: float = 0.1,
    seed: int = 0,
) -> list[sentence_pairs.SentencePair]:
    """Adds rare characters to a share of the sources.

    About a fifth of the changed sources get a word of characters that do not
    occur in the pairs: symbols, such as emoji, or letters. In the other changed
    sources, one letter is replaced: mostly by an accented form of this letter
    that occurs in the pairs, else by a letter that does not occur in the pairs.
    A source in which no letter can be replaced gets a word too.

    Args:
        pairs: training pairs.
        share: the probability that a source is changed, in [0, 1]. Blank
            sources never change.
        seed: the seed that chooses pairs, positions and characters.

    Returns:
        All pairs in the same order, some of them with a changed source.

    Raises:
        ValueError: `share` is not in [0, 1], or `pairs` is a string instead
            of a list.

    Example:

    >>> pair = sentence_pairs.SentencePair("a cat sat", "un chat assis")
    >>> [changed] = with_rare_characters([pair], share=1.0)
    >>> changed.source != pair.source, changed.target
    (True, 'un chat assis')
    """
    texts.check_list("pairs", pairs)
    known: set[str] = set()
    for pair in pairs:
        known.update(*pair)
    return list(iterate_with_rare_characters(pairs, known, share, seed))


def iterate_with_rare_characters(
    pairs: Iterable[sentence_pairs.SentencePair],
    known: Collection[str],
    share: float = 0.1,
    seed: int = 0,
) -> Iterator[sentence_pairs.SentencePair]:
    """Yields pairs, and changes a share of the sources.

    The changes are those of `with_rare_characters`, but this function holds
    only one pair in memory.

    Args:
        pairs: training pairs, read once.
        known: the characters that are not rare, such as all characters of the
            pieces of a vocabulary. Accented forms of letters are taken from
            these characters.
        share: the probability that a source is changed, in [0, 1]. Blank
            sources never change.
        seed: the seed that chooses pairs, positions and characters.

    Raises:
        ValueError: `share` is not in [0, 1].
    """
    if not 0 <= share <= 1:
        raise ValueError(
            "`share` is the share of pairs that are changed, in [0, 1]. "
            f"Received: {share}."
        )
    return _changed(pairs, known, share, random.Random(seed))


def _changed(pairs, known, share, generator):
    if not share:
        yield from pairs
        return
    changer = _SourceChanger(set(known), generator)
    for pair in pairs:
        if not texts.is_blank(pair.source) and generator.random() < share:
            pair = pair._replace(source=changer.change(pair.source))
        yield pair


class _SourceChanger:
    """An object that changes sources at random.

    Args:
        known: a set of the characters that are not rare.
        generator: the `random.Random` that chooses the changes.
    """

    def __init__(self, known, generator):
        self._generator = generator
        self._scripts = _unknown(_SCRIPTS, known)
        self._symbols = _unknown(_SYMBOLS, known)
        self._accented = _accented(known)

    def change(self, source):
        """Returns a source with one letter replaced or with a new word.

        The source stays unchanged if a new word must be made, but all
        characters of `_SCRIPTS` and `_SYMBOLS` are known.
        """
        changed = None
        if self._generator.random() >= _WORD_SHARE:
            changed = self._with_other_letter(source)
        if changed is None and (self._scripts or self._symbols):
            changed = _insert(self._word(), source, self._generator)
        return changed or source

    def _word(self):
        """Makes a random word, of unknown symbols or of unknown letters."""
        generator = self._generator
        if not self._scripts or (self._symbols and generator.random() < 1 / 3):
            longest = _MAX_SYMBOLS
            characters = generator.choice(self._symbols)
        else:
            longest = _MAX_LETTERS
            characters = generator.choice(self._scripts)
        return "".join(
            generator.choices(characters, k=generator.randint(1, longest))
        )

    def _with_other_letter(self, text):
        """Replaces one letter; returns `None` if no letter can be replaced."""
        generator, accented = self._generator, self._accented
        letters = [i for i, c in enumerate(text) if c.isalpha()]
        accentable = [i for i in letters if text[i] in accented]
        if accentable and (
            not self._scripts or generator.random() < _ACCENT_SHARE
        ):
            position = generator.choice(accentable)
            letter = generator.choice(accented[text[position]])
        elif letters and self._scripts:
            position = generator.choice(letters)
            letter = generator.choice(generator.choice(self._scripts))
        else:
            return None
        return text[:position] + letter + text[position + 1 :]


def _unknown(ranges, known):
    """Returns a list for each range: its characters that are not in `known`.

    The lists leave out code points that Unicode does not assign. A range
    without unknown characters gets no list.
    """
    unknown = [
        [
            chr(i)
            for i in range(first, last + 1)
            if chr(i) not in known and unicodedata.category(chr(i)) != "Cn"
        ]
        for first, last in ranges
    ]
    return [characters for characters in unknown if characters]


def _accented(characters):
    """Maps letters without accents to their accented forms in `characters`."""
    accented: dict[str, list[str]] = {}
    for character in sorted(characters):
        base = unicodedata.normalize("NFD", character)[0]
        if base != character:
            accented.setdefault(base, []).append(character)
    return accented


def _insert(word, text, generator):
    """Inserts a word before, between or after the words of a text.

    At the end of the text, the word is joined to the last word of the text with
    a probability of 1/2.
    """
    words = text.split(" ")
    position = generator.randint(0, len(words))
    if position == len(words) and generator.random() < 0.5:
        return text + word
    return " ".join([*words[:position], word, *words[position:]])
