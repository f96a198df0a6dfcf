"""Comparisons equal sacreBLEU's, and name the sentence that differs most."""

import pytest
import sacrebleu
from sacrebleu import significance

from keras_transformer.translation import comparison

WORDS = "a cat sat on the mat and saw one old dog run".split()
REFERENCES = [" ".join(WORDS[i % 5 : i % 5 + 7]) for i in range(31)]
# The first system is wrong in every second sentence, the second system in two
# sentences.
FIRST = [
    text.replace("cat", "cow").replace("on", "in") if i % 2 else text
    for i, text in enumerate(REFERENCES)
]
SECOND = [
    text.replace("the", "this") if i in (3, 4) else text
    for i, text in enumerate(REFERENCES)
]
COUNTS = {"samples": 101, "trials": 103}


def test_is_sacrebleus_paired_test():
    found = comparison.compare_translations(FIRST, SECOND, REFERENCES, **COUNTS)
    metrics = {
        "bleu": sacrebleu.BLEU(),
        "chrf": sacrebleu.CHRF(),
        "ter": sacrebleu.TER(case_sensitive=True),
    }
    assert set(found) == set(metrics)
    for test, count in (("bs", 101), ("ar", 103)):
        for name, metric in metrics.items():
            _, scores = significance.PairedTest(
                [("a", FIRST), ("b", SECOND)],
                {name: metric},
                [REFERENCES],
                test,
                count,
            )()
            _, (one, other) = scores.items() and list(scores.values())
            long = {"bs": "bootstrap", "ar": "randomization"}[test]
            assert found[name][f"{long}_p"] == other.p_value
            assert found[name]["first"] == one.score
            assert found[name]["second"] == other.score
            assert f"{test}:{count}" in found[name][f"{long}_signature"]
            if test == "bs":
                assert found[name]["second_interval"] == [other.mean, other.ci]
    assert found["bleu"]["second"] > found["bleu"]["first"]
    assert found["ter"]["second"] < found["ter"]["first"]
    assert found["bleu"]["bootstrap_p"] < 0.05
    assert found["bleu"]["randomization_p"] < 0.05


def test_equal_systems_do_not_differ():
    found = comparison.compare_translations(FIRST, FIRST, REFERENCES, **COUNTS)
    for scores in found.values():
        assert scores["first"] == scores["second"]
        assert scores["first_interval"] == scores["second_interval"]
    assert comparison.largest_differences(FIRST, FIRST, REFERENCES, 5) == []


def test_the_sentence_that_differs_most_is_first():
    second = list(REFERENCES)
    second[11], second[13] = "quite another text", second[13] + " now"
    first = list(REFERENCES)
    differences = comparison.largest_differences(first, second, REFERENCES, 5)
    assert [each.number for each in differences] == [11, 13]
    assert differences[0].chrf[0] == pytest.approx(100)
    assert differences[0].chrf[1] < differences[1].chrf[1] < 100
    assert (
        comparison.largest_differences(first, second, REFERENCES, 1)
        == (differences[:1])
    )


def test_refuses_other_numbers_of_sentences():
    with pytest.raises(ValueError, match="31 and 30 translations, 31 ref"):
        comparison.compare_translations(FIRST, SECOND[:-1], REFERENCES)
    with pytest.raises(ValueError, match="`first` must be a list"):
        comparison.compare_translations("a", SECOND, REFERENCES)
