"""Searches are frozen values, and a user's search needs only one method."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from keras_transformer import search
from tests.search import languages as languages_

SEARCHES = (search.BeamSearch, search.GreedySearch, search.SamplingSearch)


class Shortest(search.Search):
    def __call__(self, step, state, task):
        ids = tf.fill([task.batch_size, 1, 1], task.end_id)
        zeros = tf.zeros([task.batch_size, 1])
        return search.SearchResult(
            ids, tf.ones_like(ids[:, :, 0]), zeros, zeros[:, :, None]
        )


@pytest.mark.parametrize("kind", SEARCHES)
def test_is_a_frozen_value(kind):
    made = kind()
    assert made == kind() and hash(made) == hash(kind())
    banned = dataclasses.replace(
        made, constraints=search.Constraints(banned_ids=[3])
    )
    assert banned != made
    assert banned == kind(constraints=search.Constraints(banned_ids=(3,)))
    assert hash(banned) != hash(made)
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.constraints = search.Constraints()
    with pytest.raises(TypeError, match="alfa"):
        kind(alfa=0.6)


def test_hypotheses_that_are_returned():
    beam = search.BeamSearch(beam_size=5, alpha=0.3)
    assert beam.with_n_best(2) == dataclasses.replace(beam, top_beams=2)
    assert beam.with_n_best() == dataclasses.replace(beam, top_beams=5)
    for count in (7, 0):
        with pytest.raises(ValueError, match=f"top_beams={count}, beam_size=5"):
            beam.with_n_best(count)
    drawn = search.SamplingSearch(num_samples=3, seed=11)
    assert drawn.with_n_best() == drawn
    assert drawn.with_n_best(5) == search.SamplingSearch(5, seed=11)
    for one in (search.GreedySearch(), Shortest()):
        assert one.with_n_best() is one.with_n_best(1) is one
        with pytest.raises(
            ValueError, match=f"count=2 for .*{type(one).__name__}"
        ):
            one.with_n_best(2)


def test_the_coverage_penalty_alone_needs_attention():
    assert search.BeamSearch(coverage=0.1).needs_attention
    for kind in SEARCHES:
        assert not kind().needs_attention
    assert not Shortest().needs_attention


def test_a_vocabulary_smaller_than_the_beam():
    search.BeamSearch(beam_size=5).check(5)
    with pytest.raises(ValueError, match="beam_size=5, 4 target tokens"):
        search.BeamSearch(beam_size=5).check(4)
    for made in (search.GreedySearch(), search.SamplingSearch(7), Shortest()):
        made.check(1)


def test_scores_of_given_targets():
    """`score` gives a hypothesis the score that the search gave it."""
    languages = languages_.RandomLanguages(31, 7)
    # In these languages the padding id is also a token. Ban it.
    task = search.Task(
        7, languages.limits, **languages_.IDS, banned_ids=(languages_.PAD,)
    )
    for made in (
        search.BeamSearch(beam_size=3, alpha=0.7, penalty="average"),
        search.GreedySearch(),
        search.SamplingSearch(seed=5),
    ):
        found = made(languages.step, languages.state(), task)
        longest = found.ids.shape[2]
        logits = np.zeros([7, longest, 5], "float32")
        for row, ids in enumerate(found.ids[:, 0].numpy()):
            length = int(found.lengths[row, 0])
            for position in range(length):
                logits[row, position] = languages.logits_after(
                    row, tuple(ids[:position])
                )
        scored = made.score(logits, found.ids[:, 0], pad_id=languages_.PAD)
        is_finished = np.any(found.ids[:, 0] == languages_.END, axis=1)
        np.testing.assert_allclose(
            scored.scores[is_finished], found.scores[is_finished], atol=1e-5
        )
        assert is_finished.sum() > 2
    # By default, a search that a user writes ranks by log-probability.
    plain = Shortest().score(logits, found.ids[:, 0], pad_id=languages_.PAD)
    np.testing.assert_allclose(plain.scores, scored.scores, atol=1e-6)


def test_a_function_is_a_search():
    def find(step, state, task):
        return "found", step, state, task

    made = search.as_search(find)
    assert made(1, 2, 3) == ("found", 1, 2, 3)
    assert not made.needs_attention
    assert made.with_n_best() is made
    assert search.as_search(made) is made
    beam = search.BeamSearch()
    assert search.as_search(beam) is beam


@pytest.mark.parametrize("wrong", [search.BeamSearch, "beam", None, 4])
def test_what_is_no_search(wrong):
    with pytest.raises(ValueError, match="Give an object such as `Be"):
        search.as_search(wrong)
