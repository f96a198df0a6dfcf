"""Each hypothesis must read its own past and no other.

B batch   W hypotheses of a row   T positions   N key-value heads
K head_dim   D model_dim
"""

import numpy as np
import pytest
import tensorflow as tf

from keras_transformer.layers import past
from tests.assertions import assert_all_equal
from tests.layers import hypotheses
from tests.layers.kinds import random as drawn

B, N, K, STEPS, ROOM, D = 3, 2, 5, 7, 11, 13
# A growing past, and a fixed one with more slots than steps.
ROOMS = (None, ROOM)


def tags(position, width):
    """Returns an array (B, N, W, K) in which all numbers differ."""
    first = 10_000 * position + 100 * np.arange(B)[:, None] + np.arange(width)
    numbers = first[:, None, :, None] + 0.1 * np.arange(N)[:, None, None]
    return (numbers + 0.01 * np.arange(K)).astype("float32")


class Keeper:
    """A stand-in for a model: it caches tags and reads the allowed slots."""

    def start(self, max_length):
        before = past.start(B, max_length)
        return before, tf.zeros((B, N, max_length or 0, K))

    def step(self, now, position, state):
        before, cached = state
        before.check(position)
        before = before.advance(position)
        cached = before.write(cached, np.swapaxes(now, 1, 2), position)
        return self.read(before, cached, position), (before, cached)

    def read(self, before, cached, position):
        """Returns the tags that each hypothesis reads, (B, W, T, N, K)."""
        width = before.ancestors.shape[1]
        bias = before.attention_bias(position)
        if bias is None:
            bias = np.zeros((B, 1, width, cached.shape[2]))
        bias = np.array(bias)
        # A slot is either allowed or forbidden.
        assert np.all((bias == 0) | (bias <= -1e8)), bias
        return np.stack(
            [
                [cached.numpy()[b, :, bias[b, 0, w] == 0] for w in range(width)]
                for b in range(B)
            ]
        )

    def widen(self, state, width):
        before, cached = state
        return past.widen(before, width), past.widen_cached(cached, width)

    def select(self, state, parents):
        before, cached = state
        return past.select(before, parents), cached


