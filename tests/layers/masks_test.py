"""Masks must equal masks that are written by hand."""

import numpy as np
import pytest
import tensorflow as tf

from keras_transformer.layers import masks
from tests.assertions import assert_all_equal


def drawn(*rows):
    """Makes a boolean matrix from rows such as "110"."""
    return np.array([[mark == "1" for mark in row] for row in rows])


class TestMasks:
    def test_padding_mask_marks_real_tokens(self):
        ids = [[7, 8, 2, 0, 0], [9, 0, 2, 3, 0], [4, 5, 6, 1, 2]]
        mask = masks.padding_mask(ids, pad_id=0)
        assert mask.dtype == tf.bool
        assert_all_equal(mask, drawn("11100", "10110", "11111"))

    def test_padding_mask_knows_any_pad_id(self):
        mask = masks.padding_mask([[0, 3, 1], [3, 3, 0]], pad_id=3)
        assert_all_equal(mask, drawn("101", "001"))

    def test_causal_mask_is_the_lower_triangle(self):
        mask = masks.causal_mask(5)
        assert mask.dtype == tf.bool
        assert_all_equal(
            mask, drawn("10000", "11000", "11100", "11110", "11111")[None]
        )

    def test_causal_mask_of_a_length_known_only_at_run_time(self):
        graph = tf.function(
            masks.causal_mask, input_signature=[tf.TensorSpec([], tf.int32)]
        )
        for length in (0, 1, 3):
            assert_all_equal(graph(length), np.tri(length)[None] > 0)

    def test_combined_mask_of_a_decoder(self):
        mask = masks.combine_masks(
            masks.causal_mask(3), masks.padding_mask([[5, 6, 0], [0, 7, 8]], 0)
        )
        assert mask.shape == (2, 1, 3, 3)
        assert_all_equal(mask[0, 0], drawn("100", "110", "110"))
        assert_all_equal(mask[1, 0], drawn("000", "010", "011"))

    def test_combination_is_the_conjunction_of_all(self):
        generator = np.random.default_rng(3)
        padding = generator.random((2, 7)) < 0.8
        attention = generator.random((2, 5, 7)) < 0.8
        per_head = generator.random((2, 3, 5, 7)) < 0.8
        combined = masks.combine_masks(padding, None, attention, per_head)
        expected = np.zeros((2, 3, 5, 7), bool)
        for b, h, t, s in np.ndindex(expected.shape):
            expected[b, h, t, s] = (
                padding[b, s] and attention[b, t, s] and per_head[b, h, t, s]
            )
        assert_all_equal(combined, expected)

    def test_no_mask_stays_no_mask(self):
        assert masks.combine_masks() is None
        assert masks.combine_masks(None, None) is None

    def test_started_mask_takes_the_last_padding_before_for_the_start(self):
        ids = [
            [0, 7, 8, 0, 0],
            [0, 0, 7, 8, 0],
            [0, 0, 0, 0, 9],
            [0, 7, 0, 8, 0],
            [0, 0, 0, 0, 0],
            # Without padding before its tokens, a row has no start.
            [7, 8, 0, 0, 0],
        ]
        mask = masks.started_mask(ids, pad_id=0)
        assert mask.dtype == tf.bool
        assert_all_equal(
            mask, drawn("11100", "01110", "00011", "11010", "10000", "11000")
        )

    def test_started_mask_knows_any_pad_id(self):
        mask = masks.started_mask([[3, 3, 0, 1], [3, 0, 1, 3]], pad_id=3)
        assert_all_equal(mask, drawn("0111", "1110"))

    def test_started_mask_of_a_length_known_only_at_run_time(self):
        graph = tf.function(
            lambda ids: masks.started_mask(ids, 0),
            input_signature=[tf.TensorSpec([None, None], tf.int32)],
        )
        for ids in ([[0, 7, 0]], [[0, 0, 7, 8], [0, 9, 0, 0]]):
            assert_all_equal(graph(ids), masks.started_mask(ids, 0))

    def test_attended_keys_are_those_of_any_query(self):
        padding = drawn("110", "011")
        assert_all_equal(masks.attended_keys(padding), padding)
        assert_all_equal(
            masks.attended_keys(np.tile(padding[:, None], (1, 5, 1))), padding
        )
        # It is enough that one query of one head may attend to a key.
        heads = np.zeros((2, 3, 5, 7), bool)
        heads[0, 2, 4, 6] = heads[1, 0, 0, 1] = True
        assert_all_equal(
            masks.attended_keys(heads), drawn("0000001", "0100000")
        )
        assert masks.attended_keys(None) is None

    @pytest.mark.parametrize(
        "shape",
        [
            # B, H, T, S = 2, 3, 5, 7.
            (2, 7),
            (1, 7),
            (2, 5, 7),
            (2, 1, 7),
            (1, 5, 7),
            (2, 3, 5, 7),
            (2, 1, 5, 7),
            (1, 1, 1, 7),
        ],
    )
    def test_masks_that_fit(self, shape):
        masks.check_fits(np.ones(shape, bool), 2, 3, 5, 7)
        masks.check_fits(np.ones(shape, bool), None, None, None, None)
        masks.check_fits(np.ones(shape, bool), None, 3, None, 7)
        masks.check_fits(np.ones((2, 1), bool), 2, 3, 5, 1)
        masks.check_fits(None, 2, 3, 5, 7)

    @pytest.mark.parametrize(
        "shape",
        [
            (2, 8),
            (3, 7),
            (2, 7, 5),
            (2, 4, 7),
            (2, 2, 5, 7),
            (2, 3, 7, 5),
            (3, 3, 5, 7),
            # A mask must have an entry for each key.
            (2, 1),
            (2, 5, 1),
        ],
    )
    def test_masks_that_do_not_fit_are_refused(self, shape):
        with pytest.raises(
            ValueError,
            match=r"must have shape \(B, S\), \(B, T, S\) or \(B, H, T, S\), "
            r"here "
            r"with B=2, H=3 or 1, T=5, S=7.*Received: shape=\("
            f"{', '.join(map(str, shape))}",
        ):
            masks.check_fits(np.ones(shape, bool), 2, 3, 5, 7)

    @pytest.mark.parametrize("dtype", ["float32", "int32", "uint8"])
    def test_a_mask_of_numbers_is_refused(self, dtype):
        with pytest.raises(ValueError, match=f"must be boolean.*{dtype}"):
            masks.combine_masks(tf.ones((2, 3), dtype))
        with pytest.raises(ValueError, match=f"must be boolean.*{dtype}"):
            masks.check_fits(tf.ones((2, 3), dtype), 2, None, None, 3)

    @pytest.mark.parametrize("shape", [(3,), (2, 3, 5, 7, 11)])
    def test_a_mask_of_another_rank_is_refused(self, shape):
        with pytest.raises(
            ValueError, match=rf"must have shape.*\({shape[0]}, ?"
        ):
            masks.combine_masks(tf.ones(shape, tf.bool))
