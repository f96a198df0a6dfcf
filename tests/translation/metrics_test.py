"""Metrics are those of sacreBLEU, with the tokenization of the language."""

import logging
import re
from unittest import mock

import pytest
import sacrebleu

from keras_transformer.translation import metrics
from tests.assertions import assert_all_close

CHINESE = ["那只猫坐在垫子上。", "一只狗在街上跑得很快。", "一切都结束了。"]
ENGLISH = ["a cat sat on the mat", "a dog ran", "Yes."]
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


@pytest.mark.parametrize(
    "language, tokenization",
    [
        (None, "13a"),
        ("de", "13a"),
        ("pt-BR", "13a"),
        ("zh", "zh"),
        ("ZH_hant_TW", "zh"),
        ("yue", "zh"),
        ("ja", "ja-mecab"),
        ("kor", "ko-mecab"),
        ("th", "char"),
        ("lo", "char"),
        ("km-KH", "char"),
        ("my", "char"),
    ],
)
def test_tokenization_of_a_language(language, tokenization):
    assert metrics.tokenization_of(language) == tokenization
    assert tokenization in sacrebleu.BLEU.TOKENIZERS


@pytest.mark.parametrize("language", ["Chinese", "", "z", "zh CN", "1a"])
def test_no_language(language):
    with pytest.raises(ValueError, match="by its code. Received: '"):
        metrics.tokenization_of(language)


@pytest.mark.parametrize("tokenize", ["zh", "char", "13a", "none"])
def test_the_metrics_are_sacrebleus(tokenize):
    # English sentences too, because every tokenization finds words in them.
    references = [*CHINESE, *ENGLISH]
    translations = ["那只猫坐在桌子上。", *references[1:]]
    expected = sacrebleu.BLEU(tokenize=tokenize)
    found, chrf = metrics.corpus_metrics(references, tokenize)
    score = found.corpus_score(translations, [references]).score
    assert score == expected.corpus_score(translations, [references]).score
    assert 50 < score < 99
    assert f"tok:{tokenize}" in str(found.get_signature())
    assert chrf.corpus_score(CHINESE, [CHINESE]).score == pytest.approx(100)


def test_an_unknown_tokenization():
    with pytest.raises(ValueError, match="'foo'. Expected one of none, zh, 13"):
        metrics.corpus_metrics(ENGLISH, "foo")


@pytest.mark.parametrize(
    "tokenize, error, message",
    [
        ("ja-mecab", RuntimeError("no"), r"pip install 'sacrebleu\[ja\]'; or"),
        ("ko-mecab", RuntimeError("no"), r"pip install 'sacrebleu\[ko\]'; or"),
        ("flores200", OSError("no network"), "Fix this error: no network; or"),
    ],
)
def test_a_tokenization_that_is_not_installed(tokenize, error, message):
    with mock.patch.object(sacrebleu, "BLEU", side_effect=error) as metric:
        metric.TOKENIZERS = ["13a", tokenize]
        with pytest.raises(ValueError, match=message):
            metrics.corpus_metrics(ENGLISH, tokenize)


@pytest.mark.parametrize(
    "references, tokenize, is_warned_of",
    [
        (CHINESE, "13a", True),
        ([*CHINESE, *ENGLISH[:2]], "13a", True),
        (ENGLISH, "13a", False),
        ([*CHINESE[:1], *ENGLISH[:2]], "13a", False),
        (CHINESE, "zh", False),
        (["", " "], "13a", False),
        ([], "13a", False),
    ],
)
def test_warns_where_words_cannot_be_told(
    references, tokenize, is_warned_of, caplog
):
    with caplog.at_level(logging.WARNING, "keras_transformer"):
        metrics.corpus_metrics(references, tokenize)
    words = f"3 of {len(references)} references have no spaces"
    assert (words in caplog.text) == is_warned_of
    assert bool(caplog.text) == is_warned_of


