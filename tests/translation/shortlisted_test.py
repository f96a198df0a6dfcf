"""A search with a shortlist equals a search among the allowed tokens."""

import dataclasses
import functools

import numpy as np
import pytest
import tensorflow as tf

import keras_transformer as kt
from keras_transformer.search import constraints
from keras_transformer.translation import model_search, shortlisted
from keras_transformer.translation import shortlist as lists
from tests import graphs
from tests.assertions import assert_all_close, assert_all_equal
from tests.translation import toy

TEXTS = ["ba de fi", "", "ra", "go hu ka le mi no", "pu pu"]
BEAM = kt.search.BeamSearch(beam_size=3, top_beams=3)


def learned(count=199, **changes):
    live = toy.translator()
    encoded = kt.data.encode_pairs(toy.random_pairs(count), live.tokenizer, 17)
    size = live.tokenizer.vocabulary_size
    return lists.learn(
        encoded.sources,
        encoded.targets,
        size,
        size,
        **{
            "always": range(4),
            "known": range(4),
            "frequent": 0,
            "likely": 1,
            **changes,
        },
    )


def everything(**changes):
    """Returns a shortlist that allows all tokens."""
    shortlist = learned(**changes)
    return shortlist._replace(is_known=np.zeros_like(shortlist.is_known))


def translator(shortlist, search=BEAM):
    live = toy.translator()
    return live.with_search(search).with_model(
        shortlisted.Shortlisted(live.model, shortlist)
    )


# Tests share these translators, because each one traces its own graphs.
@functools.cache
def of_all_tokens():
    return translator(everything())


@functools.cache
def of_learned_tokens():
    return translator(learned())


@functools.cache
def live_with_beam():
    return toy.translator().with_search(BEAM)


def assert_same(ours, expected):
    assert_all_equal(ours["translations"], expected["translations"])
    assert_all_close(ours["scores"], expected["scores"], atol=1e-4)


class Masked:
    """The model with -1e9 as the logits of tokens that are not allowed.

    It computes all logits, so it is slow and simple.
    """

    def __init__(self, model, allowed):
        self._model, self._allowed = model, allowed
        self.pad_id, self.start_id = model.pad_id, model.start_id

    def __getattr__(self, name):
        return getattr(self._model, name)

    def stepper(self, return_attention=False):
        take = self._model.stepper(return_attention)

        def step(ids, position, state):
            logits, *others = take(ids, position, state)
            # The batch has one row, so all rows of the step are its hypotheses.
            return tf.where(self._allowed, logits, -1e9), *others

        return step


@pytest.mark.grid
def test_a_shortlist_of_all_tokens_changes_nothing():
    expected = live_with_beam().n_best(TEXTS)
    assert_same(of_all_tokens().n_best(TEXTS), expected)


@pytest.mark.parametrize(
    "search",
    [
        pytest.param(BEAM, id="beam"),
        pytest.param(
            kt.search.GreedySearch(), id="greedy", marks=pytest.mark.grid
        ),
    ],
)
def test_as_a_search_among_the_allowed_tokens(search):
    shortlist = learned()
    ours = translator(shortlist, search)
    # Only one row, so no row is dropped.
    source_ids = ours.encode_source(["go hu ka le"])
    allowed = shortlist.allowed(source_ids).numpy()
    # The 4 special ids, and one token for each of the 4 words.
    assert allowed.sum() == 4 + 4 < allowed.size - 20
    masked = (
        toy.translator()
        .with_search(search)
        .with_model(Masked(toy.translator().model, allowed))
    )
    live = toy.translator().with_search(search)
    with graphs.run_as_python():
        result, expected, of_all = (
            each.search_ids(source_ids) for each in (ours, masked, live)
        )
    assert_all_equal(result.ids, expected.ids)
    assert_all_close(result.scores, expected.scores, atol=1e-4)
    # Fewer tokens share the probability, so log-probabilities are higher.
    assert np.all(result.scores[:, 0] > of_all.scores[:, 0])


def test_translates_as_without():
    texts = [pair.source for pair in toy.random_pairs(101, seed=7)]
    ours = translator(learned(999), kt.search.BeamSearch()).translate(texts)
    expected = toy.translator().translate(texts)
    same = sum(a == b for a, b in zip(ours, expected, strict=True))
    assert same > 95


def test_a_row_does_not_depend_on_the_others():
    ours = of_learned_tokens()
    together = ours.n_best(TEXTS)
    for number, text in enumerate(TEXTS):
        row = {name: x[number : number + 1] for name, x in together.items()}
        assert_same(ours.n_best([text]), row)


def test_no_texts():
    answer = of_learned_tokens().n_best(tf.constant([], tf.string))
    assert answer["translations"].shape == (0, 3)


def test_targets_are_scored_over_all_tokens():
    targets = ["FI DE BA", "", "BA", "RA", ""]
    ours = of_learned_tokens().log_probability(TEXTS, targets)
    expected = toy.translator().log_probability(TEXTS, targets)
    assert_all_close(ours["log_probability"], expected["log_probability"])


@pytest.mark.grid
def test_prefixes_and_alignments():
    # A prefix may have tokens that are not in the shortlist.
    prefixes = ["RA", "", "DE", "", ""]
    ours = of_learned_tokens().hypotheses(TEXTS, prefixes=prefixes)
    expected = live_with_beam().hypotheses(TEXTS, prefixes=prefixes)
    assert [[h.text for h in row] for row in ours] == [
        [h.text for h in row] for row in expected
    ]
    aligned = of_all_tokens().hypotheses(TEXTS, align=True)
    expected = live_with_beam().hypotheses(TEXTS, align=True)
    for ours_of_row, theirs in zip(aligned, expected, strict=True):
        assert_all_close(
            ours_of_row[0].alignment, theirs[0].alignment, atol=1e-4
        )


def test_first_ids_of_all_translations():
    live = toy.translator()
    source_ids = live.encode_source(["ba de", "ra"])
    first = int(live.tokenizer.encode(["RA"]).to_tensor()[0, 0])
    shortlist = everything(always=[*range(4), first])
    searches = [
        model_search.ModelSearch(model, BEAM, live.lengths, 2, (first,))
        for model in (
            live.model,
            shortlisted.Shortlisted(live.model, shortlist),
        )
    ]
    expected, ours = (search(source_ids) for search in searches)
    assert np.all(ours.ids[:, 0, 0] == first)
    assert_all_equal(ours.ids, expected.ids)


class TestRefused:
    def test_sampling(self):
        with pytest.raises(ValueError, match="Sampling draws from all tokens"):
            translator(learned(), kt.search.SamplingSearch())

    def test_special_ids_beyond_the_first(self):
        with pytest.raises(ValueError, match=r"without token 1, and the id 2"):
            translator(learned(always=[0, 2]))
        search = dataclasses.replace(
            BEAM, constraints=constraints.Constraints(banned_ids=(9,))
        )
        with pytest.raises(ValueError, match=r"Give `always=range\(10\)`"):
            translator(learned(), search)

    def test_a_first_token_that_it_may_lack(self):
        live = toy.translator()
        model = shortlisted.Shortlisted(live.model, learned())
        rare = int(np.flatnonzero(~learned().is_frequent)[0])
        with pytest.raises(ValueError, match=f"Received: one without .*{rare}"):
            model_search.ModelSearch(model, BEAM, live.lengths, 2, (rare,))

    def test_a_model_that_computes_all_logits_only(self):
        live = toy.translator()
        with pytest.raises(ValueError, match="Received: Ensemble. Use a `Tra"):
            shortlisted.Shortlisted(
                kt.Ensemble([live.model, live.model]), everything()
            )
