"""The scores must be sacreBLEU's own, with signatures that say which."""

import sacrebleu
import tensorflow as tf
from absl.testing import parameterized

from keras_transformer.translation import scores

TRANSLATIONS = [
    "Le chat s'est assis sur le tapis.",
    "Un chien court dans la rue, vite.",
    "le petit oiseau chante",
]
REFERENCES = [
    "Le chat est assis sur le tapis.",
    "Un chien court vite dans la rue.",
    "Le petit oiseau chante",
]


class ScoreTranslationsTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        {}, {"lowercase": True}, {"tokenize": "char"}, {"tokenize": "none"}
    )
    def test_equals_sacrebleu(self, **settings):
        found = scores.score_translations(TRANSLATIONS, REFERENCES, **settings)
        lowercase = settings.get("lowercase", False)
        self.assertEqual(
            found["bleu"],
            sacrebleu.corpus_bleu(
                TRANSLATIONS,
                [REFERENCES],
                lowercase=lowercase,
                tokenize=settings.get("tokenize", "13a"),
            ).score,
        )
        self.assertBetween(found["bleu"], 1, 99)
        if not lowercase:
            self.assertEqual(
                found["chrf"],
                sacrebleu.corpus_chrf(TRANSLATIONS, [REFERENCES]).score,
            )

    def test_settings_change_the_numbers(self):
        plain = scores.score_translations(TRANSLATIONS, REFERENCES)
        lower = scores.score_translations(
            TRANSLATIONS, REFERENCES, lowercase=True
        )
        characters = scores.score_translations(
            TRANSLATIONS, REFERENCES, tokenize="char"
        )
        self.assertGreater(lower["bleu"], plain["bleu"])
        self.assertGreater(lower["chrf"], plain["chrf"])
        self.assertNotAlmostEqual(characters["bleu"], plain["bleu"])
        self.assertEqual(characters["chrf"], plain["chrf"])

    def test_signatures_name_the_settings(self):
        plain = scores.score_translations(TRANSLATIONS, REFERENCES)
        self.assertRegex(
            plain["bleu_signature"], "nrefs:1.*case:mixed.*tok:13a.*version:2"
        )
        self.assertRegex(plain["chrf_signature"], "nrefs:1.*case:mixed.*nc:6")
        other = scores.score_translations(
            TRANSLATIONS, REFERENCES, lowercase=True, tokenize="char"
        )
        self.assertRegex(other["bleu_signature"], "case:lc.*tok:char")
        self.assertRegex(other["chrf_signature"], "case:lc")

    def test_an_unknown_tokenization(self):
        with self.assertRaisesRegex(ValueError, "tokenize='foo'. Expected one"):
            scores.score_translations(TRANSLATIONS, REFERENCES, tokenize="foo")

    def test_chrf_lowercase(self):
        found = scores.score_translations(
            ["LE CHAT"], ["le chat"], lowercase=True
        )
        self.assertAllClose(found["chrf"], 100.0)

    def test_exact_match_is_a_share_and_sees_case(self):
        found = scores.score_translations(
            ["a b", "A b", "a", "a b "], ["a b", "a b", "a b", "a b"]
        )
        self.assertEqual(found["exact_match"], 0.25)

    def test_perfect_and_hopeless(self):
        perfect = scores.score_translations(REFERENCES, REFERENCES)
        self.assertAllClose(
            [perfect["bleu"], perfect["chrf"], perfect["exact_match"]],
            [100.0, 100.0, 1.0],
        )
        hopeless = scores.score_translations([""] * 3, REFERENCES)
        self.assertAllClose(
            [hopeless["bleu"], hopeless["chrf"], hopeless["exact_match"]],
            [0.0, 0.0, 0.0],
        )

    @parameterized.parameters(
        (TRANSLATIONS, REFERENCES[:2], "3 translations, 2 references"),
        (TRANSLATIONS[:1], REFERENCES, "1 translations, 3 references"),
        ([], [], "0 translations, 0 references"),
        ("abc", "abc", "`translations` must be a list.*'abc'"),
        (["a", "b", "c"], "abc", "`references` must be a list.*'abc'"),
    )
    def test_other_number_of_references(self, translations, references, counts):
        with self.assertRaisesRegex(ValueError, counts):
            scores.score_translations(translations, references)


if __name__ == "__main__":
    tf.test.main()
