"""Walking through a search step by step gives the same result as a call."""

import numpy as np
import pytest
import tensorflow as tf

from keras_transformer import search
from tests.assertions import assert_all_close, assert_all_equal

V, END, PAD = 11, 2, 0


def step(ids, position, state):
    """Returns logits that depend on the token, the position and the row."""
    generator = np.random.default_rng(7)
    table = tf.constant(generator.normal(0, 2, (V, V)), tf.float32)
    shift = tf.cast(position, tf.float32) / 5 + state[:, None]
    return tf.gather(table, ids) * tf.cos(shift), state


def task(rows):
    return search.Task(
        batch_size=rows,
        max_lengths=[7, 5, 6][:rows],
        start_id=1,
        end_id=END,
        pad_id=PAD,
        banned_ids=(PAD, 1),
    )


@pytest.mark.parametrize("penalty", search.LENGTH_PENALTIES)
@pytest.mark.parametrize("rows", [1, 3])
def test_the_last_step_has_the_result_of_the_call(rows, penalty):
    beam = search.BeamSearch(3, 2, alpha=0.8, penalty=penalty)
    state = tf.range(rows, dtype=tf.float32)
    expected = beam(step, state, task(rows))
    *_, last = beam.walk(step, state, task(rows))
    lengths = expected.lengths.numpy()
    assert_all_equal(last.result.lengths, lengths)
    assert_all_equal(last.result.ids, expected.ids)
    assert_all_close(last.result.scores, expected.scores, 1e-6, 1e-6)


def test_candidates_are_those_of_all_extensions():
    beam = search.BeamSearch(beam_size=3, alpha=0.0)
    steps = list(beam.walk(step, tf.zeros([1]), task(1)))
    before, now = steps[0].live, steps[1]
    totals = {}
    for parent in range(3):
        last = before.ids[:, parent, 0]
        logits, _ = step(last, tf.constant(1), tf.zeros([1]))
        log_probs = tf.nn.log_softmax(logits[0]).numpy()
        for i in set(range(V)) - {PAD, 1}:
            totals[int(last[0]), i] = before.scores[0, parent] + log_probs[i]
    best = sorted(totals, key=totals.get, reverse=True)[:6]
    found = [tuple(ids) for ids in now.candidates.ids[0, :, :2].numpy()]
    assert found == best
    assert_all_close(
        now.candidates.scores[0], [totals[ids] for ids in best], 1e-6, 1e-6
    )
    parents = now.parents[0].numpy()
    for ids, parent in zip(found, parents, strict=True):
        assert ids[0] == before.ids[0, parent, 0]


def test_it_stops_when_all_rows_are_done():
    beam = search.BeamSearch(beam_size=2)

    def ends(ids, position, state):
        return tf.one_hot(tf.fill(tf.shape(ids), END), V) * 50.0, state

    assert len(list(beam.walk(ends, tf.zeros([1]), task(1)))) == 1
