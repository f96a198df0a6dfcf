"""Beam search must find what an exhaustive search finds.

B batch   W beam size   T target length   V vocabulary_size
"""

import functools

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from keras_transformer.search import beam, greedy, penalties
from tests import reference_search

START, END, PAD = 0, 1, 0
# Below every score of a hypothesis there is.
NO_ONE = -1e6


class RandomLanguages:
    """A language for each row, in which the whole past matters.

    The state is the past as one number, so that a search which mixes up the
    states of its hypotheses reads from another place of the table.
    """

    def __init__(
        self, seed, num_rows=11, vocabulary_size=5, longest=5, scale=2.0
    ):
        generator = np.random.default_rng(seed)
        self.num_rows = num_rows
        self.vocabulary_size = vocabulary_size
        self.base = vocabulary_size + 1
        self.longest = longest
        self.table = generator.normal(
            size=(num_rows, self.base**longest, vocabulary_size), scale=scale
        ).astype("float32")
        # Limits from 1 to the longest, all of them.
        self.limits = [1 + row % longest for row in range(num_rows)]

    def state(self, rows=None):
        rows = tf.range(self.num_rows) if rows is None else rows
        past = tf.zeros([tf.size(rows), 1], tf.int32)
        return {"row": rows, "pasts": (past, (past,))}

    def step(self, ids, position, state):
        past, (same,) = state["pasts"]
        tf.debugging.assert_equal(past, same)
        past = past * self.base + ids[:, None] + 1
        place = tf.concat([state["row"][:, None], past], axis=1)
        state = {"row": state["row"], "pasts": (past, (past,))}
        return tf.gather_nd(self.table, place), state

    def logits_after(self, row, prefix):
        past = 0
        for token in (START, *prefix):
            past = past * self.base + token + 1
        return self.table[row, past]

    def search(self, **kwargs):
        settings = {
            "batch_size": self.num_rows,
            "max_lengths": self.limits,
            "start_id": START,
            "end_id": END,
            "pad_id": PAD,
        }
        return beam.beam_search(
            self.step, self.state(), **{**settings, **kwargs}
        )


def chain_step(probabilities):
    """A step function of a Markov chain, row `id` to the next token."""
    with np.errstate(divide="ignore"):
        chain = tf.constant(np.log(probabilities), tf.float32)
    return lambda ids, position, state: (tf.gather(chain, ids), state)


def search_chain(probabilities, **kwargs):
    settings = {
        "batch_size": 1,
        "max_lengths": 5,
        "start_id": START,
        "end_id": END,
        "pad_id": PAD,
    }
    return beam.beam_search(
        chain_step(probabilities), (), **{**settings, **kwargs}
    )


class LengthPenaltyTest(tf.test.TestCase):
    def test_values_of_alpha_of_the_paper(self):
        self.assertAllClose(
            penalties.length_penalty(tf.constant([1, 5, 10, 20, 50, 100]), 0.6),
            [1, 1.3587, 1.7329, 2.3544, 3.7786, 5.5696],
            rtol=0,
            atol=5e-5,
        )

    def test_alpha_zero_is_no_penalty_and_one_is_linear(self):
        lengths = tf.range(1, 20)
        self.assertAllEqual(penalties.length_penalty(lengths, 0.0), np.ones(19))
        self.assertAllClose(
            penalties.length_penalty(lengths, 1.0), np.arange(6, 25) / 6
        )

    def test_average_is_a_power_of_the_length(self):
        lengths = tf.range(1, 20)
        for alpha in (0.0, 0.6, 1.0):
            self.assertAllClose(
                penalties.length_penalty(lengths, alpha, "average"),
                np.arange(1, 20) ** alpha,
            )


