"""Batches have the given sizes, and are the same each time."""

import numpy as np
import pytest

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


@pytest.mark.grid
def test_a_model_of_the_sizes_that_is_trained():
    sizes = training_sizes.StepSizes(
        layers=1,
        model_dim=6,
        feed_forward_dim=7,
        num_heads=3,
        vocabulary_size=23,
    )
    model = training_sizes.compiled_model(sizes, biases="all")
    batches = training_sizes.endless_batches(3, 5, 23)
    history = model.fit(batches, steps_per_epoch=1, shuffle=False, verbose=0)
    assert 0 < history.history["loss"][0] < 10
    assert model.optimizer.iterations.numpy() == 1
    # Embeddings, bias of the logits, attention layers, feed-forward
    # networks, norms.
    attention, feed_forward = 4 * (36 + 6), 2 * 6 * 7 + 6 + 7
    assert model.count_params() == (
        23 * 6 + 23 + 3 * attention + 2 * feed_forward + 5 * 2 * 6
    )
