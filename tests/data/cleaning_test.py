"""Rules must be off by default, and must count pairs that they remove."""

import dataclasses

import pytest

import keras_transformer as kt
from keras_transformer.data import cleaning, cleaning_report, pairs

PAIRS = [
    pairs.SentencePair(*pair)
    for pair in [
        ("a &amp; b", "c"),
        ("cafe\u0301", "\ufb01n"),
        ("bell\x07", "ring"),
        ("not utf-8 \udce9", "x"),
        ("same text", "same text"),
        ("1, 2, 3!", "un"),
        ("жук", "scarabée"),
        ("one two three four five six", "un"),
        ("a cat", "un chat"),
        ("a cat", "un chat"),
        ("", ""),
    ]
]


def clean(texts=PAIRS, tokenizers=None, **rules):
    report = cleaning_report.CleaningReport()
    kept = list(cleaning.Cleaning(**rules).clean(texts, report, tokenizers))
    counts = {
        name: each["num_pairs"]
        for name, each in report.as_dict().items()
        if isinstance(each, dict)
    }
    assert report.num_read == len(texts)
    assert report.num_kept == len(kept)
    return kept, counts


def test_without_rules_nothing_changes():
    assert clean() == (PAIRS, {})


@pytest.mark.parametrize(
    ("rules", "taken"),
    [
        ({"drop_not_utf8": True}, [3]),
        ({"html_entities": "drop"}, [0]),
        ({"control_characters": "drop"}, [2]),
        ({"min_characters": 2}, [0, 3, 10]),
        ({"max_characters": 11}, [7]),
        ({"min_words": 1}, [10]),
        ({"max_words": 3}, [7]),
        ({"max_character_ratio": 10}, [3, 7]),
        ({"max_word_ratio": 3}, [7]),
        ({"source_scripts": ["LATIN"]}, [6]),
        ({"target_scripts": ["CYRILLIC", "GREEK"]}, [*range(10)]),
        ({"max_symbol_share": 0.5}, [5]),
        ({"max_symbol_share": 0}, [0, 3, 5]),
        ({"drop_copies": True}, [4, 10]),
        ({"drop_duplicates": True}, [9]),
    ],
)
def test_filters(rules, taken):
    kept, counts = clean(**rules)
    assert kept == [p for i, p in enumerate(PAIRS) if i not in taken]
    assert counts == {next(iter(rules)): len(taken)}


@pytest.mark.parametrize(
    ("rules", "changed"),
    [
        ({"html_entities": "unescape"}, {0: ("a & b", "c")}),
        ({"control_characters": "remove"}, {2: ("bell", "ring")}),
        ({"unicode_form": "NFC"}, {1: ("café", "\ufb01n")}),
        ({"unicode_form": "NFKC"}, {1: ("café", "fin")}),
    ],
)
def test_changes(rules, changed):
    kept, counts = clean(**rules)
    assert kept == [changed.get(i, pair) for i, pair in enumerate(PAIRS)]
    [(name, value)] = rules.items()
    assert counts == {f"{name}={value}": 1}


def test_filters_see_changed_pairs_and_the_first_one_counts():
    texts = [
        pairs.SentencePair("a &amp; b", "a & b"),
        pairs.SentencePair("a & b", "a & b"),
        pairs.SentencePair("&#7;&#7;", "\x07"),
    ]
    kept, counts = clean(
        texts,
        html_entities="unescape",
        control_characters="remove",
        min_characters=1,
        drop_copies=True,
        drop_duplicates=True,
    )
    assert kept == []
    assert counts == {
        "html_entities=unescape": 2,
        "control_characters=remove": 1,
        "min_characters": 1,
        "drop_copies": 2,
    }


def test_unknown_characters():
    tokenizer = kt.Tokenizer(
        kt.learn_vocabulary(["a cat", "un chat"], may_be_smaller=True)
    )
    kept, counts = clean(
        PAIRS, [tokenizer, tokenizer], drop_unknown_characters=True
    )
    assert kept == [*PAIRS[8:]]
    assert counts == {"drop_unknown_characters": 8}
    with pytest.raises(ValueError, match="needs vocabularies"):
        clean(PAIRS, drop_unknown_characters=True)


def test_every_rule_is_tested_and_described():
    tested = {
        name
        for test in (test_filters, test_changes)
        for rules, _ in test.pytestmark[0].args[1]
        for name in rules
    } | {"drop_unknown_characters"}
    fields = dataclasses.fields(cleaning.Cleaning)
    assert {field.name for field in fields} == tested
    assert all(field.metadata["help"] for field in fields)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"html_entities": "keep"}, "`html_entities`.*'keep'.*unescape, drop"),
        ({"unicode_form": "NFD"}, "`unicode_form`.*'NFD'.*NFC, NFKC"),
        ({"min_words": 0}, "`min_words` must be at least 1. Received: 0"),
        ({"max_word_ratio": 0.5}, "`max_word_ratio` must be at least 1"),
        ({"max_symbol_share": float("nan")}, "`max_symbol_share` must be"),
        ({"source_scripts": ["Latin"]}, "Unknown script.*'Latin'"),
        ({"source_scripts": "LATIN"}, "is a list of scripts.*'LATIN'"),
        ({"target_scripts": None}, "`target_scripts` is a list.*None"),
    ],
)
def test_invalid_rules(rules, message):
    with pytest.raises(ValueError, match=message):
        cleaning.Cleaning(**rules)
