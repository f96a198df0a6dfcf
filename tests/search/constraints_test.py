"""Candidates are the allowed tokens, with the model's log-probabilities.

B batch   W hypotheses per row   V vocabulary_size   P prefix length
C candidates per hypothesis   T target length
"""

import numpy as np
import pytest
import tensorflow as tf

from keras_transformer import search
from keras_transformer.search import constraints, contract
from tests import costs
from tests.assertions import assert_all_close, assert_all_equal
from tests.references import search as reference_search
from tests.search import calls as searches
from tests.search.languages import END, IDS, PAD, START

B, W, T, V = 5, 3, 11, 7
SEARCHES = (
    searches.beam_search,
    searches.greedy_search,
    searches.sampling_search,
)


def limits_of(demands, max_lengths=T, pad_id=PAD):
    return constraints.limits_of_rows(
        demands.constraints(), task_of(demands, max_lengths, pad_id)
    )


def task_of(demands, max_lengths=T, pad_id=PAD, end_id=END, rows=B):
    return search.Task(
        rows, max_lengths, START, end_id, pad_id, **demands.of_task()
    )


def candidates(
    demands, position, logits, ids, count=None, limits=None, end_id=END
):
    return constraints.candidates(
        tf.constant(logits),
        count,
        demands.constraints(),
        task_of(demands, end_id=end_id),
        limits_of(demands) if limits is None else limits,
        tf.constant(ids),
        tf.constant(position),
    )


def random_logits(seed=0, offset=0.0):
    generator = np.random.default_rng(seed)
    return generator.normal(offset, 2.0, (B * W, V)).astype("float32")


def random_ids(seed=0, kinds=V):
    """Draws past tokens from only a few ids, so that tokens repeat."""
    generator = np.random.default_rng(seed)
    return generator.integers(0, kinds, (B, W, T)).astype("int32")


class TestLimitsOfRows:
    def test_what_is_asked_of_every_row(self):
        limits = limits_of(searches.Asked(min_lengths=3))
        assert_all_equal(limits.max_lengths, [T] * B)
        assert_all_equal(limits.min_lengths, [3] * B)
        assert limits.prefix.shape == (B, 0)
        assert_all_equal(limits.prefix_lengths, [0] * B)
        for field in limits:
            assert field.dtype == tf.int32

    @pytest.mark.parametrize("make", [list, np.array, tf.constant])
    def test_what_is_asked_of_each_row(self, make):
        # A prefix ends before its first padding.
        prefix = [[2, 3, 4], [2, 9, 4], [9, 9, 9], [9, 3, 4], [5, 9, 9]]
        limits = limits_of(
            searches.Asked(make([0, 1, 2, 3, 4]), make(prefix)),
            make([3, 1, 0, 2, 7]),
            pad_id=9,
        )
        assert_all_equal(limits.max_lengths, [3, 1, 0, 2, 7])
        assert_all_equal(limits.min_lengths, [0, 1, 2, 3, 4])
        assert_all_equal(limits.prefix, prefix)
        assert_all_equal(limits.prefix_lengths, [3, 1, 0, 0, 1])

    def test_in_a_graph(self):
        prefix = np.array([[2, 3], [2, 0], [0, 3], [0, 0], [1, 1]])

        @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32)])
        def graph(prefix):
            demands = searches.Asked(prefix=prefix)
            rows = tf.shape(prefix)[0]
            return constraints.limits_of_rows(
                demands.constraints(), task_of(demands, 2, rows=rows)
            )

        limits = graph(prefix)
        assert_all_equal(limits.prefix_lengths, [2, 1, 0, 0, 2])
        assert_all_equal(limits.max_lengths, [2] * B)
        assert_all_equal(limits.min_lengths, [0] * B)


