"""The heads for the article's sentences are those that `find_heads` finds."""

import pytest

import keras_transformer as kt
from keras_transformer.explorer import article
from tests.interpretation import random_translator

TARGETS = (
    "L'animal n'a pas traversé parce qu'il était fatigué.",
    "L'animal n'a pas traversé parce qu'elle était large.",
)


@pytest.fixture(scope="module")
def translator():
    return random_translator.translator("modern")


@pytest.fixture(scope="module")
def traces(translator):
    return [
        kt.interpretation.trace(translator, text, target)
        for text, target in zip(article.ARTICLE, TARGETS, strict=True)
    ]


@pytest.mark.seconds
def test_the_best_head_of_each_question(translator, traces):
    found = article.heads_of_article(traces)
    weights = [each["weight"] for each in found]
    assert weights == sorted(weights, reverse=True)
    # "rue" is not in the second translation. So one question has no answer.
    assert len(found) == 5
    in_sentences = [
        {
            each[:2]: each.weight
            for each in kt.interpretation.find_heads(
                translator, text, query, key, target
            )
            if "cross" in each.attention
        }
        for text, query, key, target in zip(
            article.ARTICLE,
            ("il", "elle"),
            ("tired", "wide"),
            TARGETS,
            strict=True,
        )
    ]
    (best,) = (
        each
        for each in found
        if (each["query"], each["key"]) == (("il", "elle"), ("tired", "wide"))
    )
    smaller = {
        head: min(each[head] for each in in_sentences)
        for head in in_sentences[0]
    }
    assert len(smaller) == 3 * 6
    assert abs(best["weight"] - max(smaller.values())) < 1e-6
    assert smaller[best["attention"], best["head"]] == max(smaller.values())


@pytest.mark.seconds
def test_cells_are_those_of_the_words(translator, traces):
    found = article.heads_of_article(traces)
    for each in found:
        for i, (row, column) in enumerate(each["cells"]):
            is_encoder = each["attention"].startswith("encoder")
            source, target = traces[i].source.tokens, traces[i].target.tokens
            queries = source if is_encoder else target
            assert begins(each["query"][i], queries, row)
            assert begins(each["key"][i], source, column)


def begins(word, tokens, index):
    spelled = "".join(tokens[index:]).lstrip("▁")
    return spelled.startswith(word)


@pytest.mark.seconds
def test_other_translations_have_fewer_heads(translator):
    traces = [
        kt.interpretation.trace(translator, text, "le chat")
        for text in article.ARTICLE
    ]
    found = article.heads_of_article(traces)
    assert {each["attention"].split("/")[0] for each in found} == {"encoder"}
