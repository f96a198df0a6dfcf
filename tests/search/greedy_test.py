"""Greedy search takes the best token of each row until the end or the limit.

B batch   T target length   V vocabulary_size
"""

import functools

import numpy as np
import pytest
import tensorflow as tf

from tests.assertions import assert_all_close, assert_all_equal
from tests.references import search as reference_search
from tests.search import calls as searches
from tests.search import languages as languages_
from tests.search.languages import (
    END,
    PAD,
    RandomLanguages,
    search_chain,
)

B, V = 11, 5
LIMITS = [1 + row % 5 for row in range(B)]
DEMANDS = {
    "min_lengths": {"min_lengths": True},
    "prefix": {"prefix": True},
    "banned": {"banned": (2,)},
    "banned_end": {"banned": (END,)},
    "unigrams": {"ngram": 1},
    "bigrams": {"ngram": 2},
    "prefix_bigrams": {"prefix": True, "ngram": 2},
    "dead_ends": {"min_lengths": True, "ngram": 1, "banned": (0, 3)},
    "all_banned": {"banned": tuple(range(4))},
    "everything": {
        "min_lengths": True, "prefix": True, "banned": (0,), "ngram": 2
    },
}  # fmt: skip


def search(languages, **kwargs):
    return languages.run(searches.greedy_search, **kwargs)