class BeamSearchTest(tf.test.TestCase, parameterized.TestCase):
    def check_row(self, result, row, expected):
        """Compares ids, lengths, scores and order of one row."""
        for rank, (ids, score) in enumerate(expected):
            length = int(result.lengths[row, rank])
            self.assertEqual(length, len(ids), (row, rank))
            self.assertAllEqual(result.ids[row, rank, :length], ids)
            self.assertAllEqual(
                result.ids[row, rank, length:],
                [PAD] * (result.ids.shape[2] - length),
            )
            self.assertAllClose(
                result.scores[row, rank], score, rtol=1e-5, atol=1e-6
            )

    @parameterized.product(
        ({"vocabulary_size": 3, "longest": 5, "num_rows": 23},
         {"vocabulary_size": 4, "longest": 4, "num_rows": 13},
         {"vocabulary_size": 5, "longest": 4, "num_rows": 5}),
        alpha=(0.0, 0.6),
    )  # fmt: skip
    def test_a_beam_as_wide_as_the_space_is_exhaustive(
        self, vocabulary_size, longest, num_rows, alpha
    ):
        languages = RandomLanguages(7, num_rows, vocabulary_size, longest)
        # Of the last length there are as many prefixes.
        beam_size = (vocabulary_size - 1) ** longest
        result = languages.search(
            beam_size=beam_size, top_beams=beam_size, alpha=alpha
        )
        for row, limit in enumerate(languages.limits):
            expected = reference_search.exhaustive_search(
                functools.partial(languages.logits_after, row),
                vocabulary_size=vocabulary_size,
                limit=limit,
                end_id=END,
                alpha=alpha,
            )
            self.check_row(result, row, expected[:beam_size])
            # A short row has fewer hypotheses than the beam is wide.
            rest = result.scores[row, len(expected) :]
            self.assertAllLess(np.append(rest, -np.inf), NO_ONE)

    @parameterized.parameters(0.6, 1.0)
    def test_the_average_penalty_too_is_exhaustive(self, alpha):
        languages = RandomLanguages(5, 11, 3, 5)
        result = languages.search(
            beam_size=32, top_beams=32, alpha=alpha, penalty="average"
        )
        for row, limit in enumerate(languages.limits):
            log_probabilities = reference_search.exhaustive_search(
                functools.partial(languages.logits_after, row),
                vocabulary_size=3,
                limit=limit,
                end_id=END,
                alpha=0.0,
            )
            expected = [
                (ids, log_probability / len(ids) ** alpha)
                for ids, log_probability in log_probabilities
            ]
            expected.sort(key=lambda pair: (END not in pair[0], -pair[1]))
            self.check_row(result, row, expected[:32])

    @parameterized.product(
        seed=(0, 1, 2, 3), beam_size=(1, 2, 3, 5), alpha=(0.0, 0.6)
    )
    def test_a_narrow_beam_keeps_the_best_of_each_length(
        self, seed, beam_size, alpha
    ):
        languages = RandomLanguages(seed)
        result = languages.search(
            beam_size=beam_size, top_beams=beam_size, alpha=alpha
        )
        for row, limit in enumerate(languages.limits):
            self.check_row(
                result,
                row,
                reference_search.beam_search(
                    functools.partial(languages.logits_after, row),
                    limit=limit,
                    end_id=END,
                    alpha=alpha,
                    beam_size=beam_size,
                ),
            )

    @parameterized.parameters(0.0, 0.6, 2.0)
    def test_fewer_top_beams_are_the_first_of_more(self, alpha):
        # A row stops earlier for them, and must not stop too early.
        languages = RandomLanguages(5, num_rows=41)
        full = languages.search(beam_size=5, top_beams=5, alpha=alpha)
        for top_beams in (1, 2, 3):
            result = languages.search(
                beam_size=5, top_beams=top_beams, alpha=alpha
            )
            used = result.ids.shape[2]
            self.assertEqual(result.ids.shape, (41, top_beams, used))
            self.assertAllEqual(result.ids, full.ids[:, :top_beams, :used])
            self.assertAllEqual(result.lengths, full.lengths[:, :top_beams])
            self.assertAllEqual(result.scores, full.scores[:, :top_beams])

    def test_the_languages_cover_ends_and_limits(self):
        languages = RandomLanguages(5, num_rows=41)
        result = languages.search(beam_size=3, top_beams=3)
        ends = np.any(result.ids == END, axis=-1)
        self.assertGreater(np.sum(ends), 30)
        self.assertGreater(np.sum(~ends), 10)
        # Some rows have both, which the order of the two is tested by.
        self.assertGreater(np.sum(ends.any(1) & ~ends.all(1)), 5)

    def test_beam_one_is_greedy_where_the_best_token_is_nearly_certain(self):
        languages = RandomLanguages(0, num_rows=41, scale=20.0)
        result = languages.search(beam_size=1, alpha=0.0)
        expected = greedy.greedy_search(
            languages.step,
            languages.state(),
            batch_size=41,
            max_lengths=languages.limits,
            start_id=START,
            end_id=END,
            pad_id=PAD,
        )
        # Finished hypotheses come first, so compare rows that end in both.
        ends = np.any(expected.ids == END, axis=(1, 2))
        self.assertGreater(np.sum(ends), 9)
        nearly_certain = ends & (expected.scores.numpy()[:, 0] > -np.log(2))
        self.assertGreater(np.sum(nearly_certain), 9)
        used = min(result.ids.shape[2], expected.ids.shape[2])
        for found, answer in (
            (result.ids[:, :, :used], expected.ids[:, :, :used]),
            (result.lengths, expected.lengths),
        ):
            self.assertAllEqual(
                found.numpy()[nearly_certain], answer.numpy()[nearly_certain]
            )
        self.assertAllClose(
            result.scores.numpy()[nearly_certain],
            expected.scores.numpy()[nearly_certain],
            atol=1e-6,
        )

    def test_beam_one_keeps_an_end_that_greedy_passes_by(self):
        # Ending at once has probability 0.4, the greedy way 0.6 * 0.5.
        chain = [[0, 0.4, 0.6], [1, 1, 1], [0.25, 0.5, 0.25]]
        result = search_chain(chain, beam_size=1, alpha=0.0)
        self.assertAllEqual(result.ids[0, 0, :1], [END])
        self.assertAllClose(result.scores, [[np.log(0.4)]], rtol=1e-6)

    def test_a_finished_hypothesis_is_frozen_while_a_longer_overtakes_it(self):
        # 0 ends at once (0.5) or goes 2, 3, 4 and ends (0.48 * 0.99^3). The
        # end itself would lead on to 2 with certainty.
        chain = [
            [0, 0.50, 0.48, 0.01, 0.01],
            [0, 0, 1, 0, 0],
            [0, 0.01, 0, 0.99, 0],
            [0, 0.01, 0, 0, 0.99],
            [0, 0.99, 0.01, 0, 0],
        ]
        settings = {"beam_size": 2, "top_beams": 2, "max_lengths": 7}
        short = np.log(0.5)
        long = np.log(0.48 * 0.99**3)
        result = search_chain(chain, alpha=0.6, **settings)
        self.assertAllEqual(
            result.ids[0, :, :4], [[2, 3, 4, 1], [1, PAD, PAD, PAD]]
        )
        self.assertAllEqual(result.lengths, [[4, 1]])
        self.assertAllClose(
            result.scores, [[long / (9 / 6) ** 0.6, short]], rtol=1e-5
        )
        # Without a penalty the short one stays ahead.
        result = search_chain(chain, alpha=0.0, **settings)
        self.assertAllEqual(result.lengths, [[1, 4]])
        self.assertAllClose(result.scores, [[short, long]], rtol=1e-5)

    @parameterized.parameters(0.0, 0.6)
    def test_if_nothing_ends_prefixes_are_ranked_by_the_same_score(self, alpha):
        # 2 and 3 in any order, independent: the best are those with most 2s.
        chain = np.array([[0, 0, 0.75, 0.25]] * 4)
        result = search_chain(
            chain,
            batch_size=3,
            max_lengths=[1, 2, 3],
            beam_size=2,
            top_beams=2,
            alpha=alpha,
        )
        self.assertAllEqual(result.lengths, [[1, 1], [2, 2], [3, 3]])
        for row, limit in enumerate((1, 2, 3)):
            self.assertAllEqual(result.ids[row, 0, :limit], [2] * limit)
            self.assertEqual(np.sum(result.ids[row, 1, :limit] == 3), 1)
            log_probs = np.log([0.75**limit, 0.75 ** (limit - 1) * 0.25])
            self.assertAllClose(
                result.scores[row],
                log_probs / ((5 + limit) / 6) ** alpha,
                rtol=1e-5,
            )

    def test_all_finished_come_before_all_unfinished(self):
        # The end is improbable, and still better than to be cut.
        chain = [[0, 0.001, 0.999], [1, 1, 1], [0, 0.001, 0.999]]
        result = search_chain(
            chain, max_lengths=3, beam_size=2, top_beams=2, alpha=0.0
        )
        self.assertAllEqual(result.ids[0, 0], [1, PAD, PAD])
        self.assertAllEqual(result.ids[0, 1], [2, 1, PAD])
        result = search_chain(
            chain, max_lengths=1, beam_size=2, top_beams=2, alpha=0.0
        )
        self.assertAllEqual(result.ids, [[[1], [2]]])
        self.assertAllClose(result.scores, [np.log([0.001, 0.999])], rtol=1e-5)

    @parameterized.product(forbidden=(-np.inf, -1e9, -6e8), alpha=(0.0, 0.6))
    def test_what_is_forbidden_is_never_found(self, forbidden, alpha):
        # One way leads on, to 2 for ever; all else is forbidden, so of the
        # four hypotheses there is but one, and it does not end.
        logits = np.full((1, 7), forbidden, "float32")
        logits[0, 2] = 0.0
        result = beam.beam_search(
            lambda ids, position, state: (
                tf.repeat(tf.constant(logits), tf.size(ids), 0), state
            ),
            (),
            batch_size=2,
            max_lengths=[3, 5],
            start_id=START,
            end_id=END,
            pad_id=PAD,
            beam_size=4,
            top_beams=4,
            alpha=alpha,
        )  # fmt: skip
        self.assertAllEqual(result.lengths[:, 0], [3, 5])
        self.assertAllEqual(
            result.ids[:, 0], [[2, 2, 2, PAD, PAD], [2, 2, 2, 2, 2]]
        )
        self.assertAllEqual(result.scores[:, 0], [0.0, 0.0])
        self.assertAllLess(result.scores[:, 1:], NO_ONE)

    def test_a_row_does_not_depend_on_its_batch(self):
        languages = RandomLanguages(3)
        together = languages.search(beam_size=3, top_beams=2)
        for row, limit in enumerate(languages.limits):
            alone = beam.beam_search(
                languages.step,
                languages.state(tf.constant([row])),
                batch_size=1,
                max_lengths=limit,
                start_id=START,
                end_id=END,
                pad_id=PAD,
                beam_size=3,
                top_beams=2,
            )
            used = alone.ids.shape[2]
            self.assertAllEqual(together.ids[row, :, :used], alone.ids[0])
            self.assertAllEqual(
                together.ids[row, :, used:],
                np.full(together.ids[row, :, used:].shape, PAD),
            )
            self.assertAllEqual(together.lengths[row], alone.lengths[0])
            # Logarithms of fewer rows may round the last bit otherwise.
            self.assertAllClose(
                together.scores[row], alone.scores[0], rtol=1e-6, atol=0
            )

    def test_stops_when_no_prefix_can_win_and_not_before(self):
        def positions_until_done(probability_of_end, **kwargs):
            positions = []
            p = probability_of_end
            step = chain_step([[0, p, 1 - p]] * 3)

            def counted(ids, position, state):
                positions.append(int(position))
                return step(ids, position, state)

            result = beam.beam_search(
                counted, (), batch_size=1, max_lengths=50, start_id=START,
                end_id=END, pad_id=PAD, beam_size=3, **kwargs,
            )  # fmt: skip
            # No column that was never reached.
            self.assertEqual(result.ids.shape[2], len(positions))
            return positions

        # After n steps the best prefix has n log(1 - p). It may be divided by
        # the penalty of 50, which is 3.7786.
        self.assertEqual(positions_until_done(0.9), [0])
        # log 0.3 = -1.204 against n -0.0944.
        self.assertEqual(positions_until_done(0.3), list(range(13)))
        # Without a penalty against n -0.357.
        self.assertEqual(positions_until_done(0.3, alpha=0.0), list(range(4)))
        # The second must be safe too: log 0.09 / 1.097 = -2.195, the third:
        # log 0.009 / 1.188 = -3.964, against n -0.609.
        self.assertEqual(positions_until_done(0.9, top_beams=2), list(range(4)))
        self.assertEqual(positions_until_done(0.9, top_beams=3), list(range(7)))

    def test_graph_of_unknown_batch(self):
        languages = RandomLanguages(2)

        @tf.function(
            input_signature=[
                tf.TensorSpec([None], tf.int32),
                tf.TensorSpec([None], tf.int32),
            ]
        )
        def graph(rows, limits):
            return beam.beam_search(
                languages.step,
                languages.state(rows),
                batch_size=tf.size(rows),
                max_lengths=limits,
                start_id=START,
                end_id=END,
                pad_id=PAD,
                beam_size=3,
                top_beams=2,
            )

        expected = languages.search(beam_size=3, top_beams=2)
        result = graph(np.arange(11), languages.limits)
        self.assertAllEqual(result.ids, expected.ids)
        self.assertAllEqual(result.lengths, expected.lengths)
        self.assertAllClose(result.scores, expected.scores, atol=1e-6)
        empty = graph(np.zeros(0, int), np.zeros(0, int))
        self.assertEqual(empty.ids.shape, (0, 2, 0))
        self.assertEqual(empty.lengths.shape, (0, 2))
        self.assertEqual(empty.scores.shape, (0, 2))

    def test_no_rows_and_no_room(self):
        languages = RandomLanguages(0)
        result = languages.search(max_lengths=0)
        self.assertEqual(result.ids.shape, (11, 1, 0))
        self.assertAllEqual(result.lengths, np.zeros((11, 1)))
        self.assertAllEqual(result.scores, np.zeros((11, 1)))
        empty = beam.beam_search(
            languages.step,
            languages.state(tf.zeros(0, tf.int32)),
            batch_size=0,
            max_lengths=5,
            start_id=START,
            end_id=END,
            pad_id=PAD,
        )
        self.assertEqual(empty.ids.shape, (0, 1, 0))
        self.assertEqual(empty.scores.shape, (0, 1))

    def test_a_row_without_room_stays_empty_beside_others(self):
        limits = [0 if row % 2 else 5 for row in range(11)]
        result = RandomLanguages(3).search(max_lengths=limits)
        self.assertAllEqual(result.lengths[1::2], np.zeros((5, 1)))
        self.assertAllEqual(result.scores[1::2], np.zeros((5, 1)))
        self.assertAllEqual(
            result.ids[1::2], np.full(result.ids[1::2].shape, PAD)
        )
        self.assertGreater(tf.reduce_min(result.lengths[::2]), 0)

    @parameterized.parameters(0, -1, 4)
    def test_top_beams_outside_the_beam_are_refused(self, top_beams):
        with self.assertRaisesRegex(
            ValueError, f"top_beams={top_beams}, beam_size=3"
        ):
            search_chain(np.ones((3, 3)), beam_size=3, top_beams=top_beams)

    def test_negative_alpha_is_refused(self):
        with self.assertRaisesRegex(ValueError, "`alpha` below 0.*-0.1"):
            search_chain(np.ones((3, 3)), alpha=-0.1)

    def test_unknown_penalty_is_refused(self):
        with self.assertRaisesRegex(
            ValueError, "length `penalty`.*'mean'.*'gnmt', 'average'"
        ):
            search_chain(np.ones((3, 3)), penalty="mean")


if __name__ == "__main__":
    tf.test.main()
