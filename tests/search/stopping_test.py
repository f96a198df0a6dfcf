"""Searches can stop as those of CTranslate2 and transformers do.

W beam size
"""

import itertools

import pytest

from keras_transformer import search
from tests import costs
from tests.references import search as reference
from tests.search import languages as languages_
from tests.search.languages import END, RandomLanguages, search_chain


def beam_of_others(language, rules, beam_size, stopping):
    """Returns the W best of the hypotheses that end before the search stops."""
    live, finished = [((), 0.0)], []
    for length in range(1, rules.limit + 1):
        extensions = [
            ((*ids, token), total + log_probs[token])
            for ids, total in live
            for log_probs in [language.log_probs_after(ids)]
            for token in range(len(log_probs))
        ]
        best = sorted(extensions, key=lambda pair: -pair[1])[: 2 * beam_size]
        finished += [
            ids
            for ids, _ in best[:beam_size]
            if ids[-1] == END or length == rules.limit
        ]
        live = [pair for pair in best if pair[0][-1] != END][:beam_size]
        scores = [
            one.score for one in reference.ranked(finished, language, rules)
        ][:beam_size]
        if len(scores) < beam_size:
            continue
        divisor = reference.length_divisor(length, rules.alpha, rules.penalty)
        if stopping == "full" or scores[-1] >= live[0][1] / divisor:
            break
    return reference.ranked(finished, language, rules)[:beam_size]


@pytest.mark.parametrize(
    ("stopping", "alpha"),
    costs.grid_of_several(
        itertools.product(("full", "current_length"), (0.0, 1.0)),
        keep=[("full", 0.0), ("current_length", 1.0)],
    ),
)
def test_equals_a_slow_search(stopping, alpha):
    # Vocabularies of only 5 tokens, so that many rows end before the limit.
    languages = RandomLanguages(3, 89, vocabulary_size=5, longest=6)
    languages.limits = [5 + row % 2 for row in range(languages.num_rows)]
    demands = languages_.random_demands(languages)
    ranking = {"alpha": alpha, "penalty": "average"}
    result, certain = (
        languages.search(
            demands=demands, beam_size=3, top_beams=3, stopping=each, **ranking
        )
        for each in (stopping, "certain")
    )
    expected = [
        beam_of_others(
            languages.language(row), demands.rules(row, **ranking), 3, stopping
        )
        for row in range(languages.num_rows)
    ]
    languages_.check(result, expected)
    # The rule matters: it changes the best hypothesis of some rows.
    if alpha:
        assert (result.ids != certain.ids).numpy().any(axis=(1, 2)).sum() > 5


def test_full_stops_before_a_better_hypothesis():
    # After 0 come the end token, with 0.5, or 2. After 2 the tokens 3, 4 and
    # the end are nearly certain.
    chain = [
        [0.00, 0.50, 0.48, 0.01, 0.01],
        [0.00, 0.00, 1.00, 0.00, 0.00],
        [0.00, 0.01, 0.00, 0.99, 0.00],
        [0.00, 0.01, 0.00, 0.00, 0.99],
        [0.00, 0.99, 0.01, 0.00, 0.00],
    ]
    best = {
        stopping: search_chain(
            chain,
            start_id=0,
            end_id=1,
            pad_id=0,
            max_lengths=7,
            beam_size=1,
            alpha=1.0,
            penalty="average",
            stopping=stopping,
        )
        .ids.numpy()[0, 0]
        .tolist()
        for stopping in search.STOPPINGS
    }
    assert best["full"] == [1, 0, 0, 0, 0, 0, 0]
    assert best["certain"] == [2, 3, 4, 1, 0, 0, 0]


def test_unknown_rule():
    with pytest.raises(ValueError, match="Received: 'early'. Expected one of"):
        search.BeamSearch(stopping="early")


def test_coverage_has_no_bound_at_the_current_length():
    with pytest.raises(ValueError, match="coverage=0.3. Use 'certain' or"):
        search.BeamSearch(stopping="current_length", coverage=0.3)
