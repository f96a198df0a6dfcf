"""Batches of the sizes that were asked for, the same each time."""

import numpy as np

from tools.model_flags import training_sizes


def test_batches_are_full_and_without_end():
    batches = list(training_sizes.endless_batches(3, 5, 11).take(2))
    (inputs, labels, weights), again = batches
    assert labels.shape == weights.shape == (3, 5)
    assert np.min(labels) >= 4 and np.max(labels) < 11
    assert len(set(np.ravel(labels))) > 3
    for ids in (*inputs.values(), again[1]):
        np.testing.assert_array_equal(ids, labels)
    np.testing.assert_array_equal(weights, np.ones((3, 5)))