class TestPast:
    @pytest.mark.parametrize("max_length", ROOMS)
    @pytest.mark.parametrize("widenings", ({}, *hypotheses.WIDENINGS))
    @pytest.mark.parametrize("seed", (0, 1))
    def test_a_hypothesis_reads_its_own_history(
        self, max_length, widenings, seed
    ):
        keeper, lengths = Keeper(), []
        for actual, history in hypotheses.follow(
            keeper,
            keeper.start(max_length),
            keeper.step,
            lambda position, width: np.swapaxes(tags(position, width), 1, 2),
            STEPS,
            widenings,
            seed,
        ):
            # A hypothesis reads one slot of each position, in order.
            assert_all_equal(actual, history)
            lengths.append(actual.shape[2])
        assert lengths == list(range(1, STEPS + 1))

    @pytest.mark.parametrize("max_length", ROOMS)
    @pytest.mark.parametrize("parents_dtype", ("int32", "int64"))
    def test_selected_hypotheses_continue_their_parents(
        self, max_length, parents_dtype
    ):
        before = past.widen(past.start(B, max_length), 5)
        for position in range(2):
            before = before.advance(position)
        rows = np.array(before.ancestors)
        parents = np.random.default_rng(0).integers(0, 5, (B, 5))
        selected = past.select(before, parents.astype(parents_dtype))
        assert isinstance(selected, type(before))
        assert selected.ancestors.dtype == "int32"
        for b, w in np.ndindex(B, 5):
            assert_all_equal(selected.ancestors[b, w], rows[b, parents[b, w]])
        # `select` returns a new value and does not change the old one.
        assert_all_equal(before.ancestors, rows)

    def test_a_growing_cache_is_appended_to(self):
        before = past.widen(past.start(B), 3)
        cached = tf.zeros((B, N, 0, K))
        for position in range(2):
            before = before.advance(position)
            new = before.write(cached, tags(position, 3), position)
            assert_all_equal(new[:, :, : 3 * position], cached)
            assert_all_equal(new[:, :, 3 * position :], tags(position, 3))
            cached = new

    def test_a_fixed_cache_changes_only_at_the_position(self):
        before = past.widen(past.start(B, ROOM), 3)
        cached = np.random.default_rng(0).normal(size=(B, N, ROOM * 3, K))
        cached = cached.astype("float32")
        for position in (0, 4, ROOM - 1):
            before = before.advance(position)
            new = before.write(cached, tags(position, 3), position)
            expected = cached.copy()
            expected[:, :, 3 * position : 3 * position + 3] = tags(position, 3)
            assert_all_equal(new, expected)

    def test_a_growing_past_of_one_hypothesis_forbids_nothing(self):
        before = past.start(B)
        for position in range(3):
            before = before.advance(position)
            assert before.attention_bias(position) is None
        assert before.ancestors.shape == (B, 1, 3)

    def test_empty_slots_are_forbidden(self):
        before = past.start(B, ROOM).advance(0)
        bias = before.attention_bias(4)
        assert bias.shape == (B, 1, 1, ROOM)
        assert bias.dtype == "float32"
        assert_all_equal(bias[..., :5], np.zeros((B, 1, 1, 5)))
        assert np.max(bias[..., 5:]) < -1e8
        assert np.all(np.isfinite(bias))

    @pytest.mark.parametrize("max_length", [None, ROOM])
    def test_shapes_at_all_steps(self, max_length):
        before = past.widen(past.start(B, max_length), 3)
        assert before.shape_at_all_steps((B, 3, max_length)) == (
            B,
            3,
            max_length,
        )
        cached = (B, N, None if max_length is None else 3 * max_length, K)
        assert before.shape_at_all_steps(cached) == cached
        # For a growing past the shape of one step may be given.
        if max_length is None:
            assert before.shape_at_all_steps((B, N, 6, K)) == cached

    def test_widening_puts_copies_side_by_side(self):
        cached = tf.constant(tags(0, 2))
        wide = past.widen_cached(cached, 3)
        for slot in range(6):
            assert_all_equal(wide[:, :, slot], cached[:, :, slot // 3])

    @pytest.mark.parametrize("max_length", [None, ROOM])
    def test_an_unknown_number_of_rows(self, max_length):
        @tf.function(input_signature=[tf.TensorSpec([], tf.int32)])
        def steps(rows):
            before = past.widen(past.start(rows, max_length), 3)
            for position in range(2):
                before = before.advance(position)
                before = past.select(before, tf.tile([[2, 2, 0]], (rows, 1)))
            return before.ancestors, before.advance(2).attention_bias(2)

        for rows in (0, 1, 5):
            ancestors, bias = steps(rows)
            expected = [[0, 2], [0, 2], [2, 0]]
            assert_all_equal(
                ancestors[..., :2], np.tile(expected, (rows, 1, 1))
            )
            length = 3 if max_length is None else max_length
            assert bias.shape == (rows, 1, 3, length * 3)

    @pytest.mark.parametrize("max_length", [0, -3])
    def test_a_maximum_length_below_one_is_refused(self, max_length):
        with pytest.raises(
            ValueError,
            match=f"`max_length`.*at least 1. Received: {max_length}",
        ):
            past.start(B, max_length)

    @pytest.mark.parametrize("width", [0, -1, 2.0, None])
    def test_a_width_that_is_no_count_is_refused(self, width):
        with pytest.raises(ValueError, match=f"`width`.*: {width}. Give"):
            past.widen(past.start(B), width)

    @pytest.mark.parametrize(
        "shape", [(B,), (B * 5,), (B, 3), (B + 1, 5), (B, 5, 1)]
    )
    def test_parents_of_another_shape_are_refused(self, shape):
        before = past.widen(past.start(B), 5)
        with pytest.raises(
            ValueError, match=r"shape \(B, W\). Received: .*Expected: \(3, 5\)"
        ):
            past.select(before, np.zeros(shape, int))

    @pytest.mark.parametrize("position", [0, 1, -1, 3])
    def test_a_position_that_is_not_the_next_is_refused(self, position):
        before = past.start(B)
        for t in range(2):
            before = before.advance(t)
        before.check(2)
        before.check(tf.constant(2, "int64"))
        with pytest.raises(
            ValueError,
            match="has 2 positions and grows by one. Received: "
            f"position={position}. Expected: position=2",
        ):
            before.check(position)

    @pytest.mark.parametrize("position", [-1, ROOM, ROOM + 6])
    def test_a_position_without_slots_is_refused(self, position):
        before = past.start(B, ROOM)
        for known in (0, ROOM - 1, np.int64(3)):
            before.check(known)
        with pytest.raises(
            ValueError,
            match="positions 0 to 10. Received: "
            f"position={position}. Start with a larger max_length, or without",
        ):
            before.check(position)

    def test_in_a_graph_a_position_has_no_value_to_check(self):
        @tf.function(input_signature=[tf.TensorSpec([], tf.int32)])
        def check(position):
            for max_length in ROOMS:
                past.start(B, max_length).check(position)
            return position

        assert check(99) == 99


class TestTakeStep:
    def test_the_step_of_a_growing_past(self):
        before = past.widen(past.start(B), 2)
        for position in range(3):
            now = past.take_step(before, drawn(B, 2, D), np.int64(position))
            before = now.past
        assert now.position == 2
        assert now.position.dtype == "int32"
        assert now.shape(D) == (B, 2, D)
        queries_at, keys_at = now.query_positions, now.key_positions
        assert_all_equal(queries_at, [2])
        assert_all_equal(keys_at, [0, 0, 1, 1, 2, 2])
        # At each position hypothesis 0 reads slot 0, and hypothesis 1 slot 1.
        allowed = now.attention_bias[:, 0] == 0
        assert_all_equal(
            allowed,
            np.tile([[1, 0, 1, 0, 1, 0], [0, 1, 0, 1, 0, 1]], (B, 1, 1)) > 0,
        )

    def test_the_step_of_a_fixed_past(self):
        now = past.take_step(past.start(B, 7), drawn(B, 1, D), 4)
        assert_all_equal(now.query_positions, [4])
        assert_all_equal(now.key_positions, np.arange(7))
        assert_all_equal(now.attention_bias[0, 0, 0] == 0, np.arange(7) <= 4)

    def test_new_keys_and_values_follow_the_cached_ones(self):
        now = past.take_step(past.start(B), drawn(B, 1, D), 0)
        first = drawn(B, N, 1, K), drawn(B, N, 1, K, seed=1)
        empty = [past.empty_slots(past.start(B), heads) for heads in first]
        assert_all_equal(now.write(empty, first), first)
        later = past.take_step(now.past, drawn(B, 1, D), 1)
        second = drawn(B, N, 1, K, seed=2), drawn(B, N, 1, K, seed=3)
        for actual, *expected in zip(
            later.write(first, second), first, second, strict=True
        ):
            assert_all_equal(actual, np.concatenate(expected, axis=2))

    @pytest.mark.parametrize("max_length", [None, ROOM])
    def test_empty_slots_are_zeros(self, max_length):
        heads = tf.cast(drawn(B, N, 7, K), "bfloat16")
        slots = past.empty_slots(past.start(B, max_length), heads)
        assert slots.dtype == "bfloat16"
        assert_all_equal(slots, np.zeros((B, N, max_length or 0, K)))

    def test_other_rows_or_hypotheses_are_refused(self):
        before = past.widen(past.start(3), 2)
        for shape in ((4, 2, D), (3, 1, D), (3, 5, D)):
            with pytest.raises(
                ValueError,
                match="state has 3 rows of 2 hypotheses. Received: inputs of "
                f"{shape[0]} rows of {shape[1]}. Start with",
            ):
                past.take_step(before, drawn(*shape), 0)
