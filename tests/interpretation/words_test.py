"""Words, and the tokens of each word."""

import pytest

from keras_transformer.interpretation import words

TOKENS = ["▁The", "▁an", "imal", "▁did", "n", "'", "t", "▁it", ".", "<eos>"]


def test_a_word_begins_at_a_space_and_the_end_is_alone():
    assert words.of_tokens(TOKENS, 1) == [0, 1, 1, 2, 2, 2, 2, 3, 3, 4]


def test_each_special_token_at_the_end_is_alone():
    tokens = ["▁un", "▁ch", "at", "</s>", "fr_XX"]
    assert words.of_tokens(tokens, 2) == [0, 1, 1, 2, 3]


def test_without_an_end_token_the_last_word_goes_on():
    assert words.of_tokens(["a", "b"], 0) == [0, 0]
    assert words.of_tokens([], 0) == []


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("the", [0]),
        ("animal", [1, 2]),
        ("ANIMAL", [1, 2]),
        ("it", [7]),
        ("an", []),
        ("didn't", [3, 4, 5, 6]),
        ("animal didn't", [1, 2, 3, 4, 5, 6]),
        ("t", [6]),
        ("dog", []),
    ],
)
def test_tokens_of_a_word(word, expected):
    assert words.tokens_of(word, TOKENS) == expected


def test_elision_separates_words():
    assert words.tokens_of("il", ["▁parce", "▁qu", "'", "il", "▁est"]) == [3]


def test_a_space_alone_is_no_part_of_a_word():
    assert words.tokens_of("ab", ["▁", "a", "b", "▁", "c"]) == [1, 2]
