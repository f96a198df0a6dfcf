"""Greedy search must take the best token, row by row, to the end or limit.

B batch   T target length   V vocabulary_size
"""

import functools

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from keras_transformer.search import greedy
from tests import reference_search

START, END, PAD = 0, 1, 0
B, V = 11, 5
LIMITS = [1 + row % 5 for row in range(B)]


class RandomLanguages:
    """A language for each row, in which the whole past matters.

    The state is the past as one number, so that a search which mixes up the
    states of its hypotheses reads from another place of the table.
    """

    def __init__(self, seed, scale=2.0):
        generator = np.random.default_rng(seed)
        self.table = generator.normal(
            size=(B, (V + 1) ** 5, V), scale=scale
        ).astype("float32")

    def state(self):
        return {
            "row": tf.range(B),
            "past": tf.zeros([B, 1], tf.int32),
        }

    def step(self, ids, position, state):
        past = state["past"] * (V + 1) + ids[:, None] + 1
        place = tf.concat([state["row"][:, None], past], axis=1)
        logits = tf.gather_nd(self.table, place)
        return logits, {"row": state["row"], "past": past}

    def logits_after(self, row, prefix):
        past = 0
        for token in (START, *prefix):
            past = past * (V + 1) + token + 1
        return self.table[row, past]


def search(languages, **kwargs):
    settings = {
        "batch_size": B,
        "max_lengths": LIMITS,
        "start_id": START,
        "end_id": END,
        "pad_id": PAD,
    }
    return greedy.greedy_search(
        languages.step, languages.state(), **{**settings, **kwargs}
    )


class GreedySearchTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(range(5))
    def test_takes_the_best_token_until_the_end_or_the_limit(self, seed):
        languages = RandomLanguages(seed)
        result = search(languages)
        self.assertEqual(result.ids.shape, (B, 1, result.ids.shape[2]))
        self.assertEqual(result.ids.dtype, tf.int32)
        self.assertEqual(result.lengths.dtype, tf.int32)
        self.assertEqual(result.scores.dtype, tf.float32)
        for row, limit in enumerate(LIMITS):
            logits_after = functools.partial(languages.logits_after, row)
            ids = ()
            while len(ids) < limit and END not in ids:
                ids += (int(np.argmax(logits_after(ids))),)
            length = result.lengths[row, 0]
            self.assertEqual(length, len(ids))
            self.assertAllEqual(result.ids[row, 0, :length], ids)
            self.assertAllEqual(
                result.ids[row, 0, length:],
                [PAD] * (result.ids.shape[2] - len(ids)),
            )
            self.assertAllClose(
                result.scores[row, 0],
                reference_search.log_probability(ids, logits_after),
                rtol=1e-5,
                atol=1e-6,
            )

    def test_the_seeds_cover_ends_and_limits(self):
        lengths = np.concatenate(
            [search(RandomLanguages(seed)).lengths[:, 0] for seed in range(5)]
        )
        limits = np.tile(LIMITS, 5)
        self.assertGreater(np.sum(lengths < limits), 9)
        self.assertGreater(np.sum(lengths == limits), 9)

    def test_chain_in_closed_form(self):
        # Rows are what follows a token; they need not sum to one.
        chain = tf.math.log(
            [
                [0.1, 0.2, 0.7, 0.4],
                [1.0, 1.0, 1.0, 1.0],
                [0.0, 0.25, 0.15, 0.6],
                [0.0, 0.8, 0.1, 0.1],
            ]
        )
        result = greedy.greedy_search(
            lambda ids, position, state: (tf.gather(chain, ids), state),
            (),
            batch_size=1,
            max_lengths=7,
            start_id=0,
            end_id=1,
            pad_id=9,
        )
        self.assertAllEqual(result.ids, [[[2, 3, 1]]])
        self.assertAllEqual(result.lengths, [[3]])
        self.assertAllClose(
            result.scores, [[np.log(0.7 / 1.4 * 0.6 * 0.8)]], rtol=1e-6
        )

    def test_what_stands_after_the_end_is_pad_id(self):
        languages = RandomLanguages(0)
        result = search(languages, pad_id=77)
        for row in range(B):
            length = int(result.lengths[row, 0])
            self.assertNotIn(77, result.ids[row, 0, :length])
            self.assertAllEqual(
                result.ids[row, 0, length:],
                [77] * (result.ids.shape[2] - length),
            )

    def test_stops_when_all_rows_have_ended(self):
        positions = []

        def step(ids, position, state):
            positions.append(int(position))
            return tf.one_hot(tf.fill([2], 1 if position == 2 else 3), 5), state

        result = greedy.greedy_search(
            step, (), batch_size=2, max_lengths=50, start_id=0, end_id=1,
            pad_id=0,
        )  # fmt: skip
        self.assertEqual(positions, [0, 1, 2])
        self.assertAllEqual(result.ids, [[[3, 3, 1]]] * 2)

    def test_a_row_does_not_depend_on_its_batch(self):
        languages = RandomLanguages(1)
        together = search(languages)
        for row, limit in enumerate(LIMITS):
            alone = greedy.greedy_search(
                languages.step,
                tf.nest.map_structure(
                    lambda x, row=row: x[row : row + 1], languages.state()
                ),
                batch_size=1,
                max_lengths=limit,
                start_id=START,
                end_id=END,
                pad_id=PAD,
            )
            length = int(alone.lengths[0, 0])
            self.assertEqual(together.lengths[row, 0], length)
            self.assertAllEqual(
                together.ids[row, 0, :length], alone.ids[0, 0, :length]
            )
            # Logarithms of fewer rows may round the last bit otherwise.
            self.assertAllClose(
                together.scores[row], alone.scores[0], rtol=1e-6, atol=0
            )

    def test_graph_of_unknown_batch(self):
        languages = RandomLanguages(2)

        @tf.function(
            input_signature=[
                tf.TensorSpec([None], tf.int32),
                tf.TensorSpec([None], tf.int32),
            ]
        )
        def graph(rows, limits):
            return greedy.greedy_search(
                languages.step,
                {"row": rows, "past": tf.zeros([tf.size(rows), 1], tf.int32)},
                batch_size=tf.size(rows),
                max_lengths=limits,
                start_id=START,
                end_id=END,
                pad_id=PAD,
            )

        expected = search(languages)
        result = graph(np.arange(B), LIMITS)
        self.assertAllEqual(result.ids, expected.ids)
        self.assertAllEqual(result.lengths, expected.lengths)
        self.assertAllClose(result.scores, expected.scores, atol=1e-6)
        empty = graph(np.zeros(0, int), np.zeros(0, int))
        self.assertEqual(empty.ids.shape, (0, 1, 0))
        self.assertEqual(empty.lengths.shape, (0, 1))
        self.assertEqual(empty.scores.shape, (0, 1))

    def test_no_rows_and_no_room(self):
        languages = RandomLanguages(0)
        result = search(languages, max_lengths=0)
        self.assertEqual(result.ids.shape, (B, 1, 0))
        self.assertAllEqual(result.lengths, np.zeros((B, 1)))
        self.assertAllEqual(result.scores, np.zeros((B, 1)))
        empty = greedy.greedy_search(
            languages.step, {"row": tf.zeros(0, tf.int32),
            "past": tf.zeros((0, 1), tf.int32)}, batch_size=0, max_lengths=5,
            start_id=START, end_id=END, pad_id=PAD,
        )  # fmt: skip
        self.assertEqual(empty.ids.shape, (0, 1, 0))
        self.assertEqual(empty.scores.shape, (0, 1))

    def test_a_row_without_room_stays_empty_beside_others(self):
        limits = [0 if row % 2 else 5 for row in range(B)]
        result = search(RandomLanguages(3), max_lengths=limits)
        self.assertAllEqual(result.lengths[1::2], np.zeros((B // 2, 1)))
        self.assertAllEqual(result.scores[1::2], np.zeros((B // 2, 1)))
        self.assertAllEqual(
            result.ids[1::2], np.full(result.ids[1::2].shape, PAD)
        )
        self.assertGreater(tf.reduce_min(result.lengths[::2]), 0)


if __name__ == "__main__":
    tf.test.main()
