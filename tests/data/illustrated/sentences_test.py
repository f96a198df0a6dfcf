"""Sentences have the right form in both languages.

The tests search the sentences with patterns of their own. They do not use the
tables of the generator.
"""

import collections
import re

from keras_transformer import data
from keras_transformer.data.illustrated import set_phrases

_VOWEL = "aàâeéèêiîoôuûœy"
_ASPIRATED = r"(?:hérissons?|haies?|hangars?|hautes?|hauts?)\b"


class TestSentences:
    @classmethod
    def setup_class(cls):
        cls.corpus = data.illustrated_corpus()
        cls.pairs = [*cls.corpus.train, *cls.corpus.dev, *cls.corpus.test]
        cls.targets = [pair.target for pair in cls.pairs]
        cls.targets += [example.target for example in cls.corpus.contrast]

    def assert_no_match(self, pattern, sentences):
        faults = [s for s in sentences if re.search(pattern, s)]
        assert len(faults[:5]) == 0

    def test_half_of_the_training_data_gives_reasons(self):
        share = sum("because" in p.source for p in self.corpus.train) / 24000
        assert 0.45 <= share <= 0.55

    def test_vocabulary_is_small_and_frequent(self):
        for side in (0, 1):
            counts = collections.Counter(
                word
                for pair in self.corpus.train
                for word in re.findall(r"\w+'?", pair[side].lower())
            )
            assert 150 <= len(counts) <= 340
            rare = [word for word, count in counts.items() if count < 30]
            assert len(rare) == 0

    def test_lengths(self):
        lengths = {
            len(re.findall(r"[\w'-]+", pair.source))
            for pair in self.corpus.train
        }
        assert min(lengths) == 1
        assert 14 <= max(lengths) <= 16

    def test_form(self):
        for side in (0, 1):
            # Some set phrases have no mark; `set_phrases_test.py` tests all.
            sentences = [
                pair[side]
                for pair in self.pairs
                if pair not in set_phrases.PAIRS
            ]
            self.assert_no_match(r"  | [.,]|,\S|^\s|\s$|['’] ", sentences)
            # French has a space before a question mark.
            mark = r"(\.|\w\?)" if side == 0 else r"(\.|\w \?)"
            self.assert_no_match(rf"^(?![A-ZÀÂÉÈÊÎÔ][^.?]*{mark}$)", sentences)

    def test_english(self):
        sentences = [pair.source for pair in self.pairs]
        self.assert_no_match(r"(?i)\ba [aeiou]|\ban [^aeiou]", sentences)
        statements = [text for text in sentences if text[-1] != "?"]
        self.assert_no_match(r"(?i)\b(I|you|we|they) (is|\w+s)\b", statements)
        self.assert_no_match(
            r"(?i)\b(I (are|is)|(you|we|they) (am|is)|(s?he|it) (am|are))\b",
            statements,
        )

    def test_elision(self):
        self.assert_no_match(
            # There is no elision behind a hyphen: "Suis-je avocat ?"
            rf"(?i)(?<!-)\b(le|la|je|ne|que|de|jusque) "
            rf"(?!{_ASPIRATED})[h{_VOWEL}]",
            self.targets,
        )
        # There is no elision before a consonant or an aspirated h.
        self.assert_no_match(rf"(?i)'(?![h{_VOWEL}])", self.targets)
        self.assert_no_match(rf"(?i)'{_ASPIRATED}", self.targets)

    def test_contraction_and_forms_before_a_vowel(self):
        self.assert_no_match(r"\b(de|à) (le|les)\b", self.targets)
        self.assert_no_match(
            rf"(?i)\b(ce|ma|beau|nouveau|(le|un|ce|mon|de) vieux) "
            rf"(?!{_ASPIRATED})[h{_VOWEL}]",
            self.targets,
        )
        self.assert_no_match(
            rf"(?i)\b(cet|bel|nouvel|vieil) (?!(?!{_ASPIRATED})[h{_VOWEL}])",
            self.targets,
        )

    def test_negation_is_complete(self):
        self.assert_no_match(
            r"^(?=.*\b(ne |n'))(?!.*\b(ne |n')(y )?\w+ pas\b)", self.targets
        )
        self.assert_no_match(r"^(?!.*\b(ne |n')).*\bpas\b", self.targets)
        number = 0
        for pair in self.pairs:
            negative = re.search("n't| not ", pair.source) is not None
            assert negative == (" pas" in pair.target), pair
            number += negative
        assert 0.2 <= number / len(self.pairs) <= 0.8

    def test_every_noun_and_adjective_keeps_its_gender(self):
        after = collections.defaultdict(set)
        for target in self.targets:
            for article, word in re.findall(
                r"(?i)\b(le|un|ce|du|au|la|une|cette|ma) (\w+)", target
            ):
                feminine = article.lower() in ("la", "une", "cette", "ma")
                after[feminine].add(word)
        assert len(after[True]) > 20
        assert len(after[False]) > 20
        assert len(after[True] & after[False]) == 0
