"""The result of a row depends neither on its batch nor on how the loop runs.

B batch   W hypotheses per row   T target length   V vocabulary_size
"""

from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from keras_transformer.search import contract, loop
from tests.assertions import assert_all_close, assert_all_equal
from tests.search import calls as searches
from tests.search import languages as languages_
from tests.search.languages import (
    END,
    IDS,
    PAD,
    GrowingLanguages,
    GrowingStates,
    RandomLanguages,
)

SEARCHES = {
    "greedy": (searches.greedy_search, {}),
    "beam": (
        searches.beam_search,
        {"beam_size": 3, "top_beams": 3, "coverage": 0.2},
    ),
    "sampling": (
        searches.sampling_search,
        {"num_samples": 3, "temperature": 1.3, "top_k": 3, "seed": 5},
    ),
    "sampling_top_p": (
        searches.sampling_search,
        {"num_samples": 2, "top_p": 0.9, "seed": 5},
    ),
}
DEMANDS = {
    "free": {},
    "demanding": {
        "min_lengths": True, "prefix": True, "banned": (2,), "ngram": 2
    },
}  # fmt: skip
CASES = [
    pytest.param(name, demands, id=f"{name}_{demands}")
    for name in SEARCHES
    for demands in DEMANDS
]


def slow_cases(*kept):
    """Returns all cases; those without these names get the mark `grid`."""
    return [
        pytest.param(
            *case.values,
            id=case.id,
            marks=[] if case.id in kept else [pytest.mark.grid],
        )
        for case in CASES
    ]


# A search with demands and one without; `grid` has the others.
BOTH_KINDS = slow_cases("beam_demanding", "sampling_free")
XLA_CASES = [
    pytest.param(
        *case.values,
        id=case.id,
        marks=[] if "beam" in case.id else [pytest.mark.grid],
    )
    for case in CASES[1::2]
]
B = 13


class Rows(NamedTuple):
    limit: tf.Tensor  # (B,)
    steps: tf.Tensor  # (B,), the number of steps in which the row was not done
    read: tuple  # one tensor (B, T): the state that each step read
    is_done: tf.Tensor  # (B,)


class CountingStates(contract.RowStates):
    """States whose number of rows may change."""

    def shapes(self, state):
        return tf.nest.map_structure(lambda x: (None, *x.shape[1:]), state)


class TestRun:
    def run_rows(self, limits, states, longest, width=1):
        """Counts down the limit of each row; a row's state is its index."""
        counts = []

        def advance(position, rows, state):
            counts.append(rows.limit.shape[0])
            steps = rows.steps + tf.where(rows.is_done, 0, 1)
            is_now = tf.range(rows.read[0].shape[1]) == position
            own = tf.reshape(state["own"], [-1, width])[:, -1]
            read = tf.where(
                is_now & ~rows.is_done[:, None], own[:, None], rows.read[0]
            )
            rows = rows._replace(
                steps=steps,
                read=(read,),
                is_done=rows.is_done | (steps >= rows.limit),
            )
            return rows, tf.nest.map_structure(lambda x: x + 100, state)

        size = len(limits)
        limits = tf.constant(limits, tf.int32)
        rows = Rows(
            limits,
            tf.zeros([size], tf.int32),
            (tf.zeros([size, 23], tf.int32),),
            limits < 1,
        )
        own = tf.range(size)[:, None] * 1000 + tf.range(width)
        state = {"own": tf.reshape(own, [-1])}
        return loop.run(advance, rows, state, states, width, longest), counts

    LIMITS = [2, 17, 1, 5, 0, 2, 3, 19, 1, 4, 2]

    @pytest.mark.parametrize("width", (1, 3))
    @pytest.mark.parametrize("fixed", (False, True))
    def test_every_row_is_run_to_its_end_and_keeps_its_place(
        self, width, fixed
    ):
        states = contract.RowStates() if fixed else CountingStates()
        rows, counts = self.run_rows(self.LIMITS, states, 23, width)
        assert_all_equal(rows.limit, self.LIMITS)
        assert_all_equal(rows.steps, self.LIMITS)
        assert_all_equal(rows.is_done, [True] * 11)
        own = np.arange(11)[:, None] * 1000 + np.arange(23) * 100 + width - 1
        assert_all_equal(
            rows.read[0],
            np.where(np.arange(23) < np.array(self.LIMITS)[:, None], own, 0),
        )
        if fixed:
            assert counts == [11] * 19
        else:
            # Done rows are dropped if at most half are left. 11 rows become 10,
            # 8 and 5, then 5 rows become 4, 3 and 2, and 2 rows become 1.
            assert counts == [11] * 2 + [5] * 3 + [2] * 12 + [1] * 2

    @pytest.mark.parametrize("fixed", [False, True])
    def test_no_more_steps_than_the_longest(self, fixed):
        states = contract.RowStates() if fixed else CountingStates()
        rows, counts = self.run_rows([2, 7, 9], states, 3)
        assert_all_equal(rows.steps, [2, 3, 3])
        assert_all_equal(rows.is_done, [True, False, False])
        assert len(counts) == 3

    @pytest.mark.parametrize("limits", ([], [0, 0], [3]))
    @pytest.mark.parametrize("longest", (0, 5))
    @pytest.mark.parametrize("fixed", (False, True))
    def test_nothing_to_run(self, limits, longest, fixed):
        states = contract.RowStates() if fixed else CountingStates()
        rows, counts = self.run_rows(limits, states, longest)
        assert_all_equal(rows.steps, np.minimum(np.array(limits, int), longest))
        assert len(counts) == (3 if limits == [3] and longest else 0)

    @pytest.mark.parametrize("fixed", [False, True])
    def test_a_longest_that_a_graph_does_not_know(self, fixed):
        states = contract.RowStates() if fixed else CountingStates()

        @tf.function(input_signature=[tf.TensorSpec([], tf.int32)])
        def graph(longest):
            return self.run_rows(self.LIMITS, states, longest)[0]

        for longest in (0, 1, 4, 23):
            rows = graph(longest)
            assert_all_equal(rows.limit, self.LIMITS)
            assert_all_equal(rows.steps, np.minimum(self.LIMITS, longest))


