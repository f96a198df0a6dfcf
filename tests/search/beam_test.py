"""Beam search finds the same hypotheses as an exhaustive search.

B batch   W beam size   T target length   V vocabulary_size   S source length
"""

import numpy as np
import pytest
import tensorflow as tf

from keras_transformer.search import scoring
from tests.assertions import assert_all_close, assert_all_equal
from tests.references import search as reference_search
from tests.search import calls as searches
from tests.search import languages as languages_
from tests.search.languages import (
    END,
    IDS,
    NO_ONE,
    PAD,
    RandomLanguages,
    chain_step,
    search_chain,
)

# Settings of a search: the ranking of hypotheses, and the constraints.
RANKINGS = {
    "sum": {"alpha": 0.0},
    "gnmt": {"alpha": 0.6},
    "gnmt_strong": {"alpha": 2.0},
    "average": {"alpha": 1.0, "penalty": "average"},
    "average_weak": {"alpha": 0.6, "penalty": "average"},
    "none": {"alpha": 0.7, "penalty": "none"},
    "coverage": {"alpha": 0.6, "coverage": 0.3},
    "coverage_average": {
        "alpha": 1.0, "penalty": "average", "coverage": 1.1
    },
    "coverage_none": {"alpha": 0.6, "penalty": "none", "coverage": 0.2},
}  # fmt: skip
DEMANDS = {
    "min_lengths": {"min_lengths": True},
    "prefix": {"prefix": True},
    "banned": {"banned": (2,)},
    "banned_end": {"banned": (END,)},
    "unigrams": {"ngram": 1},
    "bigrams": {"ngram": 2},
    "trigrams": {"ngram": 3},
    "prefix_bigrams": {"prefix": True, "ngram": 2},
    "prefix_banned": {"prefix": True, "banned": (2, 2)},
    "long_banned": {"min_lengths": True, "banned": (0,)},
    "dead_ends": {"min_lengths": True, "ngram": 1, "banned": (0,)},
    "never_ending_unigrams": {"banned": (END,), "ngram": 1},
    "everything": {
        "min_lengths": True, "prefix": True, "banned": (0,), "ngram": 2
    },
}  # fmt: skip
# Every ranking without constraints, and every constraint with one of five
# rankings.
SETTINGS = [
    *(pytest.param(ranking, {}, id=name) for name, ranking in RANKINGS.items()),
    *(
        pytest.param(RANKINGS[ranking], demand, id=name)
        for ranking, (name, demand) in zip(
            ["gnmt", "coverage_average", "average", "coverage", "sum"] * 3,
            DEMANDS.items(),
            strict=False,
        )
    ),
]


def split_settings(*names):
    """Splits SETTINGS in two: those with the given names, and the rest."""
    return [
        [one for one in SETTINGS if (one.id in names) == is_in]
        for is_in in (True, False)
    ]


# These rankings divide by the length in two ways, or add a coverage penalty.
# With these constraints rows end early, late or never. So they show at which
# step a search stops.
STOPPING, NOT_STOPPING = split_settings(
    *("gnmt_strong", "average", "coverage"),
    *("min_lengths", "banned_end", "dead_ends", "everything"),
)
# Scores do not depend on constraints, so one constraint is enough.
SCORING, NOT_SCORING = split_settings(
    "gnmt_strong", "average", "coverage_average", "everything"
)


def rules(languages, demands, ranking):
    return [demands.rules(row, **ranking) for row in range(languages.num_rows)]


# The tests of a wide beam use all settings. By default, those of a narrow beam
# use only these: each form of the ranking, and two demands.
NARROW = [
    one
    if one.id in ("gnmt", "coverage", "average", "everything", "prefix_bigrams")
    else pytest.param(*one.values, id=one.id, marks=pytest.mark.grid)
    for one in SETTINGS
]


