"""Compares the translations of two systems, with tests of significance."""

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import sacrebleu
from sacrebleu import significance

from keras_transformer.translation import metrics

# The names of two tests of significance, here and in sacreBLEU: paired
# bootstrap resampling (Koehn 2004) and paired approximate randomization
# (Riezler and Maxwell 2005).
_TESTS = {"bootstrap": "bs", "randomization": "ar"}


class Difference(NamedTuple):
    """A sentence that two systems translate differently.

    number: the index of the sentence in the lists of translations, from 0.
    chrf: chrF of the first and of the second translation, in [0, 100].
    """

    number: int
    chrf: tuple[float, float]


def compare_translations(
    first: Sequence[str],
    second: Sequence[str],
    references: Sequence[str],
    lowercase: bool = False,
    tokenize: str = metrics.DEFAULT_TOKENIZATION,
    samples: int = 1000,
    trials: int = 10000,
) -> dict[str, dict[str, Any]]:
    """Scores two sets of translations, and tests whether they differ.

    Args:
        first: the translations of the baseline.
        second: the translations of the other system.
        references: the reference of each sentence.
        lowercase: whether to ignore case.
        tokenize: a tokenization of sacreBLEU, for BLEU.
        samples: the number of resamples of the paired bootstrap, at least 1.
        trials: the number of trials of the randomization, at least 1.

    Returns:
        A dict for each of `bleu`, `chrf` and `ter`. `first` and `second` are
        the scores. `first_interval` and `second_interval` are lists of two
        numbers: the mean score of the resamples, and half the width of the 95 %
        interval. `bootstrap_p` and `randomization_p` are the p-values of the
        two tests. `bootstrap_signature` and `randomization_signature` are
        sacreBLEU's descriptions of the tests.

    Raises:
        ValueError: the numbers of texts differ or are 0, an argument is one
            string instead of a list, or `tokenize` is unknown or not installed.

    Example:

    >>> good, bad = ["a cat sat on it"] * 5, ["a dog sat on it"] * 5
    >>> scores = compare_translations(bad, good, good, samples=9, trials=9)
    >>> round(scores["ter"]["first"]), round(scores["ter"]["second"])
    (20, 0)
    """
    metrics.check_texts(first=first, second=second)
    sizes = (len(first), len(second), len(references))
    if len(set(sizes)) > 1 or not references:
        raise ValueError(
            "Both systems translate the same sentences. Received: "
            f"{sizes[0]} and {sizes[1]} translations, {sizes[2]} references."
        )
    bleu, chrf = metrics.corpus_metrics(references, tokenize, lowercase)
    named = {
        "bleu": bleu,
        "chrf": chrf,
        "ter": sacrebleu.TER(case_sensitive=not lowercase),
    }
    systems = [("first", first), ("second", second)]
    results: dict[str, dict[str, Any]] = {name: {} for name in named}
    for test, count in (("bootstrap", samples), ("randomization", trials)):
        numbers_of = _paired_test(systems, named, references, test, count)
        for name, numbers in numbers_of.items():
            results[name].update(numbers)
    return results


def _paired_test(systems, named_metrics, references, test, count):
    """Runs one test of significance, and returns a dict for each metric.

    `compare_translations` describes the keys of the dicts, such as `first`.
    """
    signatures, scores = significance.PairedTest(
        systems, named_metrics, [references], _TESTS[test], count
    )()
    results = {}
    # The keys of `signatures` are sacreBLEU's names of the metrics, such as
    # "chrF2". They have the same order as `named_metrics`.
    for name, key in zip(named_metrics, signatures, strict=True):
        first, second = cast(list[significance.Result], scores[key])
        results[name] = {
            "first": first.score,
            "second": second.score,
            f"{test}_signature": str(signatures[key]),
            f"{test}_p": second.p_value,
        }
        if test == "bootstrap":
            for system, result in (("first", first), ("second", second)):
                results[name][f"{system}_interval"] = [
                    float(cast(float, number))
                    for number in (result.mean, result.ci)
                ]
    return results


def largest_differences(
    first: Sequence[str],
    second: Sequence[str],
    references: Sequence[str],
    count: int,
) -> list[Difference]:
    """Returns the sentences whose chrF differs most, largest difference first.

    Sentences with equal translations are left out.

    Args:
        first: the translations of the baseline.
        second: the translations of the other system.
        references: the reference of each sentence.
        count: the maximum number of sentences.

    Raises:
        ValueError: the numbers of texts differ.

    Example:

    >>> largest_differences(["a", "b"], ["a", "c"], ["a", "c"], 7)
    [Difference(number=1, chrf=(0.0, 100.0))]
    """
    metric = sacrebleu.CHRF()
    differences = [
        Difference(
            i,
            (
                metric.sentence_score(one, [reference]).score,
                metric.sentence_score(other, [reference]).score,
            ),
        )
        for i, (one, other, reference) in enumerate(
            zip(first, second, references, strict=True)
        )
        if one != other
    ]
    differences.sort(key=lambda each: -abs(each.chrf[0] - each.chrf[1]))
    return differences[:count]
