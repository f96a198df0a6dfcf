"""The functions that all searches share accept all types and shapes.

R rows of a step   S source length
"""

import numpy as np
import pytest
import tensorflow as tf

from keras_transformer.search import contract
from tests.assertions import assert_all_equal
from tests.search import calls as searches
from tests.search.languages import IDS

SEARCHES = (
    searches.beam_search,
    searches.greedy_search,
    searches.sampling_search,
)


class TestLimits:
    def test_a_scalar_limit_is_every_rows(self):
        limits = contract.limits_per_row(7, 3)
        assert limits.dtype == tf.int32
        assert_all_equal(limits, [7, 7, 7])

    def test_limits_of_each_row_stay_theirs(self):
        limits = contract.limits_per_row(np.array([2, 0, 5], "int64"), 3)
        assert limits.dtype == tf.int32
        assert_all_equal(limits, [2, 0, 5])

    def test_no_rows_have_no_limits(self):
        assert_all_equal(contract.limits_per_row(7, 0), np.zeros(0))

    def test_batch_size_known_only_at_run_time(self):
        graph = tf.function(
            contract.limits_per_row,
            input_signature=[tf.TensorSpec([], tf.int32)] * 2,
        )
        assert_all_equal(graph(5, 2), [5, 5])

    def test_limits_of_another_number_of_rows_are_refused(self):
        with pytest.raises(
            ValueError,
            match=r"shape \(2,\) for a batch of 3. Expected \(\) or \(3,\)",
        ):
            contract.limits_per_row([1, 2], 3)

    def test_less_than_nothing_is_refused(self):
        for limits, rows, message in (
            (-1, 2, "`max_lengths` must be at least 0. Received: -1"),
            ([3, -2], 2, "`max_lengths` must be at least 0. Received: -2"),
            (3, -1, "`batch_size` must be at least 0. Received: -1"),
        ):
            with pytest.raises(ValueError, match=message):
                contract.limits_per_row(limits, rows)

    def test_limits_that_a_graph_knows_stay_known(self):
        known = []

        @tf.function
        def graph():
            limits = contract.limits_per_row(np.array([2, 0, 5]), 3)
            known.append(contract.largest_limit(limits))
            return limits

        assert_all_equal(graph(), [2, 0, 5])
        assert known == [5]

    def test_the_largest_limit_is_an_int_where_it_is_known(self):
        for limits, largest in (([3, 7, 5], 7), ([-2], 0), ([], 0)):
            found = contract.largest_limit(tf.constant(limits, tf.int32))
            assert isinstance(found, int)
            assert found == largest
            graph = tf.function(
                contract.largest_limit,
                input_signature=[tf.TensorSpec([None], tf.int32)],
            )
            assert_all_equal(graph(np.array(limits, "int32")), largest)


class TestCallStep:
    @pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
    def test_logits_are_float32_whatever_the_models_are(self, dtype):
        logits = np.random.default_rng(0).integers(-9, 9, (3, 17)) / 2
        ids = tf.constant([5, 7, 11])

        def step(*args):
            assert args[0] is ids
            assert args[1:] == (2, "before")
            return tf.constant(logits, dtype), "after"

        found, state, attention = contract.call_step(
            step, ids, 2, "before", False
        )
        assert found.dtype == tf.float32
        assert_all_equal(found, logits)
        assert state == "after"
        assert attention is None

    def test_attention_is_the_third_result(self):
        found = contract.call_step(
            lambda *_: (tf.zeros([2, 3]), (), tf.ones([2, 5])), 0, 0, (), True
        )
        assert_all_equal(found[2], np.ones((2, 5)))

    @pytest.mark.parametrize("run", SEARCHES)
    @pytest.mark.parametrize(
        "case", ((1, False, 2), (3, False, 2), (2, True, 3))
    )
    def test_another_number_of_results_is_refused(self, run, case):
        number, attends, expected = case
        results = (tf.zeros([4, 3]), (), tf.zeros([4, 1]))[:number]
        with pytest.raises(
            ValueError,
            match=f"`source_mask`. Received: {number} results. Expected "
            f"{expected}",
        ):
            run(
                lambda *_: results,
                (),
                batch_size=4,
                max_lengths=5,
                source_mask=[[True]] * 4 if attends else None,
                **IDS,
            )