@pytest.mark.parametrize("value", ["a cat", b"a cat"])
def test_one_string_is_no_list(value):
    metrics.check_texts(sources=["a cat"], references=("a cat",))
    with pytest.raises(ValueError, match="`references` must be a list.*cat'"):
        metrics.check_texts(sources=["a cat"], references=value)


class TestScoreTranslations:
    @pytest.mark.parametrize(
        "settings",
        [{}, {"lowercase": True}, {"tokenize": "char"}, {"tokenize": "none"}],
    )
    def test_equals_sacrebleu(self, settings):
        found = metrics.score_translations(TRANSLATIONS, REFERENCES, **settings)
        lowercase = settings.get("lowercase", False)
        assert (
            found["bleu"]
            == sacrebleu.corpus_bleu(
                TRANSLATIONS,
                [REFERENCES],
                lowercase=lowercase,
                tokenize=settings.get("tokenize", "13a"),
            ).score
        )
        assert 1 <= found["bleu"] <= 99
        if not lowercase:
            assert (
                found["chrf"]
                == sacrebleu.corpus_chrf(TRANSLATIONS, [REFERENCES]).score
            )

    def test_settings_change_the_numbers(self):
        plain = metrics.score_translations(TRANSLATIONS, REFERENCES)
        lower = metrics.score_translations(
            TRANSLATIONS, REFERENCES, lowercase=True
        )
        characters = metrics.score_translations(
            TRANSLATIONS, REFERENCES, tokenize="char"
        )
        assert lower["bleu"] > plain["bleu"]
        assert lower["chrf"] > plain["chrf"]
        assert round(characters["bleu"] - plain["bleu"], 7) != 0
        assert characters["chrf"] == plain["chrf"]

    def test_signatures_name_the_settings(self):
        plain = metrics.score_translations(TRANSLATIONS, REFERENCES)
        assert re.search(
            "nrefs:1.*case:mixed.*tok:13a.*version:2", plain["bleu_signature"]
        )
        assert re.search("nrefs:1.*case:mixed.*nc:6", plain["chrf_signature"])
        other = metrics.score_translations(
            TRANSLATIONS, REFERENCES, lowercase=True, tokenize="char"
        )
        assert re.search("case:lc.*tok:char", other["bleu_signature"])
        assert re.search("case:lc", other["chrf_signature"])

    def test_an_unknown_tokenization(self):
        with pytest.raises(ValueError, match="tokenize='foo'. Expected one"):
            metrics.score_translations(TRANSLATIONS, REFERENCES, tokenize="foo")

    def test_chrf_lowercase(self):
        found = metrics.score_translations(
            ["LE CHAT"], ["le chat"], lowercase=True
        )
        assert_all_close(found["chrf"], 100.0)

    def test_exact_match_is_a_share_and_sees_case(self):
        found = metrics.score_translations(
            ["a b", "A b", "a", "a b "], ["a b", "a b", "a b", "a b"]
        )
        assert found["exact_match"] == 0.25

    def test_perfect_and_hopeless(self):
        perfect = metrics.score_translations(REFERENCES, REFERENCES)
        assert_all_close(
            [perfect["bleu"], perfect["chrf"], perfect["exact_match"]],
            [100.0, 100.0, 1.0],
        )
        hopeless = metrics.score_translations([""] * 3, REFERENCES)
        assert_all_close(
            [hopeless["bleu"], hopeless["chrf"], hopeless["exact_match"]],
            [0.0, 0.0, 0.0],
        )

    @pytest.mark.parametrize(
        ("translations", "references", "counts"),
        [
            (TRANSLATIONS, REFERENCES[:2], "3 translations, 2 references"),
            (TRANSLATIONS[:1], REFERENCES, "1 translations, 3 references"),
            ([], [], "0 translations, 0 references"),
            ("abc", "abc", "`translations` must be a list.*'abc'"),
            (["a", "b", "c"], "abc", "`references` must be a list.*'abc'"),
        ],
    )
    def test_other_number_of_references(self, translations, references, counts):
        with pytest.raises(ValueError, match=counts):
            metrics.score_translations(translations, references)
