"""Limits are each row's own, and the search is told what it may take."""

import functools

import numpy as np
import tensorflow as tf

from keras_transformer import search
from keras_transformer.text import special_ids
from keras_transformer.translation import lengths, model_search

SIZE = 293


class Endless(search.RowStates):
    """A model that never says the end: it repeats the first source token."""

    start_id = special_ids.BOS_ID

    def start(self, source_ids, max_length=None):
        return {"first": source_ids[:, 0]}

    def stepper(self, return_attention=False):
        def step(ids, position, state):
            return 20 * tf.one_hot(state["first"], SIZE), state

        return step


def make(function=search.greedy_search, limits=None, **settings):
    return model_search.ModelSearch(
        Endless(),
        functools.partial(function, **settings),
        limits or lengths.Lengths(),
        False,
        SIZE,
    )


class ModelSearchTest(tf.test.TestCase):
    def test_length_limit_is_each_rows_own(self):
        source_ids = tf.constant([[7, 2, 0, 0, 0], [11, 13, 17, 19, 2]])
        endless = make()
        result = endless.search(source_ids)
        self.assertAllEqual(result.lengths[:, 0], [2 + 50, 5 + 50])
        self.assertAllEqual(result.ids[0, 0, :52], 52 * [7])
        self.assertAllEqual(result.ids[0, 0, 52:], 3 * [0])
        limits = lengths.Lengths(ratio=3.0, extra=1)
        other = make(limits=limits)
        result = other.search(source_ids)
        self.assertAllEqual(result.lengths[:, 0], [7, 16])
        result = make().search_with(source_ids, max_length=11)
        self.assertAllEqual(result.lengths[:, 0], [11, 11])

    def test_xla_compiles_for_a_shape_and_not_for_each_batch(self):
        # Of the shape alone, which it could not if ids decided the result's.
        def compile_search(searches):
            @tf.function(
                input_signature=[tf.TensorSpec([2, 5], tf.int32)],
                jit_compile=True,
            )
            def find(ids):
                return searches.search_with(ids, max_length=11)

            return find

        source_ids = tf.constant([[7, 2, 0, 0, 0], [11, 13, 17, 19, 2]])
        for function in (search.greedy_search, search.beam_search):
            find = compile_search(make(function))
            lowered = find.experimental_get_compiler_ir(
                tf.TensorSpec([2, 5], tf.int32)
            )
            self.assertIn("s32[2,", lowered(stage="hlo"))
            self.assertEqual(find(source_ids).ids.shape[-1], 11)

    def test_shortest_length_is_the_larger_of_both(self):
        # A source whose first token is the end is answered at once.
        source_ids = tf.constant([[2, 0, 0], [2, 5, 2]])
        for limits, least, expected in (
            ({}, 0, [1, 1]),
            ({"minimum": 3}, 2, [3, 3]),
            ({"minimum": 2}, 3, [3, 3]),
            ({"minimum_ratio": 1.0}, 2, [2, 3]),
        ):
            chosen = make(
                limits=lengths.Lengths(**limits),
                constraints=search.Constraints(min_lengths=least),
            )
            found = chosen.search(source_ids)
            self.assertAllEqual(found.lengths[:, 0], expected)

    def test_padding_and_start_are_never_taken(self):
        # The start token and a banned one, which the model would say.
        chosen = make(constraints=search.Constraints(banned_ids=(5,)))
        found = chosen.search(tf.constant([[special_ids.BOS_ID], [5], [7]]))
        for row, token in enumerate((special_ids.BOS_ID, 5)):
            self.assertNotIn(token, found.ids[row, 0].numpy())
        self.assertAllEqual(found.ids[2, 0, :51], 51 * [7])
        # Where the start is the end, it may be taken.
        chosen.model.start_id = special_ids.EOS_ID
        try:
            found = chosen.search_with(tf.constant([[special_ids.EOS_ID]]))
            self.assertAllEqual(found.lengths, [[1]])
        finally:
            del chosen.model.start_id

    def test_prefix(self):
        source_ids = tf.constant([[7, 2], [11, 2]])
        prefix = tf.constant([[5, 6, 8], [9, 0, 0]])
        found = make().find(source_ids, prefix)
        self.assertAllEqual(found.ids[0, 0, :5], [5, 6, 8, 7, 7])
        self.assertAllEqual(found.ids[1, 0, :5], [9, 11, 11, 11, 11])
        short = make(limits=lengths.Lengths(maximum=2))
        with self.assertRaisesRegex(ValueError, "3 tokens where at most 2"):
            short.find(source_ids, prefix)
        found = short.find(source_ids, prefix[:, :2])
        self.assertAllEqual(found.ids[:, 0], [[5, 6], [9, 11]])

    def test_beams_that_are_none(self):
        with self.assertRaisesRegex(ValueError, "beam_size=307, 293 target"):
            make(search.beam_search, beam_size=307)
        with self.assertRaisesRegex(ValueError, "beam_size=3, 5 hypotheses"):
            make(search.beam_search, beam_size=3, top_beams=5)
        with self.assertRaisesRegex(ValueError, "beam_size=3, 0 hypotheses"):
            make(search.beam_search, beam_size=3, top_beams=0)

    def test_search_for_more_hypotheses(self):
        wide = make(search.beam_search, beam_size=3, alpha=0.0)
        self.assertEqual(wide.search_for(2).keywords["top_beams"], 2)
        self.assertEqual(wide.search_for(None).keywords["top_beams"], 3)
        self.assertEqual(wide.search_for(2).keywords["alpha"], 0.0)
        drawn = make(search.sampling_search, num_samples=5)
        self.assertEqual(drawn.search_for(None).keywords["num_samples"], 5)
        self.assertEqual(drawn.search_for(7).keywords["num_samples"], 7)
        with self.assertRaisesRegex(ValueError, "2 wanted of"):
            make().search_for(2)

    def test_seeds_are_of_the_ids(self):
        ids = np.random.default_rng(0).integers(3, SIZE, [997, 7])
        seeds = model_search._row_seeds(tf.constant(ids, tf.int32), 5).numpy()
        # Of 2^31 seeds, 997 rows have a pair in common once in 4,000.
        self.assertEqual(np.unique(seeds).size, 997)
        padded = tf.constant(np.pad(ids, [[0, 0], [0, 11]]), tf.int32)
        self.assertAllEqual(model_search._row_seeds(padded, 5), seeds)
        other = model_search._row_seeds(tf.constant(ids, tf.int32), 6).numpy()
        self.assertEmpty(np.flatnonzero(other == seeds))
        # Words in another order are another sentence.
        turned = tf.constant(ids[:, ::-1].copy(), tf.int32)
        same = model_search._row_seeds(turned, 5).numpy() == seeds
        self.assertLess(same.sum(), 3)
        self.assertTrue(((0 <= seeds) & (seeds < 2**31)).all())


if __name__ == "__main__":
    tf.test.main()