class TestNoRows:
    def check_empty(self, run, rows, longest):
        """Runs a search on rows with a limit of 0, eagerly and in a graph."""

        def step(ids, position, state):
            size = tf.size(ids)
            return tf.zeros([size, 5]), state, tf.zeros([size, 7])

        def results(rows, limits):
            return run(
                step,
                {"row": tf.range(rows)},
                batch_size=rows,
                max_lengths=limits,
                source_mask=tf.ones([rows, 7], tf.bool),
                constraints=searches.Asked(
                    min_lengths=1,
                    prefix=tf.zeros([rows, 3], tf.int32),
                    banned_ids=[2],
                    no_repeat_ngram_size=2,
                ),
                **IDS,
            )

        graph = tf.function(
            results,
            input_signature=[
                tf.TensorSpec([], tf.int32),
                tf.TensorSpec([None], tf.int32),
            ],
        )
        known = tf.function(lambda: results(rows, [longest] * rows))
        for result in (
            results(rows, longest),
            results(rows, [longest] * rows),
            graph(rows, np.full(rows, longest)),
            known(),
        ):
            assert result.ids.shape == (rows, 1, 0)
            assert result.ids.dtype == tf.int32
            assert_all_equal(result.lengths, np.zeros((rows, 1)))
            assert result.lengths.dtype == tf.int32
            assert_all_equal(result.scores, np.zeros((rows, 1)))
            assert result.scores.dtype == tf.float32
            assert result.log_probs.shape == (rows, 1, 0)
            assert result.log_probs.dtype == tf.float32
            assert result.attention.shape == (rows, 1, 0, 7)

    @pytest.mark.parametrize("run", SEARCHES)
    def test_no_rows(self, run):
        self.check_empty(run, 0, 5)

    @pytest.mark.parametrize("run", SEARCHES)
    def test_no_room(self, run):
        self.check_empty(run, 3, 0)

    @pytest.mark.parametrize("run", SEARCHES[::2])
    @pytest.mark.parametrize("rows", (0, 3))
    def test_no_rows_of_several_hypotheses(self, run, rows):
        width = {
            searches.beam_search: {"beam_size": 3, "top_beams": 2},
            searches.sampling_search: {"num_samples": 2},
        }[run]
        result = run(
            lambda ids, position, state: (tf.zeros([tf.size(ids), 5]), state),
            (), batch_size=rows, max_lengths=0, **IDS, **width,
        )  # fmt: skip
        assert result.ids.shape == (rows, 2, 0)
        assert result.lengths.shape == (rows, 2)
        assert result.scores.shape == (rows, 2)
        assert result.log_probs.shape == (rows, 2, 0)
        assert result.attention is None
        assert_all_equal(result.scores[:, 0], np.zeros(rows))


class TestRowStates:
    @pytest.fixture(autouse=True)
    def set_up(self):
        self.states = contract.RowStates()
        # Two rows of three hypotheses. The first digit is the row, the second
        # the hypothesis.
        self.wide = tf.constant([10, 11, 12, 20, 21, 22])
        self.state = {"a": self.wide, "b": (self.wide[:, None] * 100,)}

    def test_widened_hypotheses_stand_side_by_side(self):
        state = self.states.widen({"a": tf.constant([[7], [8]])}, 3)
        assert_all_equal(state["a"], [[7], [7], [7], [8], [8], [8]])

    def test_hypotheses_continue_their_parents(self):
        state = self.states.select(
            self.state, tf.constant([[2, 0, 2], [1, 1, 0]])
        )
        expected = np.array([12, 10, 12, 21, 21, 20])
        assert_all_equal(state["a"], expected)
        assert_all_equal(state["b"][0], expected[:, None] * 100)

    def test_rows_are_kept_with_all_their_hypotheses(self):
        state = self.states.take_rows(self.state, tf.constant([1]), 3)
        assert_all_equal(state["a"], [20, 21, 22])
        assert_all_equal(state["b"][0], [[2000], [2100], [2200]])
        state = self.states.take_rows(self.state, tf.constant([1, 0]), 3)
        assert_all_equal(state["a"], [20, 21, 22, 10, 11, 12])
        state = self.states.take_rows(self.state, tf.zeros([0], tf.int32), 3)
        assert state["a"].shape == (0,)
        assert state["b"][0].shape == (0, 1)

    def test_shapes_are_what_a_graph_knows_of_them(self):
        assert self.states.shapes(self.state) == {"a": (6,), "b": ((6, 1),)}
        seen = []

        @tf.function(input_signature=[tf.TensorSpec([None, 5], tf.int32)])
        def graph(state):
            seen.append(self.states.shapes(state))
            return self.states.select(state, tf.zeros([2, 3], tf.int32))

        assert_all_equal(
            graph(tf.range(30)[:, None] + tf.zeros([5], tf.int32))[:, 0],
            [0, 0, 0, 3, 3, 3],
        )
        assert seen == [(None, 5)]

    def test_a_selection_keeps_the_shape_that_is_known(self):
        @tf.function(
            input_signature=[
                tf.TensorSpec([6, 1], tf.int32),
                tf.TensorSpec([None, 3], tf.int32),
            ]
        )
        def graph(state, parents):
            state = self.states.select(state, parents)
            assert state.shape == (6, 1)
            return state

        graph(self.wide[:, None], np.zeros((2, 3), "int32"))


class TestStatelessStep:
    @pytest.mark.parametrize("run", SEARCHES)
    def test_steps_read_the_start_and_then_what_was_taken(self, run):
        read = []

        def step(ids, position, state):
            read.append((int(position), ids.numpy().tolist()))
            # Token n is followed by n + 2, and 6 is followed by the end token.
            return tf.one_hot(tf.where(ids == 6, 1, ids + 2), 9) * 50, state

        width = {"beam_size": 1} if run is searches.beam_search else {}
        result = run(
            step, (), batch_size=2, max_lengths=7, start_id=2, end_id=1,
            pad_id=0, **width,
        )  # fmt: skip
        assert read == [(0, [2, 2]), (1, [4, 4]), (2, [6, 6])]
        assert_all_equal(result.ids, [[[4, 6, 1, 0, 0, 0, 0]]] * 2)
        assert_all_equal(result.lengths, [[3], [3]])
