"""Operations on the hypotheses of a beam, with results computed by hand.

`beam_test.py` compares the whole search with an exhaustive search.
"""

import numpy as np
import tensorflow as tf

from keras_transformer.search import constraints, contract, hypotheses

NEVER = contract.NEVER
T = 3


def make(scores):
    """Makes hypotheses with scores (B, W). Ids of index i begin at 10 i."""
    scores = np.array(scores, "float32")
    ids = np.arange(scores.size).reshape(scores.shape)[:, :, None] * 10
    return hypotheses.Hypotheses(
        tf.constant(ids + np.arange(T), tf.int32),
        tf.fill(scores.shape, 2),
        tf.constant(scores),
        tf.zeros([*scores.shape, T]),
        (),
    )


def first_ids(made):
    return made.ids[:, :, 0].numpy().tolist()


def test_the_best_and_where_they_were():
    kept, chosen = hypotheses.best(make([[-3, -1, -2], [-5, NEVER, -4]]), 2)
    assert chosen.numpy().tolist() == [[1, 2], [2, 0]]
    assert kept.scores.numpy().tolist() == [[-1, -2], [-4, -5]]
    assert first_ids(kept) == [[10, 20], [50, 30]]


def test_of_equals_the_first_stay():
    first, second = make([[-1, -2]]), make([[-2, -1]])
    merged = hypotheses.merge(first, second._replace(ids=second.ids + 100), 3)
    assert merged.scores.numpy().tolist() == [[-1, -1, -2]]
    assert first_ids(merged) == [[0, 110, 10]]


def test_unfinished_come_after_all_finished():
    finished = make([[-9, NEVER, NEVER], [-5, -6, -7]])
    unfinished = make([[-3, -1, -2], [-1, -1, -1]])
    unfinished = unfinished._replace(ids=unfinished.ids + 100)
    filled = hypotheses.fill_up(finished, unfinished)
    assert first_ids(filled) == [[0, 110, 120], [30, 40, 50]]
    assert filled.scores.numpy().tolist() == [[-9, -1, -2], [-5, -6, -7]]


def test_a_step_writes_its_token_and_keeps_the_past():
    live = make([[-1.0, NEVER]])
    choices = constraints.Candidates(
        tf.constant([[[4, 5, 6], [4, 5, 6]]]),
        tf.constant([[[-0.5, -2.0, NEVER], [-0.1, -0.1, -0.1]]]),
    )
    extended, parents = hypotheses.extend(live, choices, None, 1, 2)
    assert parents[0, :2].numpy().tolist() == [0, 0]
    assert extended.ids[0, :2].numpy().tolist() == [[0, 4, 2], [0, 5, 2]]
    assert extended.scores[0].numpy().tolist() == [-1.5, -3.0, NEVER, NEVER]
    assert extended.log_probs[0, 0].numpy().tolist() == [0.0, -0.5, 0.0]
    assert (extended.lengths.numpy() == 2).all()


def test_a_condition_stands_on_the_leading_axes():
    first, second = make([[1, 2], [3, 4]]), make([[5, 6], [7, 8]])
    found = hypotheses.where(tf.constant([True, False]), first, second)
    assert found.scores.numpy().tolist() == [[1, 2], [7, 8]]
    found = hypotheses.where(
        tf.constant([[True, False], [False, True]]), first, second
    )
    assert found.scores.numpy().tolist() == [[1, 6], [7, 4]]
