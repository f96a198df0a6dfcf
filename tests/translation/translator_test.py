"""The translation of a sentence does not depend on the rest of its batch.

B batch   S source length   T target length   V vocabulary_size
"""

import functools

import numpy as np
import pytest
import tensorflow as tf

import keras_transformer as kt
from keras_transformer import search
from keras_transformer.translation import translator
from tests import graphs
from tests.assertions import (
    assert_all_close,
    assert_all_equal,
    assert_not_all_close,
)
from tests.translation import toy

LONG = "ba de fi go " * 31
IDS = kt.text.SpecialIds()
# Tests share these settings, because other settings trace other graphs.
SAMPLED = {"num_samples": 3, "temperature": 0.7, "top_k": 5, "seed": 5}


@functools.cache
def searching(kind, lengths=None, jit=False, **settings):
    """Returns the toy translator with another search.

    Tests share it, because each translator traces its own graphs. For the same
    translator, a test must give the same arguments in the same order.
    """
    return translator.Translator(
        toy.translator().model,
        toy.translator().tokenizer,
        kind(**settings),
        lengths=lengths or kt.translation.Lengths(),
        jit_compile=jit,
    )


def beam(**settings):
    return searching(search.BeamSearch, **settings)


def sampling(**settings):
    return searching(search.SamplingSearch, **settings)


def in_graph(texts):
    answer = toy.translator()(tf.constant(texts, tf.string))
    return (
        [text.decode() for text in answer["translation"].numpy()],
        answer["score"].numpy(),
    )


@functools.cache
def alone(text):
    """Returns translation and score of a text that is alone in its batch."""
    [[translation], [score]] = in_graph([text])
    return translation, score