class TestBeamSearch:
    def check_settings(self, languages, ranking, demands, beam_size, expected):
        """Compares a search with `expected(row, rules)` of the reference."""
        demands = languages_.random_demands(languages, **demands)
        result = languages.search(
            demands=demands,
            attends=True,
            beam_size=beam_size,
            top_beams=beam_size,
            **ranking,
        )
        answers = [
            expected(languages.language(row), rules)
            for row, rules in enumerate(rules(languages, demands, ranking))
        ]
        languages_.check(result, answers, attends=True)
        return answers

    @pytest.mark.parametrize(("ranking", "demands"), SETTINGS)
    def test_a_beam_as_wide_as_the_space_is_exhaustive(self, ranking, demands):
        # 89 languages. Each has 40 finished and 81 unfinished sequences.
        languages = RandomLanguages(7, 89, vocabulary_size=4, longest=4)
        self.check_settings(
            languages,
            ranking,
            demands,
            languages.count(),
            reference_search.every_hypothesis,
        )

    @pytest.mark.parametrize(
        ("vocabulary_size", "longest", "num_rows"),
        [(2, 7, 53), (3, 5, 101), (5, 3, 23)],
    )
    @pytest.mark.parametrize(
        "ranking", (RANKINGS["gnmt"], RANKINGS["coverage"])
    )
    @pytest.mark.parametrize("demands", ({}, DEMANDS["prefix_bigrams"]))
    def test_a_wide_beam_is_exhaustive_in_other_vocabularies(
        self, vocabulary_size, longest, num_rows, ranking, demands
    ):
        languages = RandomLanguages(3, num_rows, vocabulary_size, longest)
        self.check_settings(
            languages,
            ranking,
            demands,
            languages.count(),
            reference_search.every_hypothesis,
        )

    @pytest.mark.parametrize(("ranking", "demands"), NARROW)
    def test_a_narrow_beam_keeps_the_best_of_each_length(
        self, ranking, demands
    ):
        languages = RandomLanguages(2, num_rows=59)
        for beam_size in (1, 3):
            self.check_settings(
                languages,
                ranking,
                demands,
                beam_size,
                lambda *args, size=beam_size: reference_search.best_of_beam(
                    *args, size
                ),
            )

    @pytest.mark.grid
    def test_the_options_matter(self):
        # Each setting must change the result. Otherwise the tests of that
        # setting would prove nothing.
        languages = RandomLanguages(7, 89, vocabulary_size=4, longest=4)

        def best(demands, **ranking):
            result = languages.search(
                demands=languages_.random_demands(languages, **demands),
                attends=True,
                beam_size=languages.count(),
                top_beams=languages.count(),
                **ranking,
            )
            is_there = result.scores.numpy() > NO_ONE
            return np.where(is_there[:, :, None], result.ids, -1)

        first = best({}, alpha=0.0)
        for name, ranking in RANKINGS.items():
            changed = np.any(best({}, **ranking) != first, axis=(1, 2))
            if name in ("sum", "none"):
                assert np.sum(changed) == 0
            else:
                assert np.sum(changed) > 19, name
        for name, demands in DEMANDS.items():
            changed = np.any(best(demands, alpha=0.0) != first, axis=(1, 2))
            # Only one row in four has room to repeat three tokens.
            assert np.sum(changed) > 19, name

    @pytest.mark.parametrize(("ranking", "demands"), STOPPING)
    def test_fewer_top_beams_are_the_first_of_more(self, ranking, demands):
        self.check_fewer_top_beams(ranking, demands)

    @pytest.mark.parametrize(("ranking", "demands"), NOT_STOPPING)
    @pytest.mark.grid
    def test_fewer_top_beams_of_other_settings(self, ranking, demands):
        self.check_fewer_top_beams(ranking, demands)

    def check_fewer_top_beams(self, ranking, demands):
        # With fewer `top_beams` a row stops earlier, but not too early.
        languages = RandomLanguages(5, num_rows=101, vocabulary_size=4)
        kwargs = {
            "demands": languages_.random_demands(languages, **demands),
            "attends": True,
            "beam_size": 5,
            **ranking,
        }
        full = languages.search(top_beams=5, **kwargs)
        is_there = full.scores.numpy() > NO_ONE
        for top_beams in (1, 3):
            result = languages.search(top_beams=top_beams, **kwargs)
            there = is_there[:, :top_beams]
            for found, answer in zip(result, full, strict=True):
                answer = answer[:, :top_beams]
                assert found.shape == answer.shape
                assert_all_equal(found[there], answer[there])
            assert_all_equal(result.scores, full.scores[:, :top_beams])

    @pytest.mark.parametrize(("ranking", "demands"), SCORING)
    def test_scores_are_those_of_score_targets(self, ranking, demands):
        self.check_scores(ranking, demands)

    @pytest.mark.parametrize(("ranking", "demands"), NOT_SCORING)
    @pytest.mark.grid
    def test_scores_of_other_settings(self, ranking, demands):
        self.check_scores(ranking, demands)

    def check_scores(self, ranking, demands):
        languages = RandomLanguages(11, num_rows=53)
        # In these languages the padding id is also a token. Ban it.
        demands = {**demands, "banned": (PAD, *demands.get("banned", ()))}
        demands = languages_.random_demands(languages, **demands)
        result = languages.search(
            demands=demands, attends=True, beam_size=3, top_beams=3, **ranking
        )
        is_there = result.scores.numpy() > NO_ONE
        assert np.sum(is_there) > 53
        for rank in range(3):
            ids = result.ids[:, rank].numpy()
            ids[~is_there[:, rank]] = PAD
            logits, attention = [
                np.array(
                    [
                        [
                            after(row, ids[row, :t][ids[row, :t] != PAD])
                            for t in range(ids.shape[1])
                        ]
                        for row in range(53)
                    ]
                )
                for after in (languages.logits_after, languages.attention_after)
            ]
            scored = scoring.score_targets(
                logits,
                ids,
                pad_id=PAD,
                attention=attention,
                source_mask=languages.source_mask,
                **ranking,
            )
            there = is_there[:, rank]
            for name, tolerance in (
                ("ids", 0), ("lengths", 0), ("scores", 1e-5),
                ("log_probs", 1e-5), ("attention", 0),
            ):  # fmt: skip
                assert_all_close(
                    getattr(scored, name)[:, 0][there],
                    getattr(result, name)[:, rank][there],
                    rtol=tolerance,
                    atol=tolerance / 2,
                    msg=name,
                )

    def test_the_languages_cover_ends_and_limits(self):
        languages = RandomLanguages(5, num_rows=41)
        result = languages.search(beam_size=3, top_beams=3)
        ends = np.any(result.ids == END, axis=-1)
        assert np.sum(ends) > 30
        assert np.sum(~ends) > 10
        # Rows with finished and unfinished hypotheses test that the finished
        # ones come first.
        assert np.sum(ends.any(1) & ~ends.all(1)) > 5

    def test_beam_one_is_greedy_where_the_best_token_is_nearly_certain(self):
        languages = RandomLanguages(0, num_rows=41, scale=20.0)
        result = languages.search(beam_size=1, alpha=0.0)
        expected = languages.run(searches.greedy_search)
        # Beam search ranks finished hypotheses first. So only rows that end in
        # both searches are compared.
        ends = np.any(expected.ids == END, axis=(1, 2))
        assert np.sum(ends) > 9
        nearly_certain = ends & (expected.scores.numpy()[:, 0] > -np.log(2))
        assert np.sum(nearly_certain) > 9
        for found, answer in (
            (result.ids, expected.ids),
            (result.lengths, expected.lengths),
        ):
            assert_all_equal(
                found.numpy()[nearly_certain], answer.numpy()[nearly_certain]
            )
        assert_all_close(
            result.scores.numpy()[nearly_certain],
            expected.scores.numpy()[nearly_certain],
            atol=1e-6,
        )

    def test_beam_one_is_greedy_where_nothing_ends_before_the_limit(self):
        languages = RandomLanguages(13, 307, vocabulary_size=4)
        demands = languages_.Demands(
            languages.limits, [limit + 1 for limit in languages.limits]
        )
        result, expected = (
            languages.run(run, demands, attends=True, **kwargs)
            for run, kwargs in (
                (searches.beam_search, {"beam_size": 1, "alpha": 0.0}),
                (searches.greedy_search, {}),
            )
        )
        for found, answer in zip(result, expected, strict=True):
            assert_all_close(found, answer, rtol=1e-6, atol=1e-6)
        assert_all_equal(result.ids, expected.ids)
        assert_all_equal(result.lengths[:, 0], languages.limits)
        assert np.sum(result.ids == END) == 0

    def test_beam_one_keeps_an_end_that_greedy_passes_by(self):
        # Greedy search finds 2 END, of 0.6 * 0.5. END has probability 0.4.
        chain = [[0, 0.4, 0.6], [1, 1, 1], [0.25, 0.5, 0.25]]
        result = search_chain(chain, beam_size=1, alpha=0.0)
        assert_all_equal(result.ids[0, 0, :1], [END])
        assert_all_close(result.scores, [[np.log(0.4)]], rtol=1e-6)

    def test_a_finished_hypothesis_is_frozen_while_a_longer_overtakes_it(self):
        # The chain from token 0, without the transitions of probability 0.01:
        #
        #       0.48    0.99    0.99
        #     0 ----> 2 ----> 3 ----> 4
        #     |                       |
        #     | 0.50                  | 0.99
        #     v                       v
        #    END                     END
        #
        # After END, token 2 would have probability 1 and cost nothing. So the
        # score shows that the hypothesis is not extended. The divisor of n
        # tokens, END included, is ((5 + n) / 6)^0.6:
        #
        #     hypothesis   n   log-probability           divisor   score
        #     END          1   log 0.5          -0.693   1.000     -0.693
        #     2 3 4 END    4   log 0.48*0.99^3  -0.764   1.275     -0.599
        #
        # A beam of 2 finds END at step 0 and keeps it to the last step:
        #
        #     step   live, with log-probabilities        finished, best first
        #     0      2      -0.734,  3      -4.605       END
        #     1      2 3    -0.744,  3 4    -4.615       END, 2 END
        #     2      2 3 4  -0.754,  3 4 2  -9.220       END, 3 4 END
        #     3      no live hypothesis can still win    2 3 4 END, END
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
        assert_all_equal(
            result.ids[0, :, :4], [[2, 3, 4, 1], [1, PAD, PAD, PAD]]
        )
        assert_all_equal(result.lengths, [[4, 1]])
        assert_all_close(
            result.scores, [[long / (9 / 6) ** 0.6, short]], rtol=1e-5
        )
        # Without a length penalty, END has the better score.
        result = search_chain(chain, alpha=0.0, **settings)
        assert_all_equal(result.lengths, [[1, 4]])
        assert_all_close(result.scores, [[short, long]], rtol=1e-5)

    @pytest.mark.parametrize("alpha", [0.0, 0.6])
    def test_if_nothing_ends_prefixes_are_ranked_by_the_same_score(self, alpha):
        # The probabilities of tokens 2 and 3 do not depend on the past. So the
        # best hypotheses contain 2 most often.
        chain = np.array([[0, 0, 0.75, 0.25]] * 4)
        result = search_chain(
            chain,
            batch_size=3,
            max_lengths=[1, 2, 3],
            beam_size=2,
            top_beams=2,
            alpha=alpha,
        )
        assert_all_equal(result.lengths, [[1, 1], [2, 2], [3, 3]])
        for row, limit in enumerate((1, 2, 3)):
            assert_all_equal(result.ids[row, 0, :limit], [2] * limit)
            assert np.sum(result.ids[row, 1, :limit] == 3) == 1
            log_probs = np.log([0.75**limit, 0.75 ** (limit - 1) * 0.25])
            assert_all_close(
                result.scores[row],
                log_probs / ((5 + limit) / 6) ** alpha,
                rtol=1e-5,
            )

    def test_all_finished_come_before_all_unfinished(self):
        # The end token is improbable. A finished hypothesis must still come
        # first.
        chain = [[0, 0.001, 0.999], [1, 1, 1], [0, 0.001, 0.999]]
        result = search_chain(
            chain, max_lengths=3, beam_size=2, top_beams=2, alpha=0.0
        )
        assert_all_equal(result.ids[0, 0], [1, PAD, PAD])
        assert_all_equal(result.ids[0, 1], [2, 1, PAD])
        result = search_chain(
            chain, max_lengths=1, beam_size=2, top_beams=2, alpha=0.0
        )
        assert_all_equal(result.ids, [[[1], [2]]])
        assert_all_close(result.scores, [np.log([0.001, 0.999])], rtol=1e-5)

    @pytest.mark.parametrize("forbidden", (-np.inf, -1e9, -6e8))
    @pytest.mark.parametrize("alpha", (0.0, 0.6))
    def test_what_is_forbidden_is_never_found(self, forbidden, alpha):
        # Only token 2 is allowed, at every step. So there is only one
        # hypothesis for four slots, and it does not end.
        logits = np.full((1, 7), forbidden, "float32")
        logits[0, 2] = 0.0
        result = searches.beam_search(
            lambda ids, position, state: (
                tf.repeat(tf.constant(logits), tf.size(ids), 0), state
            ),
            (),
            batch_size=2,
            max_lengths=[3, 5],
            start_id=0,
            end_id=END,
            pad_id=PAD,
            beam_size=4,
            top_beams=4,
            alpha=alpha,
        )  # fmt: skip
        assert_all_equal(result.lengths[:, 0], [3, 5])
        assert_all_equal(
            result.ids[:, 0], [[2, 2, 2, PAD, PAD], [2, 2, 2, 2, 2]]
        )
        # Without oneDNN, the log-softmax of a step is 0 only up to rounding.
        rounding = 5 * np.finfo("float32").eps
        assert_all_close(result.scores[:, 0], [0.0, 0.0], atol=rounding)
        assert_all_equal(result.scores[:, 1:], np.full((2, 3), NO_ONE))

    def test_coverage_makes_another_hypothesis_win(self):
        # 2 END has probability 0.6 * 0.9 and attends almost only to the first
        # source token. 3 4 END has probability 0.4 * 0.9 * 0.9 and attends to
        # both unmasked source tokens. The third source token is masked.
        chain = [
            [0, 0, 0.6, 0.4, 0],
            [0, 1, 0, 0, 0],
            [0, 0.9, 0.1, 0, 0],
            [0, 0.1, 0, 0, 0.9],
            [0, 0.9, 0.1, 0, 0],
        ]
        reads = tf.constant(
            # Row i is the attention of the step that reads token i.
            [[1, 0, 0], [1, 0, 0], [0.9, 0.1, 0], [0.3, 0.7, 0], [0.5, 0.5, 0]]
        )
        step = chain_step(chain)

        def attending_step(ids, position, state):
            return *step(ids, position, state), tf.gather(reads, ids)

        def best(coverage):
            result = searches.beam_search(
                attending_step, (), batch_size=1, max_lengths=5, beam_size=3,
                source_mask=[[True, True, False]], coverage=coverage,
                alpha=0.0, **IDS,
            )  # fmt: skip
            length = int(result.lengths[0, 0])
            assert_all_equal(
                result.attention[0, 0, length:], np.zeros((5 - length, 3))
            )
            ids = result.ids[0, 0, :length].numpy().tolist()
            # The step that reads one token writes the next token.
            assert_all_equal(
                result.attention[0, 0, :length],
                reads.numpy()[[0, *ids[:-1]]],
            )
            return ids, float(result.scores[0, 0])

        short, long = np.log(0.6 * 0.9), np.log(0.4 * 0.9 * 0.9)
        # 2 END covers the source tokens with 1 and 0.1. 3 4 END covers both
        # with at least 1. At `limit` both hypotheses have the same score.
        limit = (short - long) / -np.log(0.1)
        ids, score = best(0.99 * limit)
        assert ids == [2, END]
        assert_all_close(score, short + 0.99 * limit * np.log(0.1))
        ids, score = best(1.01 * limit)
        assert ids == [3, 4, END]
        assert_all_close(score, long)

    def test_the_form_of_the_length_penalty_makes_another_win(self):
        # END has probability 0.3, and 2 3 END has probability 0.7 * 0.4.
        chain = [[0, 0.3, 0.7, 0], [0, 1, 0, 0], [0, 0, 0, 1], [0, 0.4, 0, 0.6]]
        short, long = np.log(0.3), np.log(0.7 * 0.4)
        kwargs = {"beam_size": 3, "alpha": 1.0, "max_lengths": 3}
        # long / short is 1.057. The divisors of 2 3 END, 8 / 6 and 3, are
        # larger, so 2 3 END wins.
        for penalty, score in (("gnmt", long / (8 / 6)), ("average", long / 3)):
            result = search_chain(chain, penalty=penalty, **kwargs)
            assert_all_equal(result.ids, [[[2, 3, END]]])
            assert_all_close(result.scores, [[score]])
        result = search_chain(chain, penalty="none", **kwargs)
        assert_all_equal(result.ids, [[[END, PAD, PAD]]])
        assert_all_close(result.scores, [[short]])
        # With 0.7 * 0.2 the ratio is 1.633, which is between the two divisors.
        chain[3] = [0, 0.2, 0, 0.8]
        result = search_chain(chain, penalty="gnmt", **kwargs)
        assert_all_equal(result.ids, [[[END, PAD, PAD]]])
        assert_all_close(result.scores, [[short]])
        result = search_chain(chain, penalty="average", **kwargs)
        assert_all_equal(result.ids, [[[2, 3, END]]])
        assert_all_close(result.scores, [[np.log(0.7 * 0.2) / 3]])

    def test_where_all_is_forbidden_hypotheses_end_unfinished(self):
        # Only tokens 2 and 3 are allowed, each once. END is not allowed. So
        # after two tokens no token is allowed, although the limit is seven.
        result = search_chain(
            [[0, 0.1, 0.5, 0.4]] * 4,
            max_lengths=7,
            constraints=searches.Asked(
                banned_ids=[0, END], no_repeat_ngram_size=1
            ),
            beam_size=3,
            top_beams=3,
            alpha=0.0,
        )
        assert_all_equal(result.ids[0, 0, 2:], [PAD] * 5)
        assert_all_equal(np.sort(result.ids[0, :2, :2]), [[2, 3], [2, 3]])
        assert_all_equal(result.lengths[0, :2], [2, 2])
        assert_all_close(
            result.scores, [[np.log(0.2), np.log(0.2), NO_ONE]], rtol=1e-6
        )
        # If no token is ever allowed, the empty hypothesis is returned.
        result = search_chain(
            np.ones((4, 4)),
            constraints=searches.Asked(banned_ids=range(4)),
            top_beams=2,
        )
        assert_all_equal(result.ids[0, 0], [PAD] * 5)
        assert result.lengths[0, 0] == 0
        assert_all_equal(result.scores, [[0.0, NO_ONE]])

    def test_a_prefix_that_ends_is_all_there_is(self):
        result = search_chain(
            [[0.1, 0.2, 0.3, 0.4]] * 4,
            constraints=searches.Asked(prefix=[[3, END, 2]]),
            top_beams=2,
            alpha=0.0,
        )
        assert_all_equal(result.ids[0, 0], [3, END, PAD, PAD, PAD])
        assert_all_close(
            result.scores, [[np.log(0.4 * 0.2), NO_ONE]], rtol=1e-6
        )

    @pytest.mark.parametrize("stopping", ["certain", "full", "current_length"])
    def test_a_prefix_as_long_as_the_limit_is_found_once(self, stopping):
        result = search_chain(
            [[0.1, 0.2, 0.3, 0.4]] * 4,
            constraints=searches.Asked(prefix=[[3]]),
            max_lengths=1,
            top_beams=2,
            alpha=0.0,
            stopping=stopping,
        )
        assert_all_close(result.scores, [[np.log(0.4), NO_ONE]], rtol=1e-6)

    @pytest.mark.parametrize("beam_size", [1, 2, 3])
    def test_tiny_vocabularies(self, beam_size):
        # A vocabulary of one token, which is the end token.
        result = searches.beam_search(
            lambda ids, position, state: (tf.zeros([tf.size(ids), 1]), state),
            (), batch_size=2, max_lengths=3, start_id=0, end_id=0, pad_id=7,
            beam_size=beam_size, top_beams=beam_size,
        )  # fmt: skip
        assert_all_equal(result.ids[:, 0], [[0, 7, 7]] * 2)
        assert_all_equal(result.scores[:, 0], [0.0, 0.0])
        assert_all_equal(
            result.scores[:, 1:], np.full((2, beam_size - 1), NO_ONE)
        )
        # A vocabulary of two tokens: 0 and the end token.
        result = search_chain(
            [[0.6, 0.4]] * 2, max_lengths=3, beam_size=beam_size,
            top_beams=beam_size, alpha=0.0,
        )  # fmt: skip
        assert_all_equal(result.lengths[0], range(1, 1 + beam_size))
        assert_all_close(
            result.scores[0],
            np.log([0.4, 0.4 * 0.6, 0.4 * 0.36])[:beam_size],
            rtol=1e-6,
        )

    def test_a_graph_that_does_not_know_the_vocabulary(self):
        languages = RandomLanguages(0, vocabulary_size=3)

        def step(ids, position, state):
            logits, state = languages.step(ids, position, state)
            # A slice with all columns. The graph cannot know their number.
            size = tf.math.count_nonzero(logits[0] < np.inf, dtype=tf.int32)
            return logits[:, :size], state

        @tf.function
        def graph():
            return searches.beam_search(
                step, languages.state(), batch_size=11, beam_size=5,
                max_lengths=languages.limits, top_beams=5, **IDS,
            )  # fmt: skip

        expected = languages.search(beam_size=5, top_beams=5)
        is_there = expected.scores.numpy() > NO_ONE
        result = graph()
        assert_all_equal(result.ids[is_there], expected.ids[is_there])
        assert_all_close(result.scores, expected.scores, atol=1e-6)

    def test_stops_when_no_prefix_can_win_and_not_before(self):
        def positions_until_done(probability_of_end, **kwargs):
            positions = []
            p = probability_of_end
            step = chain_step([[0, p, 1 - p]] * 3)

            def counted(ids, position, state):
                positions.append(int(position))
                return step(ids, position, state)

            result = searches.beam_search(
                counted, (), batch_size=1, max_lengths=50, start_id=0,
                end_id=END, pad_id=PAD, beam_size=3, **kwargs,
            )  # fmt: skip
            # The result always has as many columns as the limit, whenever the
            # search stopped.
            assert result.ids.shape[2] == 50
            return positions

        # After n steps the best live hypothesis has the log-probability n log(1
        # - p). Its best possible score is n log(1 - p) / 3.7786, with the
        # divisor of length 50.
        assert positions_until_done(0.9) == [0]
        # The finished score log 0.3 = -1.204 exceeds n * -0.0944 for n = 13.
        assert positions_until_done(0.3) == list(range(13))
        # Without a length penalty the score exceeds n * -0.357 for n = 4.
        assert positions_until_done(0.3, alpha=0.0) == list(range(4))
        # The second finished score is log 0.09 / 1.097 = -2.195, the third is
        # log 0.009 / 1.188 = -3.964. These scores must exceed n * -0.609.
        assert positions_until_done(0.9, top_beams=2) == list(range(4))
        assert positions_until_done(0.9, top_beams=3) == list(range(7))
        # If the caller needs only the best hypothesis, the search stops as if
        # it returned only one. In a graph, `only_best` is a tensor.
        for only_best in (True, tf.constant(True)):
            asked = {"top_beams": 3, "only_best": only_best}
            assert positions_until_done(0.9, **asked) == [0]
            assert positions_until_done(0.3, **asked) == list(range(13))
        asked["only_best"] = tf.constant(False)
        assert positions_until_done(0.9, **asked) == list(range(7))

    @pytest.mark.parametrize(
        ("penalty", "alpha", "expected"),
        [
            # The search stops after n steps if the finished score -1.204, log
            # 0.3, exceeds n * -0.357 / d. The divisor d of length 50 is 1, then
            # 55 / 6, then 50. With 50 the search stops only at the limit.
            ("none", 1.0, range(4)),
            ("gnmt", 1.0, range(31)),
            ("average", 1.0, range(50)),
        ],
    )
    def test_stops_as_the_penalty_allows(self, penalty, alpha, expected):
        positions = []
        step = chain_step([[0, 0.3, 0.7]] * 3)

        def counted(ids, position, state):
            positions.append(int(position))
            return step(ids, position, state)

        searches.beam_search(
            counted, (), batch_size=1, max_lengths=50, beam_size=3,
            penalty=penalty, alpha=alpha, **IDS,
        )  # fmt: skip
        assert positions == list(expected)

    def test_stops_later_for_what_coverage_takes_away(self):
        # n tokens, END included, have probability 0.3 * 0.7^(n - 1). Each step
        # has attention 0.5 to the only source token. So a hypothesis of one
        # token gets the coverage penalty log 0.5.
        positions = []
        step = chain_step([[0, 0.3, 0.7]] * 3)

        def counted(ids, position, state):
            positions.append(int(position))
            return *step(ids, position, state), tf.fill([tf.size(ids), 1], 0.5)

        result = searches.beam_search(
            counted, (), batch_size=1, max_lengths=50, beam_size=3, alpha=0.0,
            coverage=1.0, source_mask=[[True]], **IDS,
        )  # fmt: skip
        # END scores log 0.15 = -1.897, and 2 END scores log 0.21 = -1.561. Live
        # hypotheses, n * -0.357, fall below -1.561 at the fifth token.
        assert positions == list(range(5))
        assert_all_equal(result.lengths, [[2]])
        assert_all_close(result.scores, [[np.log(0.21)]], rtol=1e-6)

    @pytest.mark.parametrize("top_beams", [0, -1, 4])
    def test_top_beams_outside_the_beam_are_refused(self, top_beams):
        with pytest.raises(
            ValueError, match=f"top_beams={top_beams}, beam_size=3"
        ):
            search_chain(np.ones((3, 3)), beam_size=3, top_beams=top_beams)

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"alpha": -0.1}, "`alpha` must be at least 0.*-0.1"),
            (
                {"penalty": "mean"},
                "length `penalty`.*'mean'.*'gnmt', 'average'",
            ),
            ({"coverage": -0.3, "source_mask": [[True]]}, "`coverage`.*-0.3"),
            ({"coverage": 0.3}, "coverage=0.3, source_mask=None"),
            ({"beam_size": 0}, "top_beams=1, beam_size=0"),
            ({"beam_size": -3}, "top_beams=1, beam_size=-3"),
            ({"beam_size": 4.0}, "`beam_size` must be a whole number.*4.0"),
            (
                {"beam_size": 2.5},
                "`beam_size` must be a whole number of at least 1.*2.5",
            ),
            (
                {"alpha": float("nan")},
                "`alpha` must be at least 0 and finite.*nan",
            ),
            (
                {"max_lengths": -1},
                "`max_lengths` must be at least 0. Received: -1",
            ),
            (
                {"batch_size": -1},
                "`batch_size` must be at least 0. Received: -1",
            ),
        ],
    )
    def test_other_settings_are_refused(self, settings, message):
        with pytest.raises(ValueError, match=message):
            search_chain(np.ones((3, 3)), **settings)
