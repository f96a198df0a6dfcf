"""Each hypothesis must read its own past and no other.

B batch   W hypotheses of a row   T positions   N key-value heads
K head_dim   D model_dim
"""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from keras_transformer.layers import past
from tests.layers import hypotheses
from tests.layers.kinds import random as drawn

B, N, K, STEPS, ROOM, D = 3, 2, 5, 7, 11, 13
# A growing past, and a fixed one with more slots than steps.
ROOMS = (None, ROOM)


def tags(position, width):
    """Returns a different number for each slot and axis: (B, N, W, K)."""
    first = 10_000 * position + 100 * np.arange(B)[:, None] + np.arange(width)
    numbers = first[:, None, :, None] + 0.1 * np.arange(N)[:, None, None]
    return (numbers + 0.01 * np.arange(K)).astype("float32")


class Keeper:
    """A model whose cache holds tags, and which reads the allowed slots."""

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


class PastTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.product(
        max_length=ROOMS, widenings=({}, *hypotheses.WIDENINGS), seed=(0, 1)
    )
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
            # One slot of each position, in order.
            self.assertAllEqual(actual, history)
            lengths.append(actual.shape[2])
        self.assertEqual(lengths, list(range(1, STEPS + 1)))

    @parameterized.product(max_length=ROOMS, parents_dtype=("int32", "int64"))
    def test_selected_hypotheses_continue_their_parents(
        self, max_length, parents_dtype
    ):
        before = past.widen(past.start(B, max_length), 5)
        for position in range(2):
            before = before.advance(position)
        rows = np.array(before.ancestors)
        parents = np.random.default_rng(0).integers(0, 5, (B, 5))
        selected = past.select(before, parents.astype(parents_dtype))
        self.assertIsInstance(selected, type(before))
        self.assertEqual(selected.ancestors.dtype, "int32")
        for b, w in np.ndindex(B, 5):
            self.assertAllEqual(
                selected.ancestors[b, w], rows[b, parents[b, w]]
            )
        # `select` returns a new value and does not change the old one.
        self.assertAllEqual(before.ancestors, rows)

    def test_a_growing_cache_is_appended_to(self):
        before = past.widen(past.start(B), 3)
        cached = tf.zeros((B, N, 0, K))
        for position in range(2):
            before = before.advance(position)
            new = before.write(cached, tags(position, 3), position)
            self.assertAllEqual(new[:, :, : 3 * position], cached)
            self.assertAllEqual(new[:, :, 3 * position :], tags(position, 3))
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
            self.assertAllEqual(new, expected)

    def test_a_growing_past_of_one_hypothesis_forbids_nothing(self):
        before = past.start(B)
        for position in range(3):
            before = before.advance(position)
            self.assertIsNone(before.attention_bias(position))
        self.assertEqual(before.ancestors.shape, (B, 1, 3))

    def test_empty_slots_are_forbidden(self):
        before = past.start(B, ROOM).advance(0)
        bias = before.attention_bias(4)
        self.assertEqual(bias.shape, (B, 1, 1, ROOM))
        self.assertEqual(bias.dtype, "float32")
        self.assertAllEqual(bias[..., :5], np.zeros((B, 1, 1, 5)))
        self.assertAllLess(bias[..., 5:], -1e8)
        self.assertTrue(np.all(np.isfinite(bias)))

    @parameterized.parameters(None, ROOM)
    def test_shapes_at_all_steps(self, max_length):
        before = past.widen(past.start(B, max_length), 3)
        self.assertEqual(
            before.shape_at_all_steps((B, 3, max_length)), (B, 3, max_length)
        )
        cached = (B, N, None if max_length is None else 3 * max_length, K)
        self.assertEqual(before.shape_at_all_steps(cached), cached)
        # The shape of one step of a growing past.
        if max_length is None:
            self.assertEqual(before.shape_at_all_steps((B, N, 6, K)), cached)

    def test_widening_puts_copies_side_by_side(self):
        cached = tf.constant(tags(0, 2))
        wide = past.widen_cached(cached, 3)
        for slot in range(6):
            self.assertAllEqual(wide[:, :, slot], cached[:, :, slot // 3])

    @parameterized.parameters(None, ROOM)
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
            self.assertAllEqual(
                ancestors[..., :2], np.tile(expected, (rows, 1, 1))
            )
            length = 3 if max_length is None else max_length
            self.assertEqual(bias.shape, (rows, 1, 3, length * 3))

    @parameterized.parameters(0, -3)
    def test_a_maximum_length_below_one_is_refused(self, max_length):
        with self.assertRaisesRegex(
            ValueError, f"`max_length`.*at least 1. Received: {max_length}"
        ):
            past.start(B, max_length)

    @parameterized.parameters(0, -1, 2.0, None)
    def test_a_width_that_is_no_count_is_refused(self, width):
        with self.assertRaisesRegex(ValueError, f"`width`.*: {width}. Give"):
            past.widen(past.start(B), width)

    @parameterized.parameters(
        ((B,),), ((B * 5,),), ((B, 3),), ((B + 1, 5),), ((B, 5, 1),)
    )
    def test_parents_of_another_shape_are_refused(self, shape):
        before = past.widen(past.start(B), 5)
        with self.assertRaisesRegex(
            ValueError, r"shape \(B, W\). Received: .*Expected: \(3, 5\)"
        ):
            past.select(before, np.zeros(shape, int))

    @parameterized.parameters(0, 1, -1, 3)
    def test_a_position_that_is_not_the_next_is_refused(self, position):
        before = past.start(B)
        for t in range(2):
            before = before.advance(t)
        before.check(2)
        before.check(tf.constant(2, "int64"))
        with self.assertRaisesRegex(
            ValueError,
            "has 2 positions and grows by one. Received: "
            f"position={position}. Expected: position=2",
        ):
            before.check(position)

    @parameterized.parameters(-1, ROOM, ROOM + 6)
    def test_a_position_without_slots_is_refused(self, position):
        before = past.start(B, ROOM)
        for known in (0, ROOM - 1, np.int64(3)):
            before.check(known)
        with self.assertRaisesRegex(
            ValueError,
            "positions 0 to 10. Received: "
            f"position={position}. Start with a larger max_length, or without",
        ):
            before.check(position)

    def test_in_a_graph_a_position_has_no_value_to_check(self):
        @tf.function(input_signature=[tf.TensorSpec([], tf.int32)])
        def check(position):
            for max_length in ROOMS:
                past.start(B, max_length).check(position)
            return position

        self.assertEqual(check(99), 99)


class TakeStepTest(tf.test.TestCase, parameterized.TestCase):
    def test_the_step_of_a_growing_past(self):
        before = past.widen(past.start(B), 2)
        for position in range(3):
            now = past.take_step(before, drawn(B, 2, D), np.int64(position))
            before = now.past
        self.assertEqual(now.position, 2)
        self.assertEqual(now.position.dtype, "int32")
        self.assertEqual(now.shape(D), (B, 2, D))
        queries_at, keys_at = now.query_positions, now.key_positions
        self.assertAllEqual(queries_at, [2])
        self.assertAllEqual(keys_at, [0, 0, 1, 1, 2, 2])
        # At each position hypothesis 0 reads slot 0, and hypothesis 1 slot 1.
        allowed = now.attention_bias[:, 0] == 0
        self.assertAllEqual(
            allowed,
            np.tile([[1, 0, 1, 0, 1, 0], [0, 1, 0, 1, 0, 1]], (B, 1, 1)) > 0,
        )

    def test_the_step_of_a_fixed_past(self):
        now = past.take_step(past.start(B, 7), drawn(B, 1, D), 4)
        self.assertAllEqual(now.query_positions, [4])
        self.assertAllEqual(now.key_positions, np.arange(7))
        self.assertAllEqual(now.attention_bias[0, 0, 0] == 0, np.arange(7) <= 4)

    def test_new_keys_and_values_follow_the_cached_ones(self):
        now = past.take_step(past.start(B), drawn(B, 1, D), 0)
        first = drawn(B, N, 1, K), drawn(B, N, 1, K, seed=1)
        empty = [past.empty_slots(past.start(B), heads) for heads in first]
        self.assertAllEqual(now.write(empty, first), first)
        later = past.take_step(now.past, drawn(B, 1, D), 1)
        second = drawn(B, N, 1, K, seed=2), drawn(B, N, 1, K, seed=3)
        for actual, *expected in zip(
            later.write(first, second), first, second, strict=True
        ):
            self.assertAllEqual(actual, np.concatenate(expected, axis=2))

    @parameterized.parameters(None, ROOM)
    def test_empty_slots_are_zeros(self, max_length):
        heads = tf.cast(drawn(B, N, 7, K), "bfloat16")
        slots = past.empty_slots(past.start(B, max_length), heads)
        self.assertEqual(slots.dtype, "bfloat16")
        self.assertAllEqual(slots, np.zeros((B, N, max_length or 0, K)))

    def test_other_rows_or_hypotheses_are_refused(self):
        before = past.widen(past.start(3), 2)
        for shape in ((4, 2, D), (3, 1, D), (3, 5, D)):
            with self.assertRaisesRegex(
                ValueError,
                "state is of 3 rows, 2 hypotheses each. Received: inputs of "
                f"{shape[0]} rows, {shape[1]} each. Start with",
            ):
                past.take_step(before, drawn(*shape), 0)


if __name__ == "__main__":
    tf.test.main()
