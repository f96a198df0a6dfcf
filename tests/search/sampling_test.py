"""Samples have the distribution of the settings.

B batch   W samples per row   V vocabulary_size
"""

import numpy as np
import pytest
import tensorflow as tf

from tests import costs
from tests.assertions import assert_all_close, assert_all_equal
from tests.references import search as reference_search
from tests.search import calls as searches
from tests.search import languages as languages_
from tests.search.languages import (
    END,
    IDS,
    PAD,
    RandomLanguages,
    search_chain,
)

DRAWS = 100_000
# A smaller p-value counts as an error. Seeds are fixed, so a test always passes
# or always fails.
LEAST_P_VALUE = 1e-3
PROBABILITIES = np.array(
    [0.03, 0.07, 0.21, 0.005, 0.16, 0.12, 0.03, 0.01, 0.3, 0.02, 0.045]
)
V = len(PROBABILITIES)
DISTRIBUTIONS = {
    "plain": {},
    "cold": {"temperature": 0.5},
    "hot": {"temperature": 2.5},
    "top_k": {"top_k": 5},
    "all_of_top_k": {"top_k": 99},
    "top_p": {"top_p": 0.6},
    "wide_top_p": {"top_p": 0.97},
    "top_k_and_top_p": {"top_k": 7, "top_p": 0.7},
    "everything": {"temperature": 1.7, "top_k": 6, "top_p": 0.9},
    "banned": {"banned": (8, 4)},
    "banned_top_k": {"banned": (8, 2), "top_k": 3},
    "banned_everything": {
        "banned": (2, 8, 10), "temperature": 0.8, "top_k": 5, "top_p": 0.9
    },
}  # fmt: skip
NAMED = [
    pytest.param(settings, id=name) for name, settings in DISTRIBUTIONS.items()
]


def p_value(counts, probabilities):
    """Returns the p-value of Pearson's chi-square test."""
    is_there = probabilities > 0
    assert np.all(counts[~is_there] == 0), "what has no probability was drawn"
    expected = probabilities[is_there] * np.sum(counts)
    statistic = np.sum((counts[is_there] - expected) ** 2 / expected)
    freedom = np.sum(is_there) - 1
    # The upper tail probability of the chi-square distribution.
    return float(
        tf.math.igammac(
            tf.constant(freedom / 2, tf.float64),
            tf.constant(statistic / 2, tf.float64),
        )
    )


def draw(
    rows, width, length=1, seed=0, banned=(), probabilities=None, **kwargs
):
    """Draws independent ids (rows, width, length)."""
    probabilities = PROBABILITIES if probabilities is None else probabilities
    logits = tf.math.log(tf.constant(probabilities, tf.float32))[None]

    def search():
        return searches.sampling_search(
            lambda ids, position, state: (
                # Logits need not be normalized. So all are 3 too large.
                tf.repeat(logits + 3.0, tf.size(ids), axis=0), state
            ),
            (),
            batch_size=rows,
            max_lengths=length,
            # Forbids the end token before `length`. So all samples have this
            # length.
            constraints=searches.Asked(
                length + 1 if length > 1 else 0, banned_ids=banned
            ),
            num_samples=width,
            seed=seed,
            **IDS,
            **kwargs,
        ).ids  # fmt: skip

    # If rows have seeds of their own, they are drawn one by one. This is faster
    # in a graph.
    return (tf.function(search) if np.ndim(seed) else search)().numpy()


