"""One step reads the last tokens and returns candidates for the next."""

import numpy as np
import pytest
import tensorflow as tf

from keras_transformer import search
from keras_transformer.search import constraints, extension

B, W, T, V, S = 2, 3, 5, 7, 11


@pytest.mark.parametrize("position", [0, 1, 4])
@pytest.mark.parametrize("attends", [False, True])
def test_reads_the_token_before(position, attends):
    ids = tf.reshape(tf.range(B * W * T) % V, [B, W, T])
    logits = np.random.default_rng(0).normal(0, 1, (B * W, V))
    attention = tf.ones([B * W, S])
    seen = []

    def step(last, at, state):
        seen.append((last.numpy().tolist(), int(at), state))
        answer = tf.constant(logits, tf.float32), "after"
        return (*answer, attention) if attends else answer

    mask = np.ones([B, S], bool) if attends else None
    task = search.Task(B, T, 6, 2, 0, source_mask=mask)
    limits = constraints.limits_of_rows(search.Constraints(), task)
    choices, attention_read, state = extension.next_candidates(
        ids, tf.constant(position), "before", limits, step, task,
        search.Constraints(), 2,
    )  # fmt: skip
    last = np.full([B, W], 6)
    if position:
        last = ids[:, :, position - 1].numpy()
    assert seen == [(last.reshape(-1).tolist(), position, "before")]
    assert state == "after"
    assert (attention_read is attention) == attends
    assert choices.ids.shape[:2] == (B, W)
    np.testing.assert_array_equal(
        choices.ids[:, :, 0], logits.argmax(1).reshape(B, W)
    )


def test_sources():
    assert extension.source_masks(search.Task(B, T, 6, 2, 0)) == ()
    task = search.Task(B, T, 6, 2, 0, source_mask=[[1, 0], [1, 1]])
    [mask] = extension.source_masks(task)
    assert mask.dtype == tf.bool
    np.testing.assert_array_equal(mask, [[True, False], [True, True]])