class TestTranslator:
    @pytest.fixture(autouse=True)
    def set_up(self):
        self.translator = toy.translator()
        self.pairs = toy.random_pairs(61, seed=1)
        self.sources = [pair.source for pair in self.pairs]

    def test_has_learned_the_language(self):
        # With an untrained model, these tests would only compare noise.
        found = self.translator.translate(self.sources)
        right = sum(
            text == pair.target
            for text, pair in zip(found, self.pairs, strict=True)
        )
        assert right > 31

    @pytest.mark.parametrize("batch_size", [1, 7, 64])
    def test_translate_keeps_the_order(self, batch_size):
        texts = ["ba", LONG, "", *self.sources[:31], "ba", "ra ka"]
        one_by_one = [alone(text)[0] for text in texts]
        assert self.translator.translate(texts, batch_size) == one_by_one
        assert len(set(one_by_one)) > 29

    def test_an_answer_does_not_depend_on_the_batch(self):
        texts = [*self.sources[:11], "", LONG, "  ", "ba\u05e9de"]
        for batch in (texts, texts[::-1], texts[:11], texts[-4:]):
            translations, scores = in_graph(batch)
            for text, translation, score in zip(
                batch, translations, scores, strict=True
            ):
                expected, expected_score = alone(text)
                assert translation == expected
                assert_all_close(score, expected_score, 1e-4, 1e-5)
                assert (expected == "") == (text.strip() == "")

    def test_one_beside_a_much_longer_neighbour(self):
        expected, expected_score = alone("ra ka ba")
        assert len(expected) > 0
        for neighbour in (LONG, LONG * 3):
            translations, scores = in_graph([neighbour, "ra ka ba"])
            assert translations[1] == expected
            assert_all_close(scores[1], expected_score, 1e-4, 1e-5)

    @pytest.mark.parametrize("text", ["", " ", "\t \n"])
    def test_nothing_to_translate(self, text):
        assert self.translator.translate([text]) == [""]
        translations, scores = in_graph(["ba de", text])
        assert translations[1] == ""
        assert scores[1] == 0
        # The other sentence of the batch is translated as usual.
        assert translations[:1] == [alone("ba de")[0]]
        assert len(translations[0]) > 0
        assert scores[0] < 0

    def test_empty_batch(self):
        assert self.translator.translate([]) == []
        translations, scores = in_graph([])
        assert translations == []
        assert scores.shape == (0,)

    def test_score_is_the_models_log_probability(self):
        sources = self.sources[:5]
        translations, scores = in_graph(sources)
        tokenizer, model = self.translator.tokenizer, self.translator.model
        checked = 0
        for source, translation, score in zip(
            sources, translations, scores, strict=True
        ):
            # Here the model gets the whole translation at once.
            result = self.translator.search_ids(
                self.translator.encode_source([source])
            )
            length = int(result.lengths[0, 0])
            ids = result.ids[0, 0, :length].numpy()
            assert (
                tokenizer.decode(ids[None]).numpy()[0].decode() == translation
            )
            logits_TV = model(
                {
                    "source_ids": self.translator.encode_source([source]),
                    "target_input_ids": np.array([[IDS.begin, *ids[:-1]]]),
                }
            )[0]
            log_probabilities = tf.nn.log_softmax(logits_TV).numpy()
            total = log_probabilities[np.arange(length), ids].sum()
            assert_all_close(
                score, total / ((5 + length) / 6) ** 0.6, 1e-4, 1e-5
            )
            assert ids[-1] == IDS.end
            checked += 1
        assert checked == 5

    def test_encode_source(self):
        ids = self.translator.encode_source(tf.constant(["ba", "", "ra ka"]))
        lengths = [
            len(self.translator.tokenizer.encode([text]).to_list()[0])
            for text in ("ba", "", "ra ka")
        ]
        assert ids.dtype == tf.int32
        assert ids.shape == (3, max(lengths) + 1)
        for row, length in zip(ids.numpy(), lengths, strict=True):
            assert row[length] == IDS.end
            assert_all_equal(row[length + 1 :], 0 * row[length + 1 :])
            assert (row[:length] > IDS.unknown).all()

    def test_longer_sources_are_cut(self):
        short = translator.Translator(
            self.translator.model,
            self.translator.tokenizer,
            search.GreedySearch(),
            max_source_length=5,
        )
        ids = short.encode_source(tf.constant(["ba de fi go hu ka", "ba"]))
        assert ids.shape == (2, 5)
        assert ids.numpy()[0, -1] == IDS.end
        with graphs.run_as_python():
            [found] = short.translate(["ba de fi go hu ka le mi"])
            assert [found] == short.translate(["ba de fi go"])
        assert len(found) > 0

    # Other tests need the search that they give to a translator.
    @pytest.mark.grid
    def test_search_can_be_chosen(self):
        default, paper, greedy, narrow = (
            chosen(tf.constant(self.sources[:31]))["score"]
            for chosen in (
                self.translator,
                beam(beam_size=4, alpha=0.6),
                searching(search.GreedySearch),
                beam(beam_size=1, alpha=0.0),
            )
        )
        assert_all_equal(default, paper)
        # Greedy search is a beam of one without a length penalty.
        assert_all_close(greedy, narrow, 1e-4, 1e-5)
        assert_not_all_close(greedy, default)

    def assert_same(self, found, expected, atol=1e-5):
        """Checks that lists of hypotheses are equal, floats within `atol`."""
        assert len(found) == len(expected)
        # The comparison means something only if the translations differ.
        best = {hypotheses[0].text for hypotheses in expected}
        assert len(best) > len(expected) // 2
        for ours, theirs in zip(found, expected, strict=True):
            assert [(h.text, h.tokens) for h in ours] == [
                (h.text, h.tokens) for h in theirs
            ]
            for one, other in zip(ours, theirs, strict=True):
                assert_all_close(one.score, other.score, 1e-4, atol)
                assert_all_close(one.log_probs, other.log_probs, 1e-4, 1e-4)
                assert (one.alignment is None) == (other.alignment is None)
                if one.alignment is not None:
                    assert_all_close(one.alignment, other.alignment, atol=1e-4)

    @pytest.mark.parametrize(
        ("function", "settings"),
        [
            pytest.param(search.BeamSearch, {"top_beams": 3}, id="beam"),
            pytest.param(
                search.GreedySearch, {}, id="greedy", marks=pytest.mark.grid
            ),
            pytest.param(
                search.SamplingSearch,
                SAMPLED,
                id="sampling",
                marks=pytest.mark.grid,
            ),
        ],
    )
    def test_hypotheses_do_not_depend_on_the_batch(self, function, settings):
        chosen = searching(function, **settings)
        texts = [*self.sources[:7], "", LONG, "ra", "ra", "ba\u05e9de"]
        together = chosen.hypotheses(texts, align=True)
        backwards = chosen.hypotheses(texts[::-1], 5, align=True)[::-1]
        self.assert_same(together, backwards)
        alone = [chosen.hypotheses([text], align=True)[0] for text in texts]
        self.assert_same(together, alone)
        # `align` changes nothing else in the hypotheses.
        self.assert_same(
            [[h._replace(alignment=None) for h in some] for some in together],
            chosen.hypotheses(texts, 3),
        )

    @pytest.mark.grid
    def test_hypotheses_are_what_the_search_found(self):
        chosen = beam(top_beams=3)
        tokenizer = self.translator.tokenizer
        for text, found in zip(
            self.sources[:11], chosen.hypotheses(self.sources[:11]), strict=True
        ):
            result = chosen.search_ids(chosen.encode_source([text]))
            for n, hypothesis in enumerate(found):
                ids = result.ids[0, n, : int(result.lengths[0, n])].numpy()
                assert hypothesis.tokens == tokenizer.pieces(ids)
                spelled = tokenizer.decode([ids]).numpy()[0].decode()
                assert hypothesis.text == spelled
                assert_all_close(
                    hypothesis.log_probs,
                    result.log_probs[0, n, : len(ids)],
                    1e-4,
                    1e-4,
                )
                total = hypothesis.log_probs.sum()
                assert_all_close(
                    hypothesis.score,
                    total / ((5 + len(ids)) / 6) ** 0.6,
                    1e-4,
                    1e-5,
                )
                assert hypothesis.alignment is None

    def test_n_best_is_sorted_distinct_and_begins_with_the_best(self):
        best = self.translator.hypotheses(self.sources)
        assert len({first.text for [first] in best}) > 53
        several = beam(top_beams=3).hypotheses(self.sources)
        same = 0
        for [first], hypotheses in zip(best, several, strict=True):
            assert len(hypotheses) == 3
            scores = [h.score for h in hypotheses]
            assert scores == sorted(scores, reverse=True)
            assert len({tuple(h.tokens) for h in hypotheses}) == 3
            same += first.text == hypotheses[0].text
        assert same >= 59

    @pytest.mark.grid
    @pytest.mark.parametrize(
        "settings",
        [
            pytest.param({}, id="paper"),
            pytest.param({"alpha": 1.0, "penalty": "average"}, id="average"),
            pytest.param({"alpha": 0.0}, id="plain"),
            pytest.param({"coverage": 0.3}, id="coverage"),
        ],
    )
    def test_score_of_what_was_found_is_its_score(self, settings):
        chosen = beam(top_beams=3, **settings)
        compared = 0
        texts = [*self.sources[:17], "", LONG]
        found = chosen.hypotheses(texts)
        for place in range(3):
            some = [
                (text, hypotheses[place])
                for text, hypotheses in zip(texts, found, strict=True)
                if place < len(hypotheses)
            ]
            scored = chosen.score(
                [text for text, _ in some], [h.text for _, h in some], 7
            )
            for (_, expected), again in zip(some, scored, strict=True):
                assert again.text == expected.text
                if again.tokens == expected.tokens:
                    assert_all_close(again.score, expected.score, atol=1e-4)
                    assert_all_close(
                        again.log_probs, expected.log_probs, atol=1e-4
                    )
                    compared += 1
        assert compared > 37

    def test_score_of_any_target(self):
        model, tokenizer = self.translator.model, self.translator.tokenizer
        text, target = "ba de fi", "GO ba"
        [scored] = self.translator.score([text], [target])
        ids = [*tokenizer.encode([target]).to_list()[0], IDS.end]
        logits = (
            model(
                {
                    "source_ids": self.translator.encode_source([text]),
                    "target_input_ids": np.array([[IDS.begin, *ids[:-1]]]),
                }
            )
            .numpy()[0]
            .astype("float64")
        )
        normalizers = np.log(np.exp(logits).sum(axis=1))
        log_probs = logits[np.arange(len(ids)), ids] - normalizers
        assert_all_close(scored.log_probs, log_probs, 1e-4, 1e-4)
        assert scored.tokens == tokenizer.pieces(ids)
        penalty = ((5 + len(ids)) / 6) ** 0.6
        assert_all_close(scored.score, log_probs.sum() / penalty, 1e-4)
        # Scores of sampling and greedy search have no length penalty.
        for chosen in (sampling(), searching(search.GreedySearch)):
            [plain] = chosen.score([text], [target])
            assert_all_close(plain.score, log_probs.sum(), 1e-4)
        answer = self.translator.log_probability([text, "ra"], [target, "RA"])
        assert_all_close(answer["log_probability"][0], log_probs.sum(), 1e-4)

    def test_score_of_nothing(self):
        for text, target in (("", ""), (" ", "\t"), ("", " ")):
            [scored] = self.translator.score([text], [target])
            assert scored[1:3] == (0.0, [])
            assert scored.log_probs.shape == (0,)
            answer = self.translator.log_probability([text], [target])
            assert_all_equal(answer["log_probability"], [0.0])
        for text, target in (("ba", ""), ("", "BA")):
            [scored] = self.translator.score([text], [target])
            assert scored.score < 0.0
            answer = self.translator.log_probability([text], [target])
            assert_all_close(
                answer["log_probability"], [scored.log_probs.sum()], 1e-4
            )
        assert self.translator.score([], []) == []

    def test_score_does_not_depend_on_the_batch(self):
        texts = [*self.sources[:11], LONG, ""]
        targets = [*self.sources[1:11], LONG, "", "RA BA"]
        together = self.translator.score(texts, targets)
        for text, target, scored in zip(texts, targets, together, strict=True):
            [alone] = self.translator.score([text], [target])
            self.assert_same([[scored]], [[alone]], atol=1e-4)

    def test_another_number_of_targets(self):
        with pytest.raises(ValueError, match="2 texts, 1 targets"):
            self.translator.score(["ba", "de"], ["BA"])

    @pytest.mark.parametrize("batch_size", [1, 5])
    def test_prefixes_are_kept(self, batch_size):
        chosen = beam(top_beams=3)
        texts = ["ba de fi", "go", "hu ka le mi no", "", "pu ra ba", LONG]
        prefixes = ["NO", "", "NO MI", "RA", "GO HU KA LE", "BA"]
        found = chosen.hypotheses(texts, batch_size, prefixes)
        tokenizer = self.translator.tokenizer
        assert [len(some) for some in found] == [3, 3, 3, 1, 3, 3]
        for prefix, hypotheses in zip(prefixes, found, strict=True):
            pieces = tokenizer.pieces(tokenizer.encode([prefix]).to_list()[0])
            for hypothesis in hypotheses:
                if hypothesis.tokens:
                    assert hypothesis.tokens[: len(pieces)] == pieces
        # An empty prefix changes nothing. A blank text has an empty
        # translation.
        self.assert_same(found[1:2], chosen.hypotheses(["go"]))
        assert [h.text for h in found[3]] == [""]
        # The tokens of a prefix have the log-probabilities of the model.
        [first] = chosen.score(texts[:1], [found[0][0].text])
        assert_all_close(first.score, found[0][0].score, atol=1e-4)
        assert found[0][0].text != "FI DE BA"

    @pytest.mark.parametrize("jit_compile", [False, True])
    def test_prefix_that_is_too_long(self, jit_compile):
        limits = kt.translation.Lengths(maximum=3)
        short = beam(lengths=limits, jit=jit_compile)
        with pytest.raises(
            ValueError, match="prefix of 5 tokens, and a maximum of 3. Shorten"
        ):
            short.hypotheses(["ba", "de"], prefixes=["BA", "BA DE FI GO HU"])
        if not jit_compile:
            [[found]] = short.hypotheses(["ba"], prefixes=["BA DE FI"])
            assert found.text == "BA DE FI"

    def test_another_number_of_prefixes(self):
        with pytest.raises(ValueError, match="2 texts, 1 prefixes. Use an"):
            self.translator.hypotheses(["ba", "de"], prefixes=["BA"])

    # `lengths_test.py` and `model_search_test.py` test the same limits.
    @pytest.mark.grid
    @pytest.mark.parametrize(
        ("lengths", "shortest", "longest"),
        [
            pytest.param(
                {"maximum": 3},
                lambda n: 1,
                lambda n: 3,
                id="at_most",
            ),
            pytest.param(
                {"minimum": 7},
                lambda n: 7,
                lambda n: n + 50,
                id="at_least",
            ),
            pytest.param(
                {"ratio": 0.5, "extra": 0},
                lambda n: 1,
                lambda n: max(n // 2, 1),
                id="of_the_source",
            ),
            pytest.param(
                {"minimum_ratio": 1.5},
                lambda n: -(-3 * n // 2),
                lambda n: n + 50,
                id="at_least_of_the_source",
            ),
        ],
    )
    def test_lengths(self, lengths, shortest, longest):
        chosen = beam(top_beams=2, lengths=kt.translation.Lengths(**lengths))
        texts = ["ba", *self.sources[:7]]
        sizes = [
            len(ids) + 1
            for ids in self.translator.tokenizer.encode(texts).to_list()
        ]
        at_a_limit = 0
        for size, found in zip(sizes, chosen.hypotheses(texts), strict=True):
            for hypothesis in found:
                count = len(hypothesis.tokens)
                assert shortest(size) <= count <= longest(size)
                at_a_limit += count in (shortest(size), longest(size))
        assert at_a_limit > 3

    @pytest.mark.grid
    def test_no_repeated_tokens(self):
        constraints = search.Constraints(no_repeat_ngram_size=1)
        chosen = beam(top_beams=2, constraints=constraints)
        for found in chosen.hypotheses(["ba ba ba", "ra ka ra"]):
            for hypothesis in found:
                assert len(set(hypothesis.tokens)) == len(hypothesis.tokens)
        # Without the constraint, words are repeated.
        [[plain]] = self.translator.hypotheses(["ba ba ba"])
        assert len(set(plain.tokens)) < len(plain.tokens)

    @pytest.mark.grid
    def test_never_padding_or_start(self):
        # At this temperature every token is drawn sometimes.
        drawn = sampling(num_samples=11, temperature=7.0, seed=1)
        tokens = [
            token
            for found in drawn.hypotheses(self.sources[:23])
            for hypothesis in found
            for token in hypothesis.tokens
        ]
        assert len(tokens) > 1009
        assert "<pad>" not in tokens
        assert "<bos>" not in tokens
        seen = len(set(tokens))
        assert seen > self.translator.tokenizer.vocabulary_size / 2

    @pytest.mark.grid
    def test_samples_have_a_seed(self):
        texts = self.sources[:11]
        # The default seed is 0.
        first, again, other = (
            chosen.hypotheses(texts)
            for chosen in (
                sampling(seed=0),
                sampling(),
                sampling(seed=1),
            )
        )
        self.assert_same(first, again)
        self.assert_same(sampling().hypotheses(texts), again)
        found, others = (
            [[h.tokens for h in row] for row in rows] for rows in (first, other)
        )
        assert found != others

    def test_scores_of_samples_are_the_models(self):
        drawn = sampling(**SAMPLED)
        texts = self.sources[:11]
        found = drawn.hypotheses(texts)
        scored = drawn.score(texts, [h[0].text for h in found])
        compared = 0
        for [first, *others], again in zip(found, scored, strict=True):
            assert first.score >= others[0].score >= others[1].score
            if again.tokens == first.tokens:
                assert_all_close(again.score, first.score, atol=1e-4)
                compared += 1
        assert compared > 7

    @pytest.mark.grid
    @pytest.mark.parametrize(
        ("function", "settings", "given"),
        [
            # Compilation by XLA takes ten seconds, so there is one setting.
            # `tests/search/loop_test.py` compiles all searches.
            pytest.param(
                search.BeamSearch,
                {"top_beams": 2, "coverage": 0.2},
                {"prefixes": ["FI DE", "", "RA", "", "", "BA"], "align": True},
                id="beam",
            ),
            pytest.param(
                search.GreedySearch,
                {},
                {"prefixes": ["FI DE", "", "RA", "", "", "BA"], "align": True},
                id="greedy",
                marks=pytest.mark.grid,
            ),
            pytest.param(
                search.BeamSearch,
                {"top_beams": 2, "coverage": 0.2},
                {},
                id="beam_alone",
                marks=pytest.mark.grid,
            ),
        ],
    )
    def test_compiled_by_xla(self, function, settings, given):
        limits = kt.translation.Lengths(extra=3)
        plain, compiled = (
            searching(function, limits, jit, **settings)
            for jit in (False, True)
        )
        texts = [*self.sources[:5], ""]
        self.assert_same(
            compiled.hypotheses(texts, **given),
            plain.hypotheses(texts, **given),
        )
        if not given:
            assert compiled.translate(texts) == plain.translate(texts)

    @pytest.mark.grid
    def test_ensemble_of_one_model_twice_is_that_model(self):
        twice = translator.Translator(
            kt.Ensemble([self.translator.model] * 2), self.translator.tokenizer
        )
        texts = [*self.sources[:11], ""]
        self.assert_same(
            twice.hypotheses(texts, align=True),
            self.translator.hypotheses(texts, align=True),
            atol=1e-4,
        )
        targets = self.sources[:12]
        for one, other in zip(
            twice.score(texts, targets),
            self.translator.score(texts, targets),
            strict=True,
        ):
            assert_all_close(one.score, other.score, 1e-4, 1e-4)

    def test_in_half_precision(self):
        model = kt.models.in_precision(self.translator.model, "bfloat16")
        fast = translator.Translator(model, self.translator.tokenizer)
        assert model.variables[0].dtype == "bfloat16"
        expected = self.translator.translate(self.sources)
        pairs = zip(fast.translate(self.sources), expected, strict=True)
        assert sum(a == b for a, b in pairs) > 57
        assert len(set(expected)) > 53

    def test_with_n_best(self):
        several = self.translator.with_n_best(3)
        assert several.search == search.BeamSearch(top_beams=3)
        assert several.model is self.translator.model
        every = self.translator.with_n_best()
        assert every.search == search.BeamSearch(top_beams=4)
        samples = sampling().with_n_best(5)
        assert samples.search == search.SamplingSearch(num_samples=5)
        short = translator.Translator(
            self.translator.model,
            self.translator.tokenizer,
            max_source_length=5,
            lengths=kt.translation.Lengths(extra=7),
            jit_compile=True,
        ).with_n_best(2)
        assert short.max_source_length == 5
        assert short.lengths.extra == 7
        assert short.jit_compile
        greedy = searching(search.GreedySearch)
        assert greedy.with_n_best().search == search.GreedySearch()
        with pytest.raises(ValueError, match="count=2 for GreedySearch"):
            greedy.with_n_best(2)
        with pytest.raises(ValueError, match="top_beams=5, beam_size=4"):
            self.translator.with_n_best(5)

    def test_only_the_best_is_the_first_of_all(self):
        several = beam(top_beams=4)
        source_ids = several.encode_source(self.sources[:23])
        every = several.search_ids(source_ids)
        best = several.search_ids(source_ids, only_best=True)
        assert_all_equal(best.ids[:, 0], every.ids[:, 0])
        # Rows are dropped earlier, so products are rounded differently.
        assert_all_close(best.scores[:, 0], every.scores[:, 0], 2e-6, 0)
        # The search stopped earlier, so the last hypotheses are worse.
        assert np.any(best.scores[:, 3] < every.scores[:, 3])

    @pytest.mark.grid
    def test_n_best_in_the_graph(self):
        chosen = beam(top_beams=3)
        texts = [*self.sources[:7], " ", "\u3000"]
        answer = chosen.n_best(tf.constant(texts))
        assert answer["translations"].shape == (9, 3)
        for row, found in enumerate(chosen.hypotheses(texts)):
            for n, hypothesis in enumerate(found):
                assert (
                    answer["translations"][row, n].numpy().decode()
                    == hypothesis.text
                )
                assert_all_close(
                    answer["scores"][row, n], hypothesis.score, 1e-4, 1e-5
                )
        best = answer["translations"][:, 0].numpy().tolist()
        assert all(best[:7]) and len(set(best[:7])) > 4
        assert_all_equal(answer["translations"][7], [b""] * 3)
        assert_all_equal(answer["scores"][7], [0.0, -1e9, -1e9])
        # Any kind of white space is blank, in Python and in a graph.
        assert_all_equal(answer["scores"][8], [0.0, -1e9, -1e9])
        nothing = chosen.n_best(tf.zeros([0], tf.string))
        assert nothing["translations"].shape == (0, 3)

    def test_impossible_settings(self):
        with pytest.raises(ValueError, match="beam_size=1009, 359 target"):
            beam(beam_size=1009)
        with pytest.raises(ValueError, match="top_beams=3, beam_size=2"):
            beam(beam_size=2, top_beams=3)
        with pytest.raises(ValueError, match="`maximum`.*Received: 0"):
            beam(lengths=kt.translation.Lengths(maximum=0))
        with pytest.raises(ValueError, match="must be at least 1. Received: 0"):
            translator.Translator(
                self.translator.model,
                self.translator.tokenizer,
                max_source_length=0,
            )

    def test_alignments_follow_the_words(self):
        # Target word t translates source word n - 1 - t. The last block aligns
        # nearly all words so. With mixed up columns it would be only a third.
        right = mirrored = words = 0
        texts = [
            " ".join(toy.WORDS[(first + 3 * i) % 11] for i in range(count))
            for first in range(11)
            for count in (3, 5)
        ]
        for text, [found] in zip(
            texts, self.translator.hypotheses(texts, align=True), strict=True
        ):
            count = len(text.split())
            if found.text == toy.pair_of(text.split()).target:
                assert found.alignment.shape == (count, count)
                assert_all_close(found.alignment.sum(axis=1), [1.0] * count)
                best = found.alignment.argmax(axis=1)
                right += np.sum(best == np.arange(count)[::-1])
                mirrored += np.sum(best == np.arange(count))
                words += count
        assert words > 79
        assert right / words > 0.9
        # In a mirrored alignment, only the middle word is still right.
        assert mirrored / words < 0.35

    def test_alignments_are_of_target_by_source(self):
        # The prefix makes the target longer than the source.
        [[found]] = self.translator.hypotheses(
            ["ba de"], prefixes=["NO MI KA"], align=True
        )
        words = len(found.text.split())
        assert words >= 3
        assert found.alignment.shape == (words, 2)
        source_ids = self.translator.encode_source(["ba de"])
        tokens = self.translator.tokenizer
        ids = [*tokens.encode([found.text]).to_list()[0], IDS.end]
        assert tokens.pieces(ids) == found.tokens
        attention = self.translator.model.alignment_attention(
            {
                "source_ids": source_ids,
                "target_input_ids": np.array([[IDS.begin, *ids[:-1]]]),
            }
        )
        assert_all_close(
            found.alignment,
            kt.translation.align_words(
                attention[0],
                tokens.pieces(source_ids[0, :-1]),
                found.tokens[:-1],
            ),
            atol=1e-4,
        )
