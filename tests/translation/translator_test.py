"""The translation of a sentence does not depend on the rest of its batch.

B batch   S source length   T target length   V vocabulary_size
"""

import functools

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

import keras_transformer as kt
from keras_transformer import search
from keras_transformer.translation import translator
from tests.translation import toy

LONG = "ba de fi go " * 31
IDS = kt.text.SpecialIds()


@functools.cache
def searching(kind=search.BeamSearch, lengths=None, jit=False, **settings):
    """Returns the toy translator with another search.

    Tests share it, because each translator traces its own graphs.
    """
    return translator.Translator(
        toy.translator().model,
        toy.translator().tokenizer,
        kind(**settings),
        lengths=lengths or kt.translation.Lengths(),
        jit_compile=jit,
    )


def beam(**settings):
    return searching(**settings)


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
    """Returns translation and score of a text in a batch of its own."""
    [[translation], [score]] = in_graph([text])
    return translation, score


class TranslatorTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.translator = toy.translator()
        self.pairs = toy.random_pairs(61, seed=1)
        self.sources = [pair.source for pair in self.pairs]

    def test_has_learned_the_language(self):
        # With an untrained model these tests would compare noise.
        found = self.translator.translate(self.sources)
        right = sum(
            text == pair.target
            for text, pair in zip(found, self.pairs, strict=True)
        )
        self.assertGreater(right, 31)

    @parameterized.parameters(1, 7, 64)
    def test_translate_keeps_the_order(self, batch_size):
        texts = ["ba", LONG, "", *self.sources[:31], "ba", "ra ka"]
        one_by_one = [alone(text)[0] for text in texts]
        self.assertEqual(
            self.translator.translate(texts, batch_size), one_by_one
        )
        self.assertGreater(len(set(one_by_one)), 29)

    def test_an_answer_does_not_depend_on_the_batch(self):
        texts = [*self.sources[:11], "", LONG, "  ", "ba\u05e9de"]
        for batch in (texts, texts[::-1], texts[:11], texts[-4:]):
            translations, scores = in_graph(batch)
            for text, translation, score in zip(
                batch, translations, scores, strict=True
            ):
                expected, expected_score = alone(text)
                self.assertEqual(translation, expected)
                self.assertAllClose(score, expected_score, 1e-4, 1e-5)
                self.assertEqual(expected == "", text.strip() == "")

    def test_one_beside_a_much_longer_neighbour(self):
        expected, expected_score = alone("ra ka ba")
        self.assertNotEmpty(expected)
        for neighbour in (LONG, LONG * 3):
            translations, scores = in_graph([neighbour, "ra ka ba"])
            self.assertEqual(translations[1], expected)
            self.assertAllClose(scores[1], expected_score, 1e-4, 1e-5)

    @parameterized.parameters("", " ", "\t \n")
    def test_nothing_to_translate(self, text):
        self.assertEqual(self.translator.translate([text]), [""])
        translations, scores = in_graph(["ba de", text])
        self.assertEqual(translations[1], "")
        self.assertEqual(scores[1], 0)
        # The other sentence of the batch is translated as usual.
        self.assertEqual(translations[:1], [alone("ba de")[0]])
        self.assertNotEmpty(translations[0])
        self.assertLess(scores[0], 0)

    def test_empty_batch(self):
        self.assertEqual(self.translator.translate([]), [])
        translations, scores = in_graph([])
        self.assertEqual(translations, [])
        self.assertEqual(scores.shape, (0,))

    def test_score_is_the_models_log_probability(self):
        sources = self.sources[:23]
        translations, scores = in_graph(sources)
        tokenizer, model = self.translator.tokenizer, self.translator.model
        checked = 0
        for source, translation, score in zip(
            sources, translations, scores, strict=True
        ):
            # The model reads the whole translation at once.
            result = self.translator.search_ids(
                self.translator.encode_source([source])
            )
            length = int(result.lengths[0, 0])
            ids = result.ids[0, 0, :length].numpy()
            self.assertEqual(
                tokenizer.decode(ids[None]).numpy()[0].decode(), translation
            )
            logits_TV = model(
                {
                    "source_ids": self.translator.encode_source([source]),
                    "target_input_ids": np.array([[IDS.begin, *ids[:-1]]]),
                }
            )[0]
            log_probabilities = tf.nn.log_softmax(logits_TV).numpy()
            total = log_probabilities[np.arange(length), ids].sum()
            self.assertAllClose(
                score, total / ((5 + length) / 6) ** 0.6, 1e-4, 1e-5
            )
            self.assertEqual(ids[-1], IDS.end)
            checked += 1
        self.assertEqual(checked, 23)

    def test_encode_source(self):
        ids = self.translator.encode_source(tf.constant(["ba", "", "ra ka"]))
        lengths = [
            len(self.translator.tokenizer.encode([text]).to_list()[0])
            for text in ("ba", "", "ra ka")
        ]
        self.assertEqual(ids.dtype, tf.int32)
        self.assertEqual(ids.shape, (3, max(lengths) + 1))
        for row, length in zip(ids.numpy(), lengths, strict=True):
            self.assertEqual(row[length], IDS.end)
            self.assertAllEqual(row[length + 1 :], 0 * row[length + 1 :])
            self.assertTrue((row[:length] > IDS.unknown).all())

    def test_longer_sources_are_cut(self):
        short = translator.Translator(
            self.translator.model,
            self.translator.tokenizer,
            max_source_length=5,
        )
        ids = short.encode_source(tf.constant(["ba de fi go hu ka", "ba"]))
        self.assertEqual(ids.shape, (2, 5))
        self.assertEqual(ids.numpy()[0, -1], IDS.end)
        [found] = short.translate(["ba de fi go hu ka le mi"])
        self.assertEqual([found], short.translate(["ba de fi go"]))
        self.assertNotEmpty(found)

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
        self.assertAllEqual(default, paper)
        # A beam of one is greedy search; without penalty the scores are equal.
        self.assertAllClose(greedy, narrow, 1e-4, 1e-5)
        self.assertNotAllClose(greedy, default)

    def assert_same(self, found, expected, atol=1e-5):
        """Checks that lists of hypotheses are equal, floats within `atol`."""
        self.assertLen(found, len(expected))
        # The comparison means something only if texts differ.
        best = {hypotheses[0].text for hypotheses in expected}
        self.assertGreater(len(best), len(expected) // 2)
        for ours, theirs in zip(found, expected, strict=True):
            self.assertEqual(
                [(h.text, h.tokens) for h in ours],
                [(h.text, h.tokens) for h in theirs],
            )
            for one, other in zip(ours, theirs, strict=True):
                self.assertAllClose(one.score, other.score, 1e-4, atol)
                self.assertAllClose(one.log_probs, other.log_probs, 1e-4, 1e-4)
                self.assertEqual(one.alignment is None, other.alignment is None)
                if one.alignment is not None:
                    self.assertAllClose(
                        one.alignment, other.alignment, atol=1e-4
                    )

    @parameterized.named_parameters(
        ("beam", search.BeamSearch, {"top_beams": 3}),
        ("greedy", search.GreedySearch, {}),
        (
            "sampling",
            search.SamplingSearch,
            {"num_samples": 3, "seed": 5, "temperature": 0.7},
        ),
    )
    def test_hypotheses_do_not_depend_on_the_batch(self, function, settings):
        chosen = searching(function, **settings)
        texts = [*self.sources[:7], "", LONG, "ra", "ra", "ba\u05e9de"]
        together = chosen.hypotheses(texts, align=True)
        backwards = chosen.hypotheses(texts[::-1], 5, align=True)[::-1]
        self.assert_same(together, backwards)
        alone = [chosen.hypotheses([text], align=True)[0] for text in texts]
        self.assert_same(together, alone)
        # Alignments change nothing else in the hypotheses.
        self.assert_same(
            [[h._replace(alignment=None) for h in some] for some in together],
            chosen.hypotheses(texts, 3),
        )

    def test_hypotheses_are_what_the_search_found(self):
        chosen = beam(top_beams=3)
        tokenizer = self.translator.tokenizer
        for text, found in zip(
            self.sources[:11], chosen.hypotheses(self.sources[:11]), strict=True
        ):
            result = chosen.search_ids(chosen.encode_source([text]))
            for n, hypothesis in enumerate(found):
                ids = result.ids[0, n, : int(result.lengths[0, n])].numpy()
                self.assertEqual(hypothesis.tokens, tokenizer.pieces(ids))
                spelled = tokenizer.decode([ids]).numpy()[0].decode()
                self.assertEqual(hypothesis.text, spelled)
                self.assertAllClose(
                    hypothesis.log_probs,
                    result.log_probs[0, n, : len(ids)],
                    1e-4,
                    1e-4,
                )
                total = hypothesis.log_probs.sum()
                self.assertAllClose(
                    hypothesis.score,
                    total / ((5 + len(ids)) / 6) ** 0.6,
                    1e-4,
                    1e-5,
                )
                self.assertIsNone(hypothesis.alignment)

    def test_n_best_is_sorted_distinct_and_begins_with_the_best(self):
        best = self.translator.hypotheses(self.sources)
        self.assertGreater(len({first.text for [first] in best}), 53)
        several = beam(beam_size=5, top_beams=5).hypotheses(self.sources)
        same = 0
        for [first], hypotheses in zip(best, several, strict=True):
            self.assertLen(hypotheses, 5)
            scores = [h.score for h in hypotheses]
            self.assertEqual(scores, sorted(scores, reverse=True))
            self.assertLen({tuple(h.tokens) for h in hypotheses}, 5)
            same += first.text == hypotheses[0].text
        self.assertGreaterEqual(same, 59)

    @parameterized.named_parameters(
        ("paper", {}),
        ("average", {"alpha": 1.0, "penalty": "average"}),
        ("plain", {"alpha": 0.0}),
        ("coverage", {"coverage": 0.3}),
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
                self.assertEqual(again.text, expected.text)
                if again.tokens == expected.tokens:
                    self.assertAllClose(again.score, expected.score, atol=1e-4)
                    self.assertAllClose(
                        again.log_probs, expected.log_probs, atol=1e-4
                    )
                    compared += 1
        self.assertGreater(compared, 37)

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
        self.assertAllClose(scored.log_probs, log_probs, 1e-4, 1e-4)
        self.assertEqual(scored.tokens, tokenizer.pieces(ids))
        penalty = ((5 + len(ids)) / 6) ** 0.6
        self.assertAllClose(scored.score, log_probs.sum() / penalty, 1e-4)
        # Sampling and greedy search have scores without penalty.
        for chosen in (sampling(), searching(search.GreedySearch)):
            [plain] = chosen.score([text], [target])
            self.assertAllClose(plain.score, log_probs.sum(), 1e-4)
        answer = self.translator.log_probability([text, "ra"], [target, "RA"])
        self.assertAllClose(answer["log_probability"][0], log_probs.sum(), 1e-4)

    def test_score_of_nothing(self):
        for text, target in (("", ""), (" ", "\t"), ("", " ")):
            [scored] = self.translator.score([text], [target])
            self.assertEqual(scored[1:3], (0.0, []))
            self.assertEqual(scored.log_probs.shape, (0,))
            answer = self.translator.log_probability([text], [target])
            self.assertAllEqual(answer["log_probability"], [0.0])
        for text, target in (("ba", ""), ("", "BA")):
            [scored] = self.translator.score([text], [target])
            self.assertLess(scored.score, 0.0)
            answer = self.translator.log_probability([text], [target])
            self.assertAllClose(
                answer["log_probability"], [scored.log_probs.sum()], 1e-4
            )
        self.assertEqual(self.translator.score([], []), [])

    def test_score_does_not_depend_on_the_batch(self):
        texts = [*self.sources[:11], LONG, ""]
        targets = [*self.sources[1:11], LONG, "", "RA BA"]
        together = self.translator.score(texts, targets)
        for text, target, scored in zip(texts, targets, together, strict=True):
            [alone] = self.translator.score([text], [target])
            self.assert_same([[scored]], [[alone]], atol=1e-4)

    def test_another_number_of_targets(self):
        with self.assertRaisesRegex(ValueError, "2 texts, 1 targets"):
            self.translator.score(["ba", "de"], ["BA"])

    @parameterized.parameters(1, 5)
    def test_prefixes_are_kept(self, batch_size):
        chosen = beam(top_beams=3)
        texts = ["ba de fi", "go", "hu ka le mi no", "", "pu ra ba", LONG]
        prefixes = ["NO", "", "NO MI", "RA", "GO HU KA LE", "BA"]
        found = chosen.hypotheses(texts, batch_size, prefixes)
        tokenizer = self.translator.tokenizer
        self.assertEqual([len(some) for some in found], [3, 3, 3, 1, 3, 3])
        for prefix, hypotheses in zip(prefixes, found, strict=True):
            pieces = tokenizer.pieces(tokenizer.encode([prefix]).to_list()[0])
            for hypothesis in hypotheses:
                if hypothesis.tokens:
                    self.assertEqual(hypothesis.tokens[: len(pieces)], pieces)
        # An empty prefix changes nothing; a blank text has an empty
        # translation.
        self.assert_same(found[1:2], chosen.hypotheses(["go"]))
        self.assertEqual([h.text for h in found[3]], [""])
        # The tokens of a prefix have the log-probabilities of the model.
        [first] = chosen.score(texts[:1], [found[0][0].text])
        self.assertAllClose(first.score, found[0][0].score, atol=1e-4)
        self.assertNotEqual(found[0][0].text, "FI DE BA")

    @parameterized.parameters(False, True)
    def test_prefix_that_is_too_long(self, jit_compile):
        limits = kt.translation.Lengths(maximum=3)
        short = searching(lengths=limits, jit=jit_compile)
        with self.assertRaisesRegex(
            ValueError, "prefix of 5 tokens, and a maximum of 3. Shorten"
        ):
            short.hypotheses(["ba", "de"], prefixes=["BA", "BA DE FI GO HU"])
        if not jit_compile:
            [[found]] = short.hypotheses(["ba"], prefixes=["BA DE FI"])
            self.assertEqual(found.text, "BA DE FI")

    def test_another_number_of_prefixes(self):
        with self.assertRaisesRegex(ValueError, "2 texts, 1 prefixes. Use an"):
            self.translator.hypotheses(["ba", "de"], prefixes=["BA"])

    @parameterized.named_parameters(
        ("at_most", {"maximum": 3}, lambda n: 1, lambda n: 3),
        ("at_least", {"minimum": 7}, lambda n: 7, lambda n: n + 50),
        (
            "of_the_source",
            {"ratio": 0.5, "extra": 0},
            lambda n: 1,
            lambda n: max(n // 2, 1),
        ),
        (
            "at_least_of_the_source",
            {"minimum_ratio": 1.5},
            lambda n: -(-3 * n // 2),
            lambda n: n + 50,
        ),
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
                self.assertBetween(count, shortest(size), longest(size))
                at_a_limit += count in (shortest(size), longest(size))
        self.assertGreater(at_a_limit, 3)

    def test_no_repeated_tokens(self):
        constraints = search.Constraints(no_repeat_ngram_size=1)
        chosen = beam(top_beams=2, constraints=constraints)
        for found in chosen.hypotheses(["ba ba ba", "ra ka ra"]):
            for hypothesis in found:
                self.assertLen(set(hypothesis.tokens), len(hypothesis.tokens))
        # Without the constraint words are repeated.
        [[plain]] = self.translator.hypotheses(["ba ba ba"])
        self.assertLess(len(set(plain.tokens)), len(plain.tokens))

    def test_never_padding_or_start(self):
        # A temperature at which every token is drawn sometimes.
        drawn = sampling(num_samples=11, temperature=7.0, seed=1)
        tokens = [
            token
            for found in drawn.hypotheses(self.sources[:23])
            for hypothesis in found
            for token in hypothesis.tokens
        ]
        self.assertGreater(len(tokens), 1009)
        self.assertNotIn("<pad>", tokens)
        self.assertNotIn("<bos>", tokens)
        seen = len(set(tokens))
        self.assertGreater(seen, self.translator.tokenizer.vocabulary_size / 2)

    def test_samples_have_a_seed(self):
        texts = self.sources[:11]
        # Without a seed it is seed 0.
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
        self.assertNotEqual(found, others)

    def test_scores_of_samples_are_the_models(self):
        drawn = sampling(num_samples=2, temperature=0.5, top_k=5, seed=3)
        texts = self.sources[:11]
        found = drawn.hypotheses(texts)
        scored = drawn.score(texts, [h[0].text for h in found])
        compared = 0
        for [first, second], again in zip(found, scored, strict=True):
            self.assertGreaterEqual(first.score, second.score)
            if again.tokens == first.tokens:
                self.assertAllClose(again.score, first.score, atol=1e-4)
                compared += 1
        self.assertGreater(compared, 7)

    @parameterized.named_parameters(
        # XLA compiles for ten seconds, so this test has two very different
        # settings only. `tests/search/loop_test.py` compiles all of them.
        ("beam", search.BeamSearch, {"top_beams": 2, "coverage": 0.2}, {}),
        (
            "greedy",
            search.GreedySearch,
            {},
            {"prefixes": ["FI DE", "", "RA", "", "", "BA"], "align": True},
        ),
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
            self.assertEqual(compiled.translate(texts), plain.translate(texts))

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
            self.assertAllClose(one.score, other.score, 1e-4, 1e-4)

    def test_in_half_precision(self):
        model = kt.models.in_precision(self.translator.model, "bfloat16")
        fast = translator.Translator(model, self.translator.tokenizer)
        self.assertEqual(model.variables[0].dtype, "bfloat16")
        expected = self.translator.translate(self.sources)
        pairs = zip(fast.translate(self.sources), expected, strict=True)
        self.assertGreater(sum(a == b for a, b in pairs), 57)
        self.assertGreater(len(set(expected)), 53)

    def test_with_n_best(self):
        texts = self.sources[:5]
        several = self.translator.with_n_best(3)
        self.assert_same(
            several.hypotheses(texts),
            beam(top_beams=3).hypotheses(texts),
        )
        self.assertIs(several.model, self.translator.model)
        [all_of_it] = self.translator.with_n_best().hypotheses(["ba de"])
        self.assertLen(all_of_it, 4)
        [samples] = sampling().with_n_best(5).hypotheses(["ba"])
        self.assertLen(samples, 5)
        short = translator.Translator(
            self.translator.model,
            self.translator.tokenizer,
            max_source_length=5,
            lengths=kt.translation.Lengths(extra=7),
            jit_compile=True,
        ).with_n_best(2)
        self.assertEqual(short.max_source_length, 5)
        self.assertEqual(short.lengths.extra, 7)
        self.assertTrue(short.jit_compile)
        greedy = searching(search.GreedySearch)
        self.assertLen(greedy.with_n_best().hypotheses(["ba"])[0], 1)
        with self.assertRaisesRegex(ValueError, "count=2 for GreedySearch"):
            greedy.with_n_best(2)
        with self.assertRaisesRegex(ValueError, "top_beams=5, beam_size=4"):
            self.translator.with_n_best(5)

    def test_n_best_in_the_graph(self):
        chosen = beam(top_beams=3)
        texts = [*self.sources[:7], " ", "\u3000"]
        answer = chosen.n_best(tf.constant(texts))
        self.assertEqual(answer["translations"].shape, (9, 3))
        for row, found in enumerate(chosen.hypotheses(texts)):
            for n, hypothesis in enumerate(found):
                self.assertEqual(
                    answer["translations"][row, n].numpy().decode(),
                    hypothesis.text,
                )
                self.assertAllClose(
                    answer["scores"][row, n], hypothesis.score, 1e-4, 1e-5
                )
        best = answer["translations"][:, 0].numpy().tolist()
        self.assertTrue(all(best[:7]) and len(set(best[:7])) > 4)
        self.assertAllEqual(answer["translations"][7], [b""] * 3)
        self.assertAllEqual(answer["scores"][7], [0.0, -1e9, -1e9])
        # Texts of any white space are blank, in Python and in the graph.
        self.assertAllEqual(answer["scores"][8], [0.0, -1e9, -1e9])
        nothing = chosen.n_best(tf.zeros([0], tf.string))
        self.assertEqual(nothing["translations"].shape, (0, 3))

    def test_impossible_settings(self):
        with self.assertRaisesRegex(ValueError, "beam_size=1009, 359 target"):
            beam(beam_size=1009)
        with self.assertRaisesRegex(ValueError, "top_beams=3, beam_size=2"):
            beam(beam_size=2, top_beams=3)
        with self.assertRaisesRegex(ValueError, "`maximum`.*Received: 0"):
            beam(lengths=kt.translation.Lengths(maximum=0))
        with self.assertRaisesRegex(
            ValueError, "must be at least 1. Received: 0"
        ):
            translator.Translator(
                self.translator.model,
                self.translator.tokenizer,
                max_source_length=0,
            )

    def test_alignments_follow_the_words(self):
        # Target word t translates source word n - 1 - t. The last block of this
        # model aligns nearly all words so; with mixed up columns it would be a
        # third.
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
                self.assertEqual(found.alignment.shape, (count, count))
                self.assertAllClose(found.alignment.sum(axis=1), [1.0] * count)
                best = found.alignment.argmax(axis=1)
                right += np.sum(best == np.arange(count)[::-1])
                mirrored += np.sum(best == np.arange(count))
                words += count
        self.assertGreater(words, 79)
        self.assertGreater(right / words, 0.9)
        # The middle word is aligned with itself in both orders.
        self.assertLess(mirrored / words, 0.35)

    def test_alignments_are_of_target_by_source(self):
        # The prefix makes the target longer than its source.
        [[found]] = self.translator.hypotheses(
            ["ba de"], prefixes=["NO MI KA"], align=True
        )
        words = len(found.text.split())
        self.assertGreaterEqual(words, 3)
        self.assertEqual(found.alignment.shape, (words, 2))
        source_ids = self.translator.encode_source(["ba de"])
        tokens = self.translator.tokenizer
        ids = [*tokens.encode([found.text]).to_list()[0], IDS.end]
        self.assertEqual(tokens.pieces(ids), found.tokens)
        attention = self.translator.model.alignment_attention(
            {
                "source_ids": source_ids,
                "target_input_ids": np.array([[IDS.begin, *ids[:-1]]]),
            }
        )
        self.assertAllClose(
            found.alignment,
            kt.translation.align_words(
                attention[0],
                tokens.pieces(source_ids[0, :-1]),
                found.tokens[:-1],
            ),
            atol=1e-4,
        )


if __name__ == "__main__":
    tf.test.main()
