"""The two sentences of The Illustrated Transformer, and heads that read them.

T target length   S source length
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from keras_transformer import interpretation
from keras_transformer.interpretation import record, words
from keras_transformer.translation import translator as translators

# Only the adjective tells what "it" is.
ARTICLE = (
    "The animal didn't cross the street because it was too tired.",
    "The animal didn't cross the street because it was too wide.",
)


class _Question(NamedTuple):
    """Words of both sentences: do heads look from `query` to `key`?

    stack: `"encoder"` or `"decoder"`.
    kind: the name of the attention in its blocks.
    """

    stack: str
    kind: str
    query: tuple[str, str]
    key: tuple[str, str]


_IT, _PRONOUN = ("it", "it"), ("il", "elle")
_NOUN, _ADJECTIVE = ("animal", "street"), ("tired", "wide")
_QUESTIONS = (
    _Question("encoder", "attention", _IT, _NOUN),
    _Question("encoder", "attention", _IT, _ADJECTIVE),
    _Question("encoder", "attention", _ADJECTIVE, _NOUN),
    _Question("decoder", "cross_attention", _PRONOUN, _NOUN),
    _Question("decoder", "cross_attention", _PRONOUN, _ADJECTIVE),
    _Question("decoder", "self_attention", _PRONOUN, ("animal", "rue")),
)


def heads_of_article(
    translator: translators.Translator, traces: Sequence[record.Trace]
) -> list[dict[str, Any]]:
    """Finds the heads that look from "it", "il" or "elle" to its noun.

    Others look at the adjective, which tells what the noun is.

    Args:
        translator: a `Translator` of one `Transformer`.
        traces: of the two sentences.

    Returns:
        For the best head of each question a dict of `attention`, `head`,
        `query` and `key`, the words of both sentences; `weight`, the smaller
        of its weights in the two sentences, which ranks heads and dicts; and
        `cells`, the row and the column of these words in each sentence.
    """
    heads = []
    for question in _QUESTIONS:
        weights = [
            _weights(translator, trace, question, i)
            for i, trace in enumerate(traces)
        ]
        smaller = {
            head: min(each[head] for each in weights)
            for head in weights[0].keys() & weights[1].keys()
        }
        if smaller:
            attention, head = max(sorted(smaller), key=smaller.__getitem__)
            heads.append(
                {
                    "attention": attention,
                    "head": head,
                    "query": question.query,
                    "key": question.key,
                    "weight": smaller[attention, head],
                    "cells": [
                        _cell(trace, question, i)
                        for i, trace in enumerate(traces)
                    ],
                }
            )
    return sorted(heads, key=lambda each: -each["weight"])


def _weights(translator, trace, question, i):
    """Returns the weight of each head; none if a word is not there."""
    try:
        heads = interpretation.find_heads(
            translator,
            trace.source.text,
            question.query[i],
            question.key[i],
            trace.target.text,
        )
    except ValueError:
        # A model that was not trained for this sentence writes other words.
        return {}
    return {
        (each.attention, each.head): each.weight
        for each in heads
        if each.attention.startswith(question.stack)
        and each.attention.endswith(f"/{question.kind}")
    }


def _cell(trace, question, i):
    """Returns the row of the query and the column of the key."""
    source, target = trace.source.tokens, trace.target.tokens
    queries = source if question.stack == "encoder" else target
    keys = target if question.kind == "self_attention" else source
    # The decoder reads a token one step after it is emitted.
    is_read = question.kind == "self_attention"
    return [
        words.tokens_of(question.query[i], queries)[0],
        words.tokens_of(question.key[i], keys)[0] + is_read,
    ]