class TestGreedySearch:
    @pytest.mark.parametrize("seed", range(5))
    def test_takes_the_best_token_until_the_end_or_the_limit(self, seed):
        languages = RandomLanguages(seed)
        result = search(languages)
        assert result.ids.shape == (B, 1, result.ids.shape[2])
        assert result.ids.dtype == tf.int32
        assert result.lengths.dtype == tf.int32
        assert result.scores.dtype == tf.float32
        for row, limit in enumerate(LIMITS):
            logits_after = functools.partial(languages.logits_after, row)
            ids = ()
            while len(ids) < limit and END not in ids:
                ids += (int(np.argmax(logits_after(ids))),)
            length = result.lengths[row, 0]
            assert length == len(ids)
            assert_all_equal(result.ids[row, 0, :length], ids)
            assert_all_equal(
                result.ids[row, 0, length:],
                [PAD] * (result.ids.shape[2] - len(ids)),
            )
            assert_all_close(
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
        assert np.sum(lengths < limits) > 9
        assert np.sum(lengths == limits) > 9

    def test_chain_in_closed_form(self):
        # Row n has the weights of the tokens that follow token n. The weights
        # of a row need not sum to one.
        chain = tf.math.log(
            [
                [0.1, 0.2, 0.7, 0.4],
                [1.0, 1.0, 1.0, 1.0],
                [0.0, 0.25, 0.15, 0.6],
                [0.0, 0.8, 0.1, 0.1],
            ]
        )
        result = searches.greedy_search(
            lambda ids, position, state: (tf.gather(chain, ids), state),
            (),
            batch_size=1,
            max_lengths=7,
            start_id=0,
            end_id=1,
            pad_id=9,
        )
        assert_all_equal(result.ids, [[[2, 3, 1, 9, 9, 9, 9]]])
        assert_all_equal(result.lengths, [[3]])
        assert_all_close(
            result.scores, [[np.log(0.7 / 1.4 * 0.6 * 0.8)]], rtol=1e-6
        )

    def test_what_stands_after_the_end_is_pad_id(self):
        languages = RandomLanguages(0)
        result = search(languages, pad_id=77)
        for row in range(B):
            length = int(result.lengths[row, 0])
            assert 77 not in result.ids[row, 0, :length]
            assert_all_equal(
                result.ids[row, 0, length:],
                [77] * (result.ids.shape[2] - length),
            )

    def test_stops_when_all_rows_have_ended(self):
        positions = []

        def step(ids, position, state):
            positions.append(int(position))
            return tf.one_hot(tf.fill([2], 1 if position == 2 else 3), 5), state

        result = searches.greedy_search(
            step, (), batch_size=2, max_lengths=50, start_id=0, end_id=1,
            pad_id=0,
        )  # fmt: skip
        assert positions == [0, 1, 2]
        assert_all_equal(result.ids[:, :, :3], [[[3, 3, 1]]] * 2)
        assert_all_equal(result.ids[:, :, 3:], np.zeros((2, 1, 47)))

    def test_no_rows_and_no_room(self):
        languages = RandomLanguages(0)
        result = search(languages, max_lengths=0)
        assert result.ids.shape == (B, 1, 0)
        assert_all_equal(result.lengths, np.zeros((B, 1)))
        assert_all_equal(result.scores, np.zeros((B, 1)))
        empty = languages.run(
            searches.greedy_search,
            rows=np.zeros(0, "int32"),
            max_lengths=5,
            constraints=searches.Asked(),
        )
        assert empty.ids.shape == (0, 1, 0)
        assert empty.scores.shape == (0, 1)

    def test_a_row_without_room_stays_empty_beside_others(self):
        limits = [0 if row % 2 else 5 for row in range(B)]
        result = search(RandomLanguages(3), max_lengths=limits)
        assert_all_equal(result.lengths[1::2], np.zeros((B // 2, 1)))
        assert_all_equal(result.scores[1::2], np.zeros((B // 2, 1)))
        assert_all_equal(result.ids[1::2], np.full(result.ids[1::2].shape, PAD))
        assert tf.reduce_min(result.lengths[::2]) > 0

    @pytest.mark.parametrize(
        "demands",
        [
            pytest.param({}, id="none"),
            *[
                pytest.param(demands, id=name)
                for name, demands in DEMANDS.items()
            ],
        ],
    )
    def test_takes_the_best_that_is_allowed(self, demands):
        languages = RandomLanguages(17, 211, vocabulary_size=4)
        demands = languages_.random_demands(languages, **demands)
        result = search(languages, demands=demands, attends=True)
        expected = [
            [
                reference_search.greedy_path(
                    languages.language(row), demands.rules(row)
                )
            ]
            for row in range(211)
        ]
        languages_.check(result, expected, attends=True)

    def test_where_all_is_forbidden_it_ends_without_the_end(self):
        # The search takes 2, then 3. Then no token is allowed.
        result = search_chain(
            [[0, 0.1, 0.5, 0.4]] * 4,
            searches.greedy_search,
            constraints=searches.Asked(
                banned_ids=[0, END], no_repeat_ngram_size=1
            ),
        )
        assert_all_equal(result.ids, [[[2, 3, PAD, PAD, PAD]]])
        assert_all_equal(result.lengths, [[2]])
        assert_all_close(result.scores, [[np.log(0.2)]], rtol=1e-6)

    def test_a_prefix_that_ends_is_all_there_is(self):
        result = search_chain(
            [[0.1, 0.2, 0.3, 0.4]] * 4,
            searches.greedy_search,
            constraints=searches.Asked(prefix=[[3, END, 2]]),
        )
        assert_all_equal(result.ids, [[[3, END, PAD, PAD, PAD]]])
        assert_all_close(result.scores, [[np.log(0.4 * 0.2)]], rtol=1e-6)

    def test_of_equal_tokens_the_first_is_taken(self):
        result = search_chain([[1, 1, 1, 1]] * 4, searches.greedy_search)
        assert_all_equal(result.ids, [[[0, 0, 0, 0, 0]]])
        result = search_chain(
            [[1, 1, 1, 1]] * 4,
            searches.greedy_search,
            constraints=searches.Asked(3, banned_ids=[0]),
        )
        assert_all_equal(result.ids, [[[2, 2, END, PAD, PAD]]])

    def test_tiny_vocabularies(self):
        result = searches.greedy_search(
            lambda ids, position, state: (tf.zeros([tf.size(ids), 1]), state),
            (), batch_size=2, max_lengths=3, start_id=0, end_id=0, pad_id=7,
        )  # fmt: skip
        assert_all_equal(result.ids, [[[0, 7, 7]]] * 2)
        assert_all_equal(result.scores, [[0.0]] * 2)
        result = search_chain([[0.6, 0.4]] * 2, searches.greedy_search)
        assert_all_equal(result.ids, [[[0] * 5]])
        assert_all_close(result.scores, [[5 * np.log(0.6)]])
