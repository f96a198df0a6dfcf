"""By default, a task has no constraints."""

import numpy as np

from keras_transformer import search
from tests.search import languages as languages_


def test_defaults_change_nothing():
    languages = languages_.RandomLanguages(31, 7)
    task = search.Task(7, languages.limits, **languages_.IDS)
    given = task._replace(
        min_lengths=[0] * 7,
        prefix=np.zeros([7, 0], "int32"),
        banned_ids=(),
        longest=max(languages.limits),
        states=search.RowStates(),
    )
    chosen = search.BeamSearch(beam_size=3, top_beams=3)
    expected = chosen(languages.step, languages.state(), task)
    found = chosen(languages.step, languages.state(), given)
    assert expected.attention is found.attention is None
    for one, other in zip(found[:4], expected[:4], strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(np.unique(expected.ids)) > 3


def test_banned_ids_are_those_of_both():
    languages = languages_.RandomLanguages(31, 7)
    task = search.Task(7, languages.limits, **languages_.IDS, banned_ids=(2,))
    chosen = search.GreedySearch(search.Constraints(banned_ids=(3,)))
    found = set(
        chosen(languages.step, languages.state(), task).ids.numpy().flat
    )
    assert 4 in found and not found & {2, 3}


def test_the_shortest_length_is_the_larger_of_both():
    languages = languages_.RandomLanguages(31, 7)
    task = search.Task(
        7, 5, **languages_.IDS, min_lengths=[0, 1, 2, 3, 4, 5, 9]
    )
    chosen = search.GreedySearch(search.Constraints(min_length=3))
    found = (
        chosen(languages.step, languages.state(), task).lengths[:, 0].numpy()
    )
    assert (found >= [3, 3, 3, 3, 4, 5, 5]).all()
    assert (found <= 5).all()