class TestCandidates:
    def check(self, demands, position, logits, ids, offset=0.0):
        """Compares candidates with the reference, for several `count`s."""
        min_lengths = np.broadcast_to(demands.min_lengths, [B])
        prefixes = demands.prefix or [()] * B
        limits = limits_of(demands)
        # The normalizer has a rounding error that grows with the logits.
        tolerance = 2e-6 + 6e-8 * abs(offset)
        log_probs = np.array(list(map(reference_search.log_softmax, logits)))
        for count in (None, 1, 2, 4, V, V + 5):
            found = candidates(demands, position, logits, ids, count, limits)
            assert found.ids.dtype == tf.int32
            assert found.log_probs.dtype == tf.float32
            assert found.ids.shape == found.log_probs.shape
            ids_found, all_scores = found.ids.numpy(), found.log_probs.numpy()
            for row, hypothesis in np.ndindex(B, W):
                rules = reference_search.Rules(
                    T,
                    END,
                    min_lengths[row],
                    tuple(token for token in prefixes[row] if token != PAD),
                    tuple(demands.banned_ids),
                    demands.no_repeat_ngram_size,
                )
                past = tuple(ids[row, hypothesis, :position].tolist())
                allowed = reference_search.allowed_tokens(past, rules, V)
                own = log_probs[row * W + hypothesis]
                tokens, scores = (
                    ids_found[row, hypothesis],
                    all_scores[row, hypothesis],
                )
                is_allowed = scores > contract.NEVER
                assert np.all(scores[~is_allowed] == contract.NEVER)
                tokens, scores = tokens[is_allowed], scores[is_allowed]
                assert_all_close(scores, own[tokens], atol=tolerance)
                if count is None:
                    assert tokens.tolist() == allowed
                else:
                    # The best tokens, in order: at least `count` tokens.
                    best = sorted(allowed, key=lambda token: -own[token])
                    assert tokens.tolist() == best[: len(tokens)]
                    assert len(tokens) >= min(count, len(allowed))

    @pytest.mark.parametrize("offset", [0.0, -300.0, 300.0])
    def test_everything_is_allowed(self, offset):
        logits = random_logits(offset=offset)
        self.check(searches.Asked(), 0, logits, random_ids(), offset)

    @pytest.mark.parametrize("size", (1, 2, 3, 5))
    @pytest.mark.parametrize(
        "position", costs.grid((0, 1, 2, 4, 10), keep=(0, 1, 4, 10))
    )
    @pytest.mark.parametrize("kinds", costs.grid((1, 2, 3, V), keep=(1, 3, V)))
    def test_ngrams_are_not_repeated(self, size, position, kinds):
        self.check(
            searches.Asked(no_repeat_ngram_size=size),
            position,
            random_logits(),
            random_ids(kinds=kinds),
        )

    @pytest.mark.parametrize("offset", [-300.0, 300.0])
    def test_no_offset_of_logits_allows_a_repetition(self, offset):
        logits = random_logits(offset=offset)
        demands = searches.Asked(no_repeat_ngram_size=1, banned_ids=range(V))
        self.check(demands, 10, logits, random_ids(kinds=V), offset)
        # Every token would be a repetition, so all tokens are forbidden.
        ids = np.tile(np.arange(T) % V, (B, W, 1)).astype("int32")
        self.check(demands._replace(banned_ids=()), 10, logits, ids, offset)

    def test_what_is_behind_the_position_is_no_repetition(self):
        demands = searches.Asked(no_repeat_ngram_size=1)
        ids = np.full((B, W, T), 3, "int32")
        ids[:, :, :2] = [4, 5]
        found = candidates(demands, 2, random_logits(), ids)
        assert_all_equal(
            found.log_probs[0, 0] > contract.NEVER,
            [True] * 4 + [False] * 2 + [True],
        )

    @pytest.mark.parametrize("padding", (-1, 77))
    @pytest.mark.parametrize("count", (None, 3))
    def test_padding_that_is_no_token_is_no_repetition(self, padding, count):
        ids = random_ids(kinds=2)
        demands = searches.Asked(no_repeat_ngram_size=2)
        expected = candidates(demands, 4, random_logits(), ids, count)
        ids[:, :, 4:] = padding
        found = candidates(demands, 4, random_logits(), ids, count)
        assert_all_equal(found.ids, expected.ids)
        assert_all_equal(found.log_probs, expected.log_probs)

    @pytest.mark.parametrize("position", [0, 1, 2, 3, 4, 10])
    def test_the_end_waits_for_the_least_length_of_its_row(self, position):
        demands = searches.Asked(min_lengths=[0, 1, 2, 4, 99])
        self.check(demands, position, random_logits(), random_ids())

    @pytest.mark.parametrize(
        "banned", [[3], [END], [2, 3, 5, 2, 2], list(range(V))]
    )
    def test_banned_tokens_are_never_taken(self, banned):
        demands = searches.Asked(banned_ids=banned)
        self.check(demands, 3, random_logits(), random_ids())

    @pytest.mark.parametrize("position", [0, 1, 2, 3, 10])
    def test_a_prefix_is_all_that_is_allowed_in_it(self, position):
        prefix = [[2, 3, 4], [5, PAD, PAD], [PAD] * 3, [6, END, 3], [2, 2, 2]]
        for demands in (
            searches.Asked(),
            # These constraints apply only after the prefix, not inside it.
            searches.Asked(
                min_lengths=7, banned_ids=[3, 6], no_repeat_ngram_size=1
            ),
        ):
            ids = random_ids()
            for row, tokens in enumerate(prefix):
                ids[row, :, :3] = np.where(tokens, tokens, ids[row, :, :3])
            self.check(
                demands._replace(prefix=prefix), position, random_logits(), ids
            )

    def test_everything_together(self):
        demands = searches.Asked(
            [0, 3, 5, 7, 9], [[2], [PAD], [3], [PAD], [END]], [2, 6], 2
        )
        for seed in range(3):
            for position in (0, 1, 4, 8):
                self.check(
                    demands,
                    position,
                    random_logits(seed),
                    random_ids(seed, kinds=3),
                )

    @pytest.mark.parametrize("forbidden", (-np.inf, -1e9, -6e8))
    @pytest.mark.parametrize("offset", (0.0, -300.0, 300.0))
    def test_what_a_model_forbids_is_never(self, forbidden, offset):
        logits = random_logits(offset=offset)
        logits[:, 3] = forbidden
        for count in (None, V):
            for demands in (
                searches.Asked(),
                searches.Asked(no_repeat_ngram_size=1),
                searches.Asked(prefix=[[3]] * B),
            ):
                found = candidates(demands, 0, logits, random_ids(), count)
                is_three = found.ids.numpy() == 3
                assert np.sum(is_three) >= B * W
                assert_all_equal(
                    found.log_probs[is_three],
                    [contract.NEVER] * np.sum(is_three),
                )

    @pytest.mark.parametrize("count", [None, 1, 3])
    def test_a_graph_that_knows_no_sizes(self, count):
        demands = searches.Asked(2, [[2]] * B, [3], 2)
        limits = limits_of(demands)

        @tf.function(
            input_signature=[
                tf.TensorSpec([None, None]),
                tf.TensorSpec([None, W, None], tf.int32),
                tf.TensorSpec([], tf.int32),
            ]
        )
        def graph(logits, ids, position):
            return constraints.candidates(
                logits,
                count,
                demands.constraints(),
                task_of(demands),
                limits,
                ids,
                position,
            )

        for position in (0, 1, 7):
            logits, ids = random_logits(), random_ids(kinds=3)
            found = graph(logits, ids, position)
            expected = candidates(demands, position, logits, ids, count)
            assert_all_equal(found.ids, expected.ids)
            assert_all_close(found.log_probs, expected.log_probs)


