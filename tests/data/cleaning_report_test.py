"""A report must count all pairs, and show a few of them."""

import json

from keras_transformer.data import cleaning_report, pairs


def test_counts_and_examples():
    report = cleaning_report.CleaningReport()
    report.num_read, report.num_kept = 13, 7
    for number in range(5):
        report.count("copies", pairs.SentencePair(f"a{number}", "b"))
    report.count("long", pairs.SentencePair("x" * 1009, "\udcff é"))
    assert report.as_dict() == {
        "num_read": 13,
        "num_kept": 7,
        "copies": {
            "num_pairs": 5,
            "examples": [["a0", "b"], ["a1", "b"], ["a2", "b"]],
        },
        "long": {"num_pairs": 1, "examples": [["x" * 200, "\\xff é"]]},
    }
    json.dumps(report.as_dict(), ensure_ascii=False).encode("utf-8")
    assert str(report).splitlines()[:3] == [
        "Cleaning kept 7 of 13 pairs.",
        "  copies: 5",
        "    'a0' | 'b'",
    ]
