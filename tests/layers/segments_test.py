"""Sentences that share a row must give the same as in separate rows.

B batch   T length   D model_dim
"""

import keras
import numpy as np
import pytest

from keras_transformer import layers
from keras_transformer.layers import segments
from tests.assertions import assert_all_close, assert_all_equal
from tests.layers import kinds
from tests.layers.kinds import random

IDS = np.array([[1, 1, 1, 2, 2, 0, 0], [1, 2, 2, 2, 2, 3, 3]])


class TestSegmentMask:
    def test_marks_all_but_padding(self):
        assert_all_equal(segments.segment_mask(IDS), IDS > 0)


class TestSameSegmentMask:
    def test_equals_a_loop(self):
        queries, keys = IDS, np.array([[2, 1, 0], [0, 3, 1]])
        mask = segments.same_segment_mask(queries, keys).numpy()
        assert mask.shape == (2, 7, 3)
        for row, query, key in np.ndindex(mask.shape):
            same = queries[row, query] == keys[row, key] > 0
            assert mask[row, query, key] == same


class TestPositionsInSegments:
    def test_each_segment_counts_from_zero(self):
        assert_all_equal(
            segments.positions_in_segments(IDS),
            [[0, 1, 2, 0, 1, 0, 0], [0, 0, 1, 2, 3, 0, 1]],
        )

    def test_segments_need_not_be_neighbours(self):
        ids = [[2, 1, 2, 0, 1]]
        assert_all_equal(segments.positions_in_segments(ids), [[0, 0, 1, 0, 1]])


class TestRestrict:
    def test_without_segments_the_mask_is_unchanged(self):
        mask = keras.ops.ones((2, 3), "bool")
        assert segments.restrict(mask, None, None) is mask
        assert segments.restrict(None, None, None) is None

    def test_other_segments_are_forbidden_too(self):
        padding = np.array([[True] * 4 + [False] * 3, [True] * 7])
        mask = segments.restrict(padding, IDS, IDS).numpy()
        same = segments.same_segment_mask(IDS, IDS).numpy()
        assert_all_equal(mask[:, 0], same & padding[:, None])
        alone = segments.restrict(None, IDS, IDS).numpy()
        assert_all_equal(alone[:, 0], same)

    @pytest.mark.parametrize("ids", [(IDS, None), (None, IDS)])
    def test_one_without_the_other_is_refused(self, ids):
        with pytest.raises(ValueError, match="Give the segment ids of source"):
            segments.restrict(None, *ids)


@pytest.mark.parametrize("positions", [*kinds.SINUSOIDS, "learned"])
def test_positions_start_anew_in_each_segment(positions):
    layer = (
        layers.LearnedPositions(max_length=5)
        if positions == "learned"
        else layers.SinusoidalPositions(positions)
    )
    inputs = random(2, 7, 12)
    packed = layer(inputs, segment_ids=IDS).numpy()
    for row, number in ((0, 1), (0, 2), (1, 1), (1, 2), (1, 3)):
        is_in = IDS[row] == number
        assert_all_close(packed[row, is_in], layer(inputs[row, is_in][None])[0])
    assert_all_equal(packed[0, 5:], inputs[0, 5:])


def test_a_functional_model_has_segments():
    inputs = keras.Input((None, 12))
    ids = keras.Input((None,), dtype="int32")
    stack = layers.Encoder(1, *kinds_templates(), dropout=0.0)
    model = keras.Model([inputs, ids], stack(inputs, segment_ids=ids))
    x = random(2, 7, 12)
    assert_all_close(model([x, IDS]), stack(x, segment_ids=IDS))


def kinds_templates():
    return layers.MultiHeadAttention(12, 3), layers.FeedForward(12, 17)