@pytest.mark.usefixtures("optimized_graphs")
class TestWaysToRun:
    @pytest.fixture(autouse=True)
    def set_up(self):
        self.languages = RandomLanguages(19, B, vocabulary_size=4)

    def demands(self, name):
        return languages_.random_demands(self.languages, **DEMANDS[name])

    def run_eagerly(self, name, demands, **kwargs):
        run, settings = SEARCHES[name]
        return self.languages.run(
            run, demands, attends=True, **{**settings, **kwargs}
        )

    def check_same(self, result, expected):
        is_there = expected.scores.numpy() > contract.NEVER
        assert np.sum(is_there) >= B
        assert_all_equal(result.lengths[is_there], expected.lengths[is_there])
        assert_all_equal(result.ids[is_there], expected.ids[is_there])
        assert_all_close(result.scores, expected.scores, rtol=0, atol=1e-5)
        for name in ("log_probs", "attention"):
            found, answer = getattr(result, name), getattr(expected, name)
            assert found.shape == answer.shape
            assert_all_close(
                found[is_there], answer[is_there], rtol=0, atol=1e-5
            )

    @pytest.mark.seconds
    # `translator_test.py` samples in graphs of unknown batch.
    @pytest.mark.parametrize(("name", "demands"), slow_cases("beam_demanding"))
    def test_graph_of_unknown_batch(self, name, demands):
        run, settings = SEARCHES[name]
        demands = self.demands(demands)
        constraints = demands.asked()
        has_prefix = constraints.prefix is not None
        traced = []

        @tf.function(
            input_signature=[
                tf.TensorSpec([None], tf.int32),
                tf.TensorSpec([None], tf.int32),
                tf.TensorSpec([None], tf.int32),
                tf.TensorSpec([None, None], tf.int32),
                tf.TensorSpec([None, None], tf.bool),
            ]
        )
        def graph(rows, limits, min_lengths, prefix, source_mask):
            traced.append(rows)
            return run(
                self.languages.attending_step,
                self.languages.state(rows),
                batch_size=tf.size(rows),
                max_lengths=limits,
                source_mask=source_mask,
                constraints=constraints._replace(
                    min_lengths=min_lengths,
                    prefix=prefix if has_prefix else None,
                ),
                **settings,
                **IDS,
            )

        min_lengths = np.broadcast_to(constraints.min_lengths, [B])
        prefix = constraints.prefix if has_prefix else np.zeros((B, 0))
        arguments = [
            x.astype("int32")
            for x in (
                np.arange(B),
                np.array(demands.limits),
                min_lengths,
                prefix,
            )
        ]
        result = graph(*arguments, self.languages.source_mask)
        self.check_same(result, self.run_eagerly(name, demands))
        # The same graph accepts a batch without rows.
        empty = graph(*(x[:0] for x in arguments), np.zeros((0, 7), bool))
        width = result.ids.shape[1]
        assert empty.ids.shape == (0, width, 0)
        assert empty.lengths.shape == (0, width)
        assert empty.scores.shape == (0, width)
        assert empty.log_probs.shape == (0, width, 0)
        assert empty.attention.shape == (0, width, 0, 7)
        assert len(traced) == 1

    @pytest.mark.xla
    @pytest.mark.parametrize(("name", "demands"), XLA_CASES)
    def test_xla(self, name, demands):
        self.check_xla(name, demands)

    # `tests/translation/translator_test.py` compiles beam search without
    # constraints.
    @pytest.mark.xla
    @pytest.mark.parametrize(("name", "demands"), CASES[::2])
    @pytest.mark.grid
    def test_xla_without_demands(self, name, demands):
        self.check_xla(name, demands)

    def check_xla(self, name, demands):
        demands = self.demands(demands)

        @tf.function(jit_compile=True)
        def compiled():
            return self.run_eagerly(name, demands)

        self.check_same(compiled(), self.run_eagerly(name, demands))

    @pytest.mark.seconds
    @pytest.mark.parametrize(("name", "demands"), BOTH_KINDS)
    def test_rows_that_are_done_are_dropped(self, name, demands):
        run, settings = SEARCHES[name]
        # The limits are 1, 2, 1, 3, 1, 2, 1, 7, repeated.
        size, longest = 32, 7
        limits = [
            longest if row % 8 == 7 else 1 + (row % 8 == 3) + row % 2
            for row in range(size)
        ]
        kwargs = {"vocabulary_size": 3, "longest": longest}
        growing = GrowingLanguages(23, size, **kwargs)
        growing.limits = limits
        demands = languages_.random_demands(growing, **DEMANDS[demands])
        # No hypothesis may end before its limit. So the counts are known.
        demands = demands._replace(banned=(END,), ngram=0, prefixes=None)
        result = growing.run(
            run, demands, attends=True, states=GrowingStates(), **settings
        )
        fixed = RandomLanguages(23, size, **kwargs)
        expected = fixed.run(run, demands, attends=True, **settings)
        self.check_same(result, expected)
        assert_all_equal(result.lengths[:, 0], limits)
        width = result.ids.shape[1]
        # Half of the rows are done after one step, half of the others after two
        # steps, and half of the remaining rows after three.
        counts = [count // width for count in growing.counts]
        assert counts == [32, 16, 8, 4, 4, 4, 4]

    @pytest.mark.seconds
    @pytest.mark.parametrize(("name", "demands"), BOTH_KINDS)
    def test_rows_that_end_at_any_time_are_dropped(self, name, demands):
        run, settings = SEARCHES[name]
        growing = GrowingLanguages(29, 61, vocabulary_size=4, longest=6)
        demands = languages_.random_demands(growing, **DEMANDS[demands])
        result = growing.run(
            run, demands, attends=True, states=GrowingStates(), **settings
        )
        fixed = RandomLanguages(29, 61, vocabulary_size=4, longest=6)
        expected = fixed.run(run, demands, attends=True, **settings)
        self.check_same(result, expected)
        assert growing.counts == sorted(growing.counts, reverse=True)
        assert growing.counts[0] == 61 * result.ids.shape[1]
        assert growing.counts[-1] < growing.counts[0] // 2

    @pytest.mark.seconds
    # `translator_test.py` tests the same of a beam search.
    @pytest.mark.parametrize(("name", "demands"), slow_cases("sampling_free"))
    def test_a_row_does_not_depend_on_its_batch_or_place(self, name, demands):
        demands = self.demands(demands)
        # With one seed for all rows, samples depend on the row's index in the
        # batch. With a seed for each row they do not.
        seeds = np.arange(B) * 7

        def run_rows(rows, languages=self.languages, **kwargs):
            run, settings = SEARCHES[name]
            if run is searches.sampling_search:
                kwargs["seed"] = seeds[rows]
            # All results have the same number of columns, to be comparable.
            return languages.run(
                run, demands, rows, attends=True, **{**settings, **kwargs}
            )

        together = run_rows(np.arange(B))
        assert np.sum(together.lengths) > B
        order = np.random.default_rng(0).permutation(B)
        growing = GrowingLanguages(19, B, vocabulary_size=4)
        for rows in (
            order,
            order[:5],
            np.repeat(order[:3], 3),
            *(np.array([row]) for row in range(0, B, 3)),
        ):
            for result in (
                run_rows(rows),
                run_rows(rows, growing, states=GrowingStates()),
            ):
                used = result.ids.shape[2]
                is_there = result.scores.numpy() > contract.NEVER
                for found, answer in zip(result, together, strict=True):
                    answer = answer.numpy()[rows]
                    if found.shape.rank > 2:
                        # If the largest limit of a batch is smaller, its
                        # results have fewer columns.
                        assert_all_equal(
                            answer[:, :, used:][is_there],
                            np.full_like(answer[:, :, used:][is_there], PAD),
                        )
                        answer = answer[:, :, :used]
                    # With fewer rows, logarithms may be rounded differently.
                    assert_all_close(
                        found[is_there], answer[is_there], rtol=2e-6, atol=2e-6
                    )
                assert_all_equal(
                    is_there, together.scores.numpy()[rows] > contract.NEVER
                )
