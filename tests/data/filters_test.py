"""Each filter must remove the right pairs, and no others."""

import pytest

import keras_transformer as kt
from keras_transformer.data import filters
from keras_transformer.data.pairs import SentencePair


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a &amp; b", "a & b"),
        ("&#233;t&#xe9; &eacute;", "été é"),
        ("AT&T &copy 2 &nosuch; &;", "AT&T &copy 2 &nosuch; &;"),
        # HTML knows `copy` and `not`, but not these names.
        ("&copyright; &notit; &not;", "&copyright; &notit; \u00ac"),
        # Entities are replaced once: a text may be about entities.
        ("&amp;lt;", "&lt;"),
    ],
)
def test_unescape(text, expected):
    assert filters.unescape(text) == expected
    assert filters.has_entity(SentencePair("a", text)) == (text != expected)


def test_control_characters():
    text = "a\x00b\x07\tc\x7f\x85d\u00ade"
    assert filters.remove_control_characters(text) == "ab\tcd\u00ade"
    assert filters.has_control_character(SentencePair("a", "b\x07"))
    assert not filters.has_control_character(SentencePair("a\t", "b\u00ad"))


def test_not_utf8():
    assert filters.is_not_utf8(SentencePair("a", "b\udcff"))
    assert not filters.is_not_utf8(SentencePair("a", "b\ufffd😀"))


def test_copies():
    assert filters.is_copy(SentencePair("it\u2019s  me", "it's me "))
    assert not filters.is_copy(SentencePair("it's me", "It's me"))


@pytest.mark.parametrize("count", [len, filters.count_words])
def test_lengths(count):
    texts = {n: "a" * n if count is len else "ab " * n for n in range(1, 8)}

    def taken(takes):
        return [n for n, text in texts.items() if takes((text, texts[4]))]

    assert taken(filters.length(count, 3, None)) == [1, 2]
    assert taken(filters.length(count, None, 5)) == [6, 7]
    assert taken(filters.length(count, 2, 6)) == [1, 7]
    assert taken(filters.length(count, 5, None)) == [1, 2, 3, 4, 5, 6, 7]
    assert taken(filters.ratio(count, 1.5)) == [1, 2, 7]


def test_an_empty_side_has_too_large_a_ratio():
    takes = filters.ratio(len, 100)
    assert takes(("", "a"))
    assert not takes(("", ""))


def test_scripts():
    takes = filters.wrong_script(1, ["CYRILLIC"])
    assert takes(("жжж", "abc"))
    assert takes(("жжж", "abc жж"))
    # Half of the letters are enough, and a number is in no script.
    assert not takes(("abc", "abc жжж"))
    assert not takes(("abc", "2026"))
    assert not filters.wrong_script(0, ["LATIN", "GREEK"])(("aα", "жж"))
    assert filters.wrong_script(0, ["LATIN"])(("aαα", "жж"))


def test_symbols():
    takes = filters.symbols(0.5)
    assert not takes(("ab 12", "abc"))
    assert takes(("ab 123", "abc"))
    assert takes(("abc", "a -->"))
    # Marks belong to letters.
    assert not takes(("a\u0301\u0302", "नमते"))
    assert filters.symbols(0)(("a.", "b"))
    assert not filters.symbols(0)(("a", "b c"))


def test_duplicates():
    takes = filters.duplicates()
    pairs = [("a", "b"), ("a", "c"), ("b", "a"), ("a", "b"), ("a b", "")]
    assert [takes(pair) for pair in pairs] == [False, False, False, True, False]
    assert not filters.duplicates()(("a", "b"))


def test_unknown_characters():
    tokenizers = [
        kt.Tokenizer(kt.learn_vocabulary([text], may_be_smaller=True))
        for text in ("abc", "xyz")
    ]
    takes = filters.unknown_characters(tokenizers)
    assert not takes(("cab", "zyx"))
    assert takes(("cab", "abc"))
    assert takes(("xyz", "xyz"))
    assert takes(("cab", "z😀"))