class TestDistribution:
    def distribution(self, banned=(), **settings):
        allowed = [token for token in range(V) if token not in banned]
        return reference_search.sampling_distribution(
            np.log(PROBABILITIES).tolist(), allowed, **settings
        )

    @pytest.mark.parametrize("settings", NAMED)
    def test_frequencies_of_a_seed_for_all_rows(self, settings):
        ids = draw(1000, 100, **settings)
        counts = np.bincount(ids.ravel(), minlength=V)
        assert np.sum(counts) == DRAWS
        assert p_value(counts, self.distribution(**settings)) > LEAST_P_VALUE

    @pytest.mark.parametrize(
        "settings",
        [
            pytest.param({}, id="plain", marks=pytest.mark.grid),
            NAMED[-1],
        ],
    )
    def test_frequencies_of_seeds_of_rows(self, settings):
        ids = draw(5000, 20, seed=np.arange(5000), **settings)
        counts = np.bincount(ids.ravel(), minlength=V)
        assert np.sum(counts) == DRAWS
        assert p_value(counts, self.distribution(**settings)) > LEAST_P_VALUE

    def test_the_test_sees_small_differences(self):
        # Samples of a slightly different distribution must fail the test.
        ids = draw(1000, 100, temperature=1.03)
        counts = np.bincount(ids.ravel(), minlength=V)
        assert p_value(counts, self.distribution()) < LEAST_P_VALUE
        assert (
            p_value(counts, self.distribution(temperature=1.03)) > LEAST_P_VALUE
        )

    def test_top_p_keeps_the_fewest_that_reach_it(self):
        # The three largest probabilities, 0.3, 0.21 and 0.16, sum to 0.67.
        for top_p, kept in ((0.29, 1), (0.31, 2), (0.5, 2), (0.52, 3),
                            (0.66, 3), (0.68, 4), (1e-9, 1)):  # fmt: skip
            ids = draw(100, 100, top_p=top_p)
            best = np.argsort(-PROBABILITIES)[:kept]
            assert_all_equal(np.unique(ids), np.sort(best))

    @pytest.mark.parametrize("top_k", [1, 2, 5, V, V + 1])
    def test_top_k_keeps_so_many(self, top_k):
        ids = draw(100, 100, top_k=top_k, temperature=5.0)
        best = np.argsort(-PROBABILITIES, kind="stable")[:top_k]
        assert_all_equal(np.unique(ids), np.sort(best))

    def test_a_large_vocabulary(self):
        # In a vocabulary of this size `largest` works on chunks. Every 250th
        # token is probable.
        probabilities = np.full(8000, 4e-6)
        probabilities[::250] = (1 - 0.032 + 128e-6) / 32
        for top_k in (0, 32):
            ids = draw(53, 40, top_k=top_k, probabilities=probabilities)
            bins = np.where(ids % 250, 32, ids // 250)
            counts = np.bincount(bins.ravel(), minlength=33)
            shares = np.append(probabilities[::250], 0.0)
            shares[32] = 0 if top_k else 1 - np.sum(shares)
            assert p_value(counts, shares / np.sum(shares)) > LEAST_P_VALUE

    def test_whole_sequences(self):
        languages = RandomLanguages(37, 1, 3, 3, scale=1.0)
        rows = np.zeros(DRAWS // 5, int)
        expected = reference_search.every_hypothesis(
            languages.language(0), reference_search.Rules(3, END)
        )

        @tf.function
        def search():
            return languages.run(
                searches.sampling_search, rows=rows, max_lengths=3,
                constraints=searches.Asked(), num_samples=5,
            )  # fmt: skip

        result = search()
        found = [
            tuple(ids[:length])
            for ids, length in zip(
                result.ids.numpy().reshape(-1, 3).tolist(),
                result.lengths.numpy().ravel(),
                strict=True,
            )
        ]
        places = {one.ids: place for place, one in enumerate(expected)}
        counts = np.bincount(
            [places[ids] for ids in found], minlength=len(expected)
        )
        shares = np.exp([one.score for one in expected])
        assert_all_close(np.sum(shares), 1.0)
        assert p_value(counts, shares) > LEAST_P_VALUE


class TestIndependence:
    def check(self, first, second, is_ordered=True):
        """Checks that the two tokens of a pair are independent."""
        shares = np.outer(PROBABILITIES, PROBABILITIES)
        if not is_ordered:
            # A result sorts the samples of a row. So the order in which they
            # were drawn is unknown.
            first, second = np.maximum(first, second), np.minimum(first, second)
            shares = np.tril(shares) + np.tril(shares.T, -1)
        counts = np.zeros((V, V))
        np.add.at(counts, (first.ravel(), second.ravel()), 1)
        assert p_value(counts.ravel(), shares.ravel()) > LEAST_P_VALUE

    def test_samples_of_a_row(self):
        ids = draw(DRAWS, 2)[:, :, 0]
        self.check(ids[:, 0], ids[:, 1], is_ordered=False)
        ids = draw(DRAWS // 10, 2, seed=np.arange(DRAWS // 10))[:, :, 0]
        self.check(ids[:, 0], ids[:, 1], is_ordered=False)

    def test_rows(self):
        ids = draw(DRAWS, 1)[:, 0, 0]
        for distance in (1, 2, 5):
            self.check(ids[:-distance], ids[distance:])
        # Rows with consecutive seeds must be independent, too.
        ids = draw(DRAWS // 10, 1, seed=np.arange(DRAWS // 10))[:, 0, 0]
        for distance in (1, 2, 5):
            self.check(ids[:-distance], ids[distance:])

    def test_seeds(self):
        first, second = (draw(DRAWS // 2, 1, seed=seed) for seed in (3, 4))
        self.check(first, second)

    def test_positions(self):
        probabilities = PROBABILITIES.copy()
        # The end token is forbidden here.
        others = np.delete(np.arange(V), END)
        ids = draw(DRAWS // 2, 1, length=4)[:, 0]
        assert END not in ids.ravel().tolist()
        shares = probabilities[others] / np.sum(probabilities[others])
        for first, second in ((0, 1), (1, 2), (0, 3)):
            counts = np.zeros((V, V))
            np.add.at(counts, (ids[:, first], ids[:, second]), 1)
            assert (
                p_value(
                    counts[others][:, others].ravel(),
                    np.outer(shares, shares).ravel(),
                )
                > LEAST_P_VALUE
            )
        # The second token of seed 0 is independent of the first token of seed
        # 1.
        other = draw(DRAWS // 2, 1, length=4, seed=1)[:, 0]
        counts = np.zeros((V, V))
        np.add.at(counts, (ids[:, 1], other[:, 0]), 1)
        assert (
            p_value(
                counts[others][:, others].ravel(),
                np.outer(shares, shares).ravel(),
            )
            > LEAST_P_VALUE
        )


ALL = {"min_lengths": True, "prefix": True, "banned": (2,), "ngram": 2}
UNIGRAMS = {"banned": (END,), "ngram": 1}
# No demand, single demands, and several at once.
OBEYED = costs.grid(
    [
        {},
        {"min_lengths": True},
        {"prefix": True},
        {"banned": (2, 0)},
        UNIGRAMS,
        {"banned": tuple(range(4))},
        {"ngram": 2},
        ALL,
    ],
    keep=[{}, UNIGRAMS, {"banned": tuple(range(4))}, ALL],
)


class TestSamplingSearch:
    def sample(self, languages, demands=None, **kwargs):
        return languages.run(searches.sampling_search, demands, **kwargs)

    @pytest.mark.parametrize(
        "settings",
        (
            {"temperature": 1e-4},
            {"temperature": 1e-37},
            {"temperature": 1e-300},
            {"top_k": 1},
            {"top_p": 1e-9},
            {"top_k": 1, "temperature": 9.0, "top_p": 0.5},
        ),
    )
    @pytest.mark.parametrize("demands", costs.grid([{}, ALL], keep=[ALL]))
    def test_without_a_choice_it_is_greedy(self, settings, demands):
        languages = RandomLanguages(41, 211, vocabulary_size=4)
        demands = languages_.random_demands(languages, **demands)
        result = self.sample(
            languages, demands, attends=True, num_samples=3, **settings
        )
        expected = languages.run(searches.greedy_search, demands, attends=True)
        for found, answer in zip(result, expected, strict=True):
            for sample in range(3):
                assert_all_close(
                    found[:, sample], answer[:, 0], rtol=1e-6, atol=1e-6
                )

    @pytest.mark.parametrize("demands", OBEYED)
    def test_samples_obey_the_rules_and_have_the_models_scores(self, demands):
        languages = RandomLanguages(43, 101, vocabulary_size=4)
        demands = languages_.random_demands(languages, **demands)
        for settings in (
            {"temperature": 2.0}, {"top_k": 2}, {"top_p": 0.8},
            {"temperature": 3.0, "top_k": 3, "top_p": 0.9},
        ):  # fmt: skip
            result = self.sample(
                languages, demands, attends=True, num_samples=5, **settings
            )
            ids, lengths = result.ids.numpy(), result.lengths.numpy()
            expected = []
            for row in range(101):
                language, rules = languages.language(row), demands.rules(row)
                expected.append([])
                for sample in range(5):
                    tokens = tuple(
                        ids[row, sample, : lengths[row, sample]].tolist()
                    )
                    for n, token in enumerate(tokens):
                        allowed = reference_search.allowed_tokens(
                            tokens[:n], rules, 4
                        )
                        assert token in allowed
                        assert END not in tokens[:n]
                    # A sample stops only at its limit, at the end token, or if
                    # no token is allowed.
                    assert (
                        len(tokens) == rules.limit
                        or END in tokens
                        or not reference_search.allowed_tokens(tokens, rules, 4)
                    )
                    expected[-1].append(
                        reference_search.hypothesis(tokens, language, rules)
                    )
            languages_.check(result, expected, attends=True)
            steps = np.diff(result.scores.numpy(), axis=1)
            assert np.max(steps) <= 0

    def test_a_seed_repeats_and_another_differs(self):
        languages = RandomLanguages(47, 53)
        first, again, other = (
            self.sample(languages, num_samples=3, seed=seed).ids.numpy()
            for seed in (5, 5, 6)
        )
        assert_all_equal(first, again)
        assert np.mean(np.any(first != other, axis=(1, 2))) > 0.6

    @pytest.mark.parametrize("dtype", ["int32", "int64"])
    def test_rows_of_one_seed_are_drawn_alike_and_others_are_not(self, dtype):
        languages = RandomLanguages(47, 1, longest=5, scale=0.5)
        languages.limits = [5]
        seeds = np.array([3, 3, 2**31 - 1, 0, -7, 3], dtype)
        ids = self.sample(
            languages, rows=np.zeros(6, int), num_samples=5, seed=seeds
        ).ids.numpy()
        for row in range(6):
            for other in range(row):
                assert np.array_equal(ids[row], ids[other]) == (
                    seeds[row] == seeds[other]
                )

    def test_a_seed_known_only_at_run_time(self):
        languages = RandomLanguages(47, 7)
        for shape, seed in (([], 5), ([None], np.arange(7))):
            graph = tf.function(
                lambda seed: self.sample(languages, seed=seed),
                input_signature=[tf.TensorSpec(shape, tf.int64)],
            )
            assert_all_equal(
                graph(seed).ids, self.sample(languages, seed=seed).ids
            )

    @pytest.mark.grid
    @pytest.mark.xla
    def test_xla_draws_the_same_from_seeds_of_rows(self):
        languages = RandomLanguages(47, 53, vocabulary_size=4)
        demands = languages_.random_demands(languages, prefix=True, ngram=2)
        seeds = tf.Variable(np.arange(53) * 1_000_003)

        def search():
            return self.sample(languages, demands, num_samples=3, seed=seeds)

        expected = search()
        result = tf.function(search, jit_compile=True)()
        assert_all_equal(result.ids, expected.ids)
        assert_all_close(result.scores, expected.scores, rtol=0, atol=1e-5)

    def test_where_all_is_forbidden_it_ends_without_the_end(self):
        for settings in ({}, {"top_k": 2}, {"top_p": 0.7}):
            result = search_chain(
                [[0, 0.1, 0.5, 0.4]] * 4,
                searches.sampling_search,
                constraints=searches.Asked(
                    banned_ids=[0, END], no_repeat_ngram_size=1
                ),
                **settings,
            )
            assert_all_equal(np.sort(result.ids[0, 0, :2]), [2, 3])
            assert_all_equal(result.ids[0, 0, 2:], [PAD] * 3)
            assert_all_equal(result.lengths, [[2]])
            assert_all_close(result.scores, [[np.log(0.2)]], rtol=1e-6)

    def test_tiny_vocabularies(self):
        result = searches.sampling_search(
            lambda ids, position, state: (tf.zeros([tf.size(ids), 1]), state),
            (), batch_size=2, max_lengths=3, start_id=0, end_id=0, pad_id=7,
            num_samples=2,
        )  # fmt: skip
        assert_all_equal(result.ids, [[[0, 7, 7]] * 2] * 2)
        assert_all_equal(result.scores, np.zeros((2, 2)))

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            (
                {"num_samples": 0},
                "`num_samples` must be a whole number.*: 0. Give",
            ),
            (
                {"num_samples": 1.5},
                "`num_samples` must be a whole number of at least 1",
            ),
            ({"seed": 2**63}, "`seed` must fit into 64 bits. Received: 92233"),
            (
                {"seed": -(2**70)},
                "`seed` must fit into 64 bits. Received: -118",
            ),
            (
                {"max_lengths": -1},
                "`max_lengths` must be at least 0. Received: -1",
            ),
            (
                {"num_samples": -2},
                "`num_samples` must be a whole number.*: -2. Give",
            ),
            ({"temperature": 0}, "`temperature` must be above 0.*: 0. Use"),
            (
                {"temperature": -0.5},
                "`temperature` must be above 0.*: -0.5. Use",
            ),
            (
                {"temperature": np.nan},
                "`temperature` must be above 0.*: nan. Use",
            ),
            ({"top_k": -1}, "`top_k` must be a whole number.*: -1. Use 0"),
            ({"top_k": 1.5}, "`top_k` must be a whole number.*: 1.5. Use 0"),
            ({"top_k": 4.0}, "`top_k` must be a whole number.*: 4.0. Use 0"),
            ({"seed": [3, 5]}, r"`row_keys`.*shape \(2,\). Expected \(1,\)"),
            ({"seed": [[3]]}, r"`row_keys`.*shape \(1, 1\). Expected \(1,\)"),
            ({"top_p": 0.0}, r"`top_p` must be in \(0, 1\].*: 0.0. Use 1"),
            ({"top_p": -0.1}, r"`top_p` must be in \(0, 1\].*: -0.1. Use 1"),
            ({"top_p": 1.1}, r"`top_p` must be in \(0, 1\].*: 1.1. Use 1"),
        ],
    )
    def test_settings_that_are_none_are_refused(self, settings, message):
        with pytest.raises(ValueError, match=message):
            search_chain(np.ones((3, 3)), searches.sampling_search, **settings)
