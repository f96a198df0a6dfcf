"""`follow` writes the chosen tokens, and nothing after the end token.

B batch   W hypotheses per row   T target length   V vocabulary_size
S source length   C candidates
"""

import numpy as np
import pytest
import tensorflow as tf

from keras_transformer import search
from keras_transformer.search import single_path
from tests.assertions import assert_all_close, assert_all_equal
from tests.references import search as reference_search
from tests.search import calls as searches
from tests.search import languages as languages_
from tests.search.languages import END, IDS, PAD, RandomLanguages

B, W = 23, 3


def take_own_place(choices, position, numbers):
    """Chooses for hypothesis w the w-th best allowed candidate."""
    order = tf.argsort(
        choices.log_probs, axis=2, direction="DESCENDING", stable=True
    )
    width = choices.ids.shape[1]
    return tf.linalg.diag_part(order[:, :, :width])


class TestFollow:
    def follow(self, choose, languages, demands=None, **kwargs):
        def run(step, state, constraints, width=W, count=W, **task):
            return single_path.follow(
                choose,
                step,
                state,
                search.Task(**task, **constraints.of_task()),
                constraints.constraints(),
                width=width,
                num_candidates=count,
            )

        return languages.run(run, demands, **kwargs)

    def expected(self, languages, demands, row, rank):
        """Returns the hypothesis that slot `rank` of a row must have."""
        language, rules = languages.language(row), demands.rules(row)
        ids = ()
        while len(ids) < rules.limit and END not in ids:
            log_probs = language.log_probs_after(ids)
            allowed = reference_search.allowed_tokens(
                ids, rules, len(log_probs)
            )
            if len(allowed) <= rank:
                break
            ids += (sorted(allowed, key=lambda x: -log_probs[x])[rank],)
        return reference_search.hypothesis(ids, language, rules)

    @pytest.mark.parametrize(
        "demands",
        [
            {},
            {"min_lengths": True},
            {"banned": (0, 2)},
            {"ngram": 1},
            {"min_lengths": True, "ngram": 2, "banned": (4,)},
            {"banned": (0, END, 3)},
        ],
    )
    def test_each_hypothesis_goes_its_own_way(self, demands):
        languages = RandomLanguages(31, B)
        demands = languages_.random_demands(languages, **demands)
        result = self.follow(take_own_place, languages, demands, attends=True)
        assert result.ids.shape == (B, W, 5)
        assert result.ids.dtype == tf.int32
        assert result.lengths.dtype == tf.int32
        # Hypotheses keep their slots, whatever their scores are.
        expected = [
            [self.expected(languages, demands, row, rank) for rank in range(W)]
            for row in range(B)
        ]
        languages_.check(result, expected, attends=True)
        assert_all_close(result.scores, tf.reduce_sum(result.log_probs, axis=2))

    def test_a_prefix_is_taken_by_the_first_candidate_alone(self):
        languages = RandomLanguages(31, B)
        prefix = np.full((B, 1), 3)
        result = self.follow(
            take_own_place,
            languages,
            constraints=searches.Asked(prefix=prefix),
        )
        assert_all_equal(result.ids[:, 0, 0], [3] * B)
        # The other hypotheses chose forbidden candidates, so they are empty.
        assert_all_equal(result.lengths[:, 1:], np.zeros((B, 2)))
        assert_all_equal(result.ids[:, 1:], np.full((B, 2, 5), PAD))
        assert_all_equal(result.scores[:, 1:], np.zeros((B, 2)))

    @pytest.mark.parametrize("count", [None, 1, 2])
    def test_choices_are_as_many_as_were_asked_for(self, count):
        languages = RandomLanguages(31, B)
        seen = []

        def choose(choices, position, numbers):
            seen.append((int(position), numbers.numpy().tolist()))
            assert choices.ids.shape[:2] == (B, W)
            assert choices.ids.shape[2] >= (count or 5)
            if count is None:
                assert_all_equal(choices.ids[0, 0], range(5))
            else:
                steps = np.diff(choices.log_probs[:, :, :count], axis=2)
                assert np.max(np.append(steps, -1)) <= 0
            return tf.zeros([B, W], tf.int32)

        self.follow(choose, languages, count=count)
        assert seen[0] == (0, list(range(B)))
        assert [position for position, _ in seen] == list(range(len(seen)))

    def test_rows_that_are_left_keep_their_numbers(self):
        growing = languages_.GrowingLanguages(31, B)
        seen = []

        def choose(choices, position, numbers):
            seen.append(numbers.numpy().tolist())
            return tf.argmax(choices.log_probs, 2, output_type=tf.int32)

        demands = languages_.Demands(growing.limits, banned=(END,))
        self.follow(choose, growing, demands, states=languages_.GrowingStates())
        for numbers, longer in zip(seen[1:], seen[:-1], strict=True):
            assert set(numbers) <= set(longer)
        # At the end only rows with a limit of five are left.
        has_room = np.flatnonzero(np.array(growing.limits) == 5).tolist()
        assert set(has_room) <= set(seen[-1])
        assert len(seen[-1]) < B // 2

    def test_what_is_over_changes_no_more(self):
        # The first hypothesis ends at step 0, the second at step 2. The
        # function would choose 2 for the first hypothesis after its end.
        def choose(choices, position, numbers):
            return tf.stack(
                [
                    tf.where(position == 0, [END], [2]),
                    tf.where(position == 2, [END], [3]),
                ],
                axis=1,
            )

        result = single_path.follow(
            choose,
            lambda ids, position, state: (
                tf.zeros([2, 7]), state, tf.ones([2, 1])
            ),
            (),
            search.Task(1, 5, **IDS, source_mask=[[True]]),
            search.Constraints(),
            width=2,
            num_candidates=None,
        )  # fmt: skip
        assert_all_equal(result.ids, [[[END, 0, 0, 0, 0], [3, 3, END, 0, 0]]])
        assert_all_equal(result.lengths, [[1, 3]])
        assert_all_close(result.scores, [[-np.log(7), -3 * np.log(7)]])
        assert_all_equal(
            result.attention[0, :, :, 0], [[1, 0, 0, 0, 0], [1, 1, 1, 0, 0]]
        )
