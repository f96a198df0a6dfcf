"""Rollout multiplies the mean attention scores of the blocks."""

import dataclasses

import numpy as np
import pytest

from keras_transformer.interpretation import rollout, tracing
from tests.assertions import assert_all_close
from tests.interpretation import random_translator


@pytest.fixture(scope="module")
def traced():
    translator = random_translator.translator()
    return tracing.trace(translator, "the old dog sleeps", "le chien dort")


def test_rows_sum_to_one(traced):
    for found in rollout.attention_rollout(traced):
        assert_all_close(found.sum(axis=1), np.ones(len(found)))


def test_the_decoder_does_not_look_ahead(traced):
    found = rollout.attention_rollout(traced).decoder
    assert np.all(np.triu(found, k=1) == 0)


def test_it_follows_every_path_through_the_blocks(traced):
    """Compares rollout with a sum over all paths, position by position."""
    weights = [
        traced.arrays[f"decoder/block_{n}/self_attention/weights"]
        for n in (1, 2, 3)
    ]
    size = weights[0].shape[1]

    def share(block, row, column):
        mean = sum(head[row, column] for head in weights[block]) / 6
        return 0.5 * mean + 0.5 * (row == column)

    found = rollout.attention_rollout(traced).decoder
    for row in range(size):
        for column in range(size):
            total = sum(
                share(2, row, i) * share(1, i, j) * share(0, j, column)
                for i in range(size)
                for j in range(size)
            )
            assert abs(found[row, column] - total) < 1e-6


def test_uniform_attention(traced):
    size = len(traced.source.ids)
    uniform = np.full((6, size, size), 1 / size, "float32")
    arrays = {
        name: uniform if name.endswith("attention/weights") else array
        for name, array in traced.arrays.items()
        if not name.startswith("decoder")
    } | {
        name: array
        for name, array in traced.arrays.items()
        if name.startswith("decoder")
    }
    found = rollout.attention_rollout(
        dataclasses.replace(traced, arrays=arrays)
    ).encoder
    # After two blocks, a quarter of the token itself is left.
    expected = np.eye(size) / 4 + 3 / 4 / size
    assert_all_close(found, expected)
