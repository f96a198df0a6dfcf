"""BLEU is made with the tokenization that a language needs, or refused."""

import logging
from unittest import mock

import pytest
import sacrebleu

from keras_transformer.translation import bleu

CHINESE = ["那只猫坐在垫子上。", "一只狗在街上跑得很快。", "一切都结束了。"]
ENGLISH = ["a cat sat on the mat", "a dog ran", "Yes."]


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
    assert bleu.tokenization_of(language) == tokenization
    assert tokenization in sacrebleu.BLEU.TOKENIZERS


@pytest.mark.parametrize("language", ["Chinese", "", "z", "zh CN", "1a"])
def test_no_language(language):
    with pytest.raises(ValueError, match="by its code. Received: '"):
        bleu.tokenization_of(language)


@pytest.mark.parametrize("tokenize", ["zh", "char", "13a", "none"])
def test_the_metrics_are_sacrebleus(tokenize):
    # Of English too, in which all of them find words.
    references = [*CHINESE, *ENGLISH]
    translations = ["那只猫坐在桌子上。", *references[1:]]
    expected = sacrebleu.BLEU(tokenize=tokenize)
    found, chrf = bleu.corpus_metrics(references, tokenize)
    score = found.corpus_score(translations, [references]).score
    assert score == expected.corpus_score(translations, [references]).score
    assert 50 < score < 99
    assert f"tok:{tokenize}" in str(found.get_signature())
    assert chrf.corpus_score(CHINESE, [CHINESE]).score == pytest.approx(100)


def test_an_unknown_tokenization():
    with pytest.raises(ValueError, match="'foo'. Expected one of none, zh, 13"):
        bleu.corpus_metrics(ENGLISH, "foo")


@pytest.mark.parametrize(
    "tokenize, error, message",
    [
        ("ja-mecab", RuntimeError("no"), r"pip install 'sacrebleu\[ja\]'; or"),
        ("ko-mecab", RuntimeError("no"), r"pip install 'sacrebleu\[ko\]'; or"),
        ("flores200", OSError("no network"), "It says: no network. Mend"),
    ],
)
def test_a_tokenization_that_is_not_installed(tokenize, error, message):
    with mock.patch.object(sacrebleu, "BLEU", side_effect=error) as metric:
        metric.TOKENIZERS = ["13a", tokenize]
        with pytest.raises(ValueError, match=message):
            bleu.corpus_metrics(ENGLISH, tokenize)


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
        bleu.corpus_metrics(references, tokenize)
    words = f"3 of {len(references)} references have no spaces"
    assert (words in caplog.text) == is_warned_of
    assert bool(caplog.text) == is_warned_of


@pytest.mark.parametrize("value", ["a cat", b"a cat"])
def test_one_string_is_no_list(value):
    bleu.check_texts(sources=["a cat"], references=("a cat",))
    with pytest.raises(ValueError, match="`references` must be a list.*cat'"):
        bleu.check_texts(sources=["a cat"], references=value)
