"""A sentence's translation depends on that sentence alone.

B batch   S source length   T target length   V vocabulary_size
"""

import functools

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from keras_transformer import search
from keras_transformer.text import special_ids
from keras_transformer.translation import translator
from tests.translation import toy

LONG = "ba de fi go " * 31


class Endless:
    """A model that never says the end: it repeats the first source token."""

    start_id = special_ids.BOS_ID

    def start(self, source_ids, max_length=None):
        self.max_length = max_length
        return {"first": source_ids[:, 0]}

    def step(self, ids, position, state):
        return 20 * tf.one_hot(state["first"], 293), state


class TranslatorTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.translator = toy.translator()
        self.pairs = toy.random_pairs(61, seed=1)
        self.sources = [pair.source for pair in self.pairs]

    def in_graph(self, texts):
        answer = self.translator(tf.constant(texts, tf.string))
        return (
            [text.decode() for text in answer["translation"].numpy()],
            answer["score"].numpy(),
        )

    def test_has_learned_the_language(self):
        # Else the tests here would compare noise.
        found = self.translator.translate(self.sources)
        right = sum(
            text == pair.target
            for text, pair in zip(found, self.pairs, strict=True)
        )
        self.assertGreater(right, 31)

    @parameterized.parameters(1, 7, 64)
    def test_translate_keeps_the_order(self, batch_size):
        texts = ["ba", LONG, "", *self.sources, "ba", "ra ka"]
        one_by_one = [self.in_graph([text])[0][0] for text in texts]
        self.assertEqual(
            self.translator.translate(texts, batch_size), one_by_one
        )

    def test_an_answer_does_not_depend_on_the_batch(self):
        texts = [*self.sources[:11], "", LONG, "  ", "\u05e9\u05dc\u05d5\u05dd"]
        alone = [self.in_graph([text]) for text in texts]
        for batch in (texts, texts[::-1], texts[:11], texts[-4:]):
            translations, scores = self.in_graph(batch)
            for text, translation, score in zip(
                batch, translations, scores, strict=True
            ):
                [[expected], [expected_score]] = alone[texts.index(text)]
                self.assertEqual(translation, expected)
                self.assertAllClose(score, expected_score, 1e-4, 1e-5)

    def test_one_beside_a_much_longer_neighbour(self):
        [[expected], [expected_score]] = self.in_graph(["ra ka ba"])
        self.assertNotEmpty(expected)
        for neighbour in (LONG, LONG * 3):
            translations, scores = self.in_graph([neighbour, "ra ka ba"])
            self.assertEqual(translations[1], expected)
            self.assertAllClose(scores[1], expected_score, 1e-4, 1e-5)

    @parameterized.parameters("", " ", "\t \n")
    def test_nothing_to_translate(self, text):
        self.assertEqual(self.translator.translate([text]), [""])
        translations, scores = self.in_graph(["ba de", text])
        self.assertEqual(translations[1], "")
        self.assertEqual(scores[1], 0)
        # The sentence beside it has its own answer.
        self.assertEqual(translations[:1], self.in_graph(["ba de"])[0])
        self.assertNotEmpty(translations[0])
        self.assertLess(scores[0], 0)

    def test_empty_batch(self):
        self.assertEqual(self.translator.translate([]), [])
        translations, scores = self.in_graph([])
        self.assertEqual(translations, [])
        self.assertEqual(scores.shape, (0,))

    def test_score_is_the_models_log_probability(self):
        translations, scores = self.in_graph(self.sources)
        tokenizer, model = self.translator.tokenizer, self.translator.model
        checked = 0
        for source, translation, score in zip(
            self.sources, translations, scores, strict=True
        ):
            # What was produced, told to the model all at once.
            result = self.translator.search(
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
                    "target_input_ids": np.array(
                        [[special_ids.BOS_ID, *ids[:-1]]]
                    ),
                }
            )[0]
            log_probabilities = tf.nn.log_softmax(logits_TV).numpy()
            total = log_probabilities[np.arange(length), ids].sum()
            self.assertAllClose(
                score, total / ((5 + length) / 6) ** 0.6, 1e-4, 1e-5
            )
            self.assertEqual(ids[-1], special_ids.EOS_ID)
            checked += 1
        self.assertEqual(checked, 61)

    def test_encode_source(self):
        ids = self.translator.encode_source(tf.constant(["ba", "", "ra ka"]))
        lengths = [
            len(self.translator.tokenizer.encode([text]).to_list()[0])
            for text in ("ba", "", "ra ka")
        ]
        self.assertEqual(ids.dtype, tf.int32)
        self.assertEqual(ids.shape, (3, max(lengths) + 1))
        for row, length in zip(ids.numpy(), lengths, strict=True):
            self.assertEqual(row[length], special_ids.EOS_ID)
            self.assertAllEqual(row[length + 1 :], 0 * row[length + 1 :])
            self.assertTrue((row[:length] > special_ids.UNK_ID).all())

    def test_longer_sources_are_cut(self):
        short = translator.Translator(
            self.translator.model,
            self.translator.tokenizer,
            max_source_length=5,
        )
        ids = short.encode_source(tf.constant(["ba de fi go hu ka", "ba"]))
        self.assertEqual(ids.shape, (2, 5))
        self.assertEqual(ids.numpy()[0, -1], special_ids.EOS_ID)
        self.assertEqual(
            short.translate(["ba de fi go hu ka le mi"]),
            short.translate(["ba de fi go"]),
        )

    def test_length_limit_is_each_rows_own(self):
        endless = translator.Translator(
            Endless(), self.translator.tokenizer, search.greedy_search
        )
        source_ids = tf.constant([[7, 2, 0, 0, 0], [11, 13, 17, 19, 2]])
        result = endless.search(source_ids)
        self.assertAllEqual(result.lengths[:, 0], [2 + 50, 5 + 50])
        self.assertAllEqual(result.ids[0, 0, :52], 52 * [7])
        self.assertAllEqual(result.ids[0, 0, 52:], 3 * [0])

    def test_search_can_be_chosen(self):
        def translate(chosen):
            return translator.Translator(
                self.translator.model, self.translator.tokenizer, chosen
            )(tf.constant(self.sources))["score"]

        beam = translate(None)
        paper = translate(
            functools.partial(search.beam_search, beam_size=4, alpha=0.6)
        )
        greedy = translate(search.greedy_search)
        narrow = translate(
            functools.partial(search.beam_search, beam_size=1, alpha=0.0)
        )
        self.assertAllEqual(beam, paper)
        # A beam of one is greedy search; scores are then the same sums.
        self.assertAllClose(greedy, narrow, 1e-4, 1e-5)
        self.assertNotAllClose(greedy, beam)


class InBatchesTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.batches = []

    def shout(self, text):
        """Instead of a translator: its batches can be looked at."""
        self.batches.append([t.decode() for t in text.numpy()])
        return {
            "translation": tf.strings.upper(text, encoding="utf-8"),
            "score": tf.cast(-tf.strings.length(text), tf.float32),
        }

    def test_answers_in_the_order_of_the_texts(self):
        texts = ["ccc", "\u00e9", "", "bb", "ccc", "dddd", "a"]
        found = translator.in_batches(self.shout, texts, batch_size=3)
        self.assertEqual(
            found,
            [(t.upper(), -float(len(t.encode()))) for t in texts],
        )

    def test_texts_of_like_length_go_together(self):
        texts = ["a" * (i * 7 % 23) for i in range(23)]
        translator.in_batches(self.shout, texts, batch_size=5)
        self.assertEqual([len(batch) for batch in self.batches], [5] * 4 + [3])
        lengths = [[len(text) for text in batch] for batch in self.batches]
        self.assertEqual(sum(lengths, []), list(range(23)))

    def test_no_texts(self):
        self.assertEqual(translator.in_batches(self.shout, []), [])
        self.assertEqual(self.batches, [])


if __name__ == "__main__":
    tf.test.main()
