"""Normalizations are the same in SentencePiece and in a graph."""

import functools
import unicodedata

import pytest

from keras_transformer.text import normalization, tokenizer, vocabulary

# All letters with a decomposition.
LETTERS = " ".join(
    chr(i)
    for i in range(0xA0, 0x3000)
    if unicodedata.normalize("NFD", chr(i)) != chr(i)
)
TEXTS = [
    LETTERS,
    "The dog's \"small\" - isn't it?",
    "Le caf\u00e9 est \u00e0 lui.",
]


@functools.cache
def tokenizer_of(name):
    return tokenizer.Tokenizer(
        vocabulary.learn_vocabulary(
            TEXTS, may_be_smaller=True, normalization=name
        )
    )


def read(text, name=normalization.DEFAULT):
    """Encodes and decodes a text."""
    one = tokenizer_of(name)
    return one.decode(one.encode([text])).numpy()[0].decode()


SPACES = [
    chr(i)
    for i in range(0x110000)
    if not 0xD800 <= i < 0xE000 and chr(i).isspace() and chr(i) > "\x1f"
] + list("\t\n\v\f\r")


@pytest.mark.parametrize("space", SPACES, ids=ascii)
def test_every_space_is_a_space(space):
    for text in (
        f"a{space}b",
        f"{space}a b",
        f"a b{space}",
        f"a {space} b",
        f"a{space}{space}b{space}{space}",
    ):
        assert read(text) == "a b"
    assert read(space) == ""


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("\u201ca\u201d \u201eb\u201c", '"a" "b"'),
        ("it\u2019s \u2018a\u2019 l\u00b4b", "it's 'a' l'b"),
        ("a \u2013 b\u2014c \u2212 d\u2011e", "a - b-c - d-e"),
        ("5\u2032 6\u2033 didn\uff07t \u301da\u301f", '5\' 6" didn\'t "a"'),
        ("a\uff0db \u2e3a c\u2043", "a-b - c-"),
        ("\u2764\ufe0f \u2800 a\u2063b\u3164c", "\u2764 ab c"),
        ("\ufeffa", "a"),
        ("a\ufeff b", "a b"),
        ("so\u00adft", "soft"),
        ("zero\u200bwidth", "zerowidth"),
        ("\u202bright\u202c \u200e", "right"),
        ("\x1b[0m\x7f", "[0m"),
        ("cafe\u0301", "caf\u00e9"),
        ("\u212b", "\u00c5"),
        # A mark below and a mark above the letter, in any order. The letter
        # may be composed with one of them.
        ("e\u0323\u0302", "\u1ec7"),
        ("e\u0302\u0323", "\u1ec7"),
        ("\u00ea\u0323", "\u1ec7"),
        ("\u1eb9\u0302", "\u1ec7"),
    ],
)
def test_folds(written, folded):
    assert read(written) == folded


@pytest.mark.parametrize(
    "text",
    [
        "\u00ab a \u00bb, \u2039b\u203a \u2026 \u00bd \ufb01 \uff21\uff0c",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\u2581a \U0010fffd\u2581",
        "<s> </s> <0x41>",
    ],
)
def test_leaves(text):
    assert read(text) == text


def test_fold_is_what_is_read():
    """`fold` equals encoding and decoding if the vocabulary has all letters."""
    for text in (
        " a \u00a0b\t\n",
        "\ufeff\u201ca\u201d \u2013 it\u2019s",
        "cafe\u0301 e\u0323\u0302 \u212b",
        "so\u00adft\u200b \u2764\ufe0f",
    ):
        assert normalization.fold(text) == read(text)


def test_composes_as_unicode_does():
    """Every character with a decomposition is composed, except Hangul."""
    compared = 0
    for i in range(0xA0, 0x3000):
        character = chr(i)
        composed = unicodedata.normalize("NFC", character)
        decomposed = unicodedata.normalize("NFD", character)
        is_old = unicodedata.ucd_3_2_0.category(character) != "Cn"
        if decomposed != composed and is_old:
            assert read(f"x{decomposed}") == f"x{composed}", hex(i)
            compared += 1
    assert compared > 500


def test_accents_that_no_text_has_are_left_out():
    one = tokenizer.Tokenizer(
        vocabulary.learn_vocabulary(
            # \u00c2 is written as two code points, \u00ea and \u0439 as one.
            ["A red boat's caf\u00e9, \u00ea, \u0439 \u0435 A\u0302"],
            may_be_smaller=True,
        )
    )
    written = "b\u00f6\u0101t c\u0101f\u00e9 \u00e8 \u00c2\u00c3 "
    written += "\u0439\u0450 \u1ec7 \u1e62"
    decomposed = unicodedata.normalize("NFD", written)
    read = "boat caf\u00e9 e \u00c2A \u0439\u0435 \u00ea \u1e62"
    for text in (written, decomposed):
        decoded = one.decode(one.encode([text])).numpy()[0].decode()
        # The training text has no S, so its accent stays.
        assert decoded == read


def test_of_sentencepiece():
    assert read(" \uff21\u00a0 b ", "nmt_nfkc") == "A b"
    assert read("\uff21", "nmt_nfkc_cf") == "a"
    # The rules of SentencePiece, which keep quotes, and not those of this
    # package.
    assert read("\u201ca\u201d", "nmt_nfkc") == "\u201ca\u201d"


def test_none():
    for text in (" a  b\u00a0", "\ufeffa", "cafe\u0301", "\u201ca\u201d"):
        assert read(text, "none") == text


@pytest.mark.parametrize("name", normalization.NAMES)
def test_same_ids_as_the_library(name):
    one = tokenizer_of(name)
    texts = ["a", " a\u00a0 b ", "\ufeff\u201cla\u201d\tb\n", "e\u0301"]
    # With "none" the tokenizer adds the first space.
    first = " " if name == "none" else ""
    assert one.encode(texts).to_list() == [
        one._processor.encode(first + text) for text in texts
    ]


def test_names_are_checked():
    with pytest.raises(ValueError, match="Unknown `normalization`.*'x'.*none"):
        normalization.check("x")


def test_a_letter_that_unicode_writes_as_two_characters():
    """NFC writes U+0958 as U+0915 and U+093C."""
    known = ["\u0915\u093c"]
    one = tokenizer.Tokenizer(
        vocabulary.learn_vocabulary(known, may_be_smaller=True)
    )
    first, second = one.encode(["\u0958", "\u0915\u093c"]).to_list()
    assert first == second


def test_first_words_are_like_others():
    """The first word has the same pieces whatever spaces are before it."""
    one = tokenizer_of(normalization.DEFAULT)
    first, second, third = one.encode(["dog", " dog", "a dog"]).to_list()
    assert first == second == third[-len(first) :]
    assert 0 < len(first) < len(third)
