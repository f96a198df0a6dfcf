"""Rare characters are added to a share of the sources, as documented."""

import itertools
import unicodedata

import pytest

from keras_transformer.data import pairs as sentence_pairs
from keras_transformer.data import rare_characters

PAIRS = [
    sentence_pairs.SentencePair(f"the cat number {i} sat", f"le chat nº {i} é")
    for i in range(4001)
]
KNOWN = {character for pair in PAIRS for text in pair for character in text}


def changed(share=1.0, seed=0, pairs=PAIRS):
    found = rare_characters.with_rare_characters(pairs, share, seed)
    assert len(found) == len(pairs)
    return found


def test_a_share_is_changed_and_only_in_its_source():
    found = changed(0.1)
    different = [i for i, pair in enumerate(found) if pair != PAIRS[i]]
    # Six standard deviations of a binomial distribution.
    assert abs(len(different) - 400) < 6 * (400 * 0.9) ** 0.5
    assert [pair.target for pair in found] == [pair.target for pair in PAIRS]
    assert changed(0.0) == PAIRS
    assert all(pair != old for pair, old in zip(changed(), PAIRS, strict=True))


def test_depends_on_the_seed_alone():
    assert changed(0.1, 3) == changed(0.1, 3)
    assert changed(0.1, 3) != changed(0.1, 4)


def test_a_fifth_get_a_word_and_the_others_another_letter():
    words, letters = [], []
    for pair, old in zip(changed(), PAIRS, strict=True):
        new = set(pair.source) - set(old.source)
        assert len(new) >= 1
        rest = pair.source
        for character in new:
            rest = rest.replace(character, "")
        if " ".join(rest.split()) == old.source:
            words.append(pair.source)
            assert new.isdisjoint(KNOWN)
        else:
            letters.append((pair.source, old.source))
    assert abs(len(words) - 800) < 6 * (800 * 0.8) ** 0.5
    for new, old in letters:
        places = [
            i
            for i, pair in enumerate(zip(new, old, strict=True))
            if pair[0] != pair[1]
        ]
        [place] = places
        assert old[place].isalpha()
    # The new word is first, last, or last without a space before it.
    assert any(w.endswith(" sat") and not w.startswith("the") for w in words)
    assert any(" sat " in w for w in words)
    assert any(w.split()[-1][:3] == "sat" != w.split()[-1] for w in words)


def test_every_kind_of_character_comes():
    found = {c for pair in changed() for c in pair.source} - KNOWN
    scripts = {unicodedata.name(c, "?").split()[0] for c in found}
    assert scripts >= {
        "GREEK", "CYRILLIC", "HEBREW", "ARABIC", "DEVANAGARI", "THAI",
        "HIRAGANA", "CJK", "HANGUL", "ARMENIAN", "GEORGIAN",
    }  # fmt: skip
    # Characters have two, three or four bytes, and many first bytes.
    first = {c.encode()[0] for c in found}
    assert {0xCE, 0xD0, 0xD8, 0xE0, 0xE4, 0xED, 0xF0} <= first


def test_most_letters_get_an_accent_that_the_text_has():
    number = sum("é" in pair.source for pair in changed())
    # 4/5 get another letter, of which 3/4 get an accent, on an `e` here.
    assert abs(number - 2400) < 6 * (2400 * 0.4) ** 0.5


def test_characters_of_the_text_are_not_rare():
    russian = sentence_pairs.SentencePair(
        "a", "".join(chr(i) for i in range(0x410, 0x450))
    )
    found = changed(pairs=[*PAIRS, russian])
    assert all(a != b for a, b in zip(found[:-1], PAIRS, strict=True))
    assert not any(
        0x410 <= ord(c) < 0x450 for pair in found for c in pair.source
    )


def test_nothing_to_change():
    pairs = [sentence_pairs.SentencePair(text, "a") for text in ("", " ", "1")]
    found = changed(pairs=pairs * 11)
    assert [pair.source for pair in found][:2] == ["", " "]
    # A source without letters gets a word.
    sources = [pair.source for pair in found if "1" in pair.source]
    assert len(sources) == 11 and "1" not in sources


def test_a_text_that_has_every_symbol():
    every = "".join(
        chr(i)
        for first, last in rare_characters._SYMBOLS
        for i in range(first, last + 1)
    )
    pair = sentence_pairs.SentencePair("a b", every)
    for found in changed(pairs=[pair] * 101):
        assert found.source != "a b" and not set(found.source) & set(every)


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_share(share):
    with pytest.raises(ValueError, match=r"in \[0, 1\].*Received"):
        changed(share)


def test_pairs_may_be_read_one_by_one():
    iterator = rare_characters.iterate_with_rare_characters(
        iter(PAIRS), KNOWN, 0.1, 3
    )
    assert list(iterator) == changed(0.1, 3)
    # A pair is read only when it is needed.
    endless = itertools.cycle(PAIRS[:2])
    iterator = rare_characters.iterate_with_rare_characters(endless, KNOWN, 0.0)
    assert next(iterator) == PAIRS[0]


def test_known_characters_are_not_rare():
    russian = {chr(i) for i in range(0x410, 0x450)}
    sources = "".join(
        pair.source
        for pair in rare_characters.iterate_with_rare_characters(
            PAIRS, KNOWN | russian, 1.0
        )
    )
    assert not set(sources) & russian
