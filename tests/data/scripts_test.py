"""Letters must have the scripts that Unicode names."""

import pytest

from keras_transformer.data import scripts


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("aéÅœ", "LATIN"),
        ("жЁ", "CYRILLIC"),
        ("αΏ", "GREEK"),
        ("漢字", "CJK"),
        ("ひら", "HIRAGANA"),
        ("カタ", "KATAKANA"),
        ("한글", "HANGUL"),
        ("שלום", "HEBREW"),
        ("سلام", "ARABIC"),
        ("नमते", "DEVANAGARI"),
        ("1 ,.+€😀", None),
    ],
)
def test_scripts_of_letters(text, script):
    letters = [c for c in text if c.isalpha()] or text
    assert {scripts.script_of(c) for c in letters} == {script}


def test_shares_are_of_letters():
    names = frozenset(["LATIN", "GREEK"])
    assert scripts.share_in("aα жжж, 123 !", names) == 2 / 5
    assert scripts.share_in("123 !", names) == 1
    assert scripts.share_in("", names) == 1


def test_names_are_those_of_unicode():
    scripts.check(scripts.COMMON)
    scripts.check(["TIFINAGH"])
    assert set(scripts.COMMON) <= scripts._all_scripts()
    with pytest.raises(ValueError, match="Unknown script. Received: 'Latin'"):
        scripts.check(["GREEK", "Latin"])