class TestBadInput:
    @pytest.mark.parametrize("run", SEARCHES)
    @pytest.mark.parametrize(
        "case",
        (
            ({"min_lengths": -1}, "`min_lengths`.*Received: -1"),
            ({"min_lengths": [2, -3]}, "`min_lengths`.*Received: -3"),
            ({"no_repeat_ngram_size": -2}, "`no_repeat_ngram_size`.*: -2"),
            ({"no_repeat_ngram_size": 1.5}, "`no_repeat_ngram_size`.*: 1.5"),
            ({"no_repeat_ngram_size": 2.0}, "`no_repeat_ngram_size`.*: 2.0"),
            ({"banned_ids": [2, 7]}, r"`banned_ids`.*\[0, 7\). Received: 7"),
            ({"banned_ids": [-1]}, r"`banned_ids`.*\[0, 7\). Received: -1"),
            ({"prefix": [[2, 7]] * 2}, r"`prefix`.*\[0, 7\). Received: 7"),
            ({"prefix": [[2], [-5]]}, r"`prefix`.*\[0, 7\). Received: -5"),
            (
                {"prefix": [[2, 0, 0, 0], [2, 3, 4, 5]]},
                "row 1 with a prefix of 4 tokens and a maximum length of 3",
            ),
            ({"prefix": [2, 3]}, r"`prefix`.*\(B, P\).*shape=\(2,\)"),
            ({"prefix": [[2, 3]] * 7}, r"`prefix`.*\(B, P\).*=\(7, 2\)"),
            ({"prefix": [[2, 3]]}, r"`prefix`.*\(B, P\).*=\(1, 2\)"),
        ),
    )
    def test_constraints_that_are_none_are_refused(self, run, case):
        arguments, message = case
        with pytest.raises(ValueError, match=message):
            self.run_search(run, searches.Asked(**arguments))

    @pytest.mark.parametrize("run", SEARCHES)
    @pytest.mark.parametrize("end_id", (-1, 7))
    def test_an_end_that_is_no_token_is_refused(self, run, end_id):
        with pytest.raises(
            ValueError, match=rf"`end_id`.*\[0, 7\). Received: {end_id}"
        ):
            self.run_search(run, searches.Asked(), end_id=end_id)

    @pytest.mark.parametrize("run", SEARCHES)
    def test_what_a_graph_can_know_is_refused_before_it_runs(self, run):
        for arguments, message in (
            ({"min_lengths": [2, -3]}, "`min_lengths` must be at least 0"),
            ({"banned_ids": [7]}, "`banned_ids`.*Received: 7"),
            ({"prefix": [[2] * 4] * 2}, "row 0 with a prefix of 4 tokens"),
        ):
            demands = searches.Asked(**arguments)
            graph = tf.function(
                lambda demands=demands: self.run_search(run, demands)
            )
            with pytest.raises(ValueError, match=message):
                graph.get_concrete_function()

    def run_search(self, run, demands, **kwargs):
        return run(
            lambda ids, position, state: (tf.zeros([tf.size(ids), V]), state),
            (),
            **{
                "batch_size": 2,
                "max_lengths": 3,
                "constraints": demands,
                **IDS,
                **kwargs,
            },
        )

    @pytest.mark.parametrize("run", SEARCHES)
    def test_what_is_at_the_border_is_taken(self, run):
        result = self.run_search(
            run,
            searches.Asked(
                min_lengths=[99, 0],
                # A prefix ends before its first padding: it fits the limit.
                prefix=[[2, 6, 2, 0, 5], [0, 7, 7, 7, 7]],
                banned_ids=[0, 6],
            ),
            end_id=6,
        )
        assert_all_equal(result.ids[0, 0], [2, 6, PAD])

    @pytest.mark.parametrize("run", SEARCHES)
    def test_a_row_without_room_has_an_empty_prefix(self, run):
        result = self.run_search(
            run,
            searches.Asked(2, [[PAD, PAD], [2, 3]], [4], 1),
            max_lengths=[0, 3],
        )
        assert_all_equal(result.ids[0, 0], [PAD] * 3)
        assert_all_equal(result.ids[1, 0, :2], [2, 3])
        assert result.lengths[0, 0] == 0
        assert result.scores[0, 0] == 0
        with pytest.raises(
            ValueError,
            match="row 0 with a prefix of 1 tokens and a maximum length",
        ):
            self.run_search(
                run,
                searches.Asked(prefix=[[5], [2]]),
                max_lengths=[0, 3],
            )
