"""Finds the heads that attend most between two words that belong together.

An example is the head that attends most from "it" to "animal". The words are in
two sentences and in their translations. The first sentence is from The
Illustrated Transformer, an article by Jay Alammar. The second sentence differs
from the first in the last word. If a page of `tools.explore` is made for
exactly these two sentences, the page shows the heads.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from keras_transformer.interpretation import heads, record

# Only the adjective tells whether "it" is the animal or the street.
ARTICLE = (
    "The animal didn't cross the street because it was too tired.",
    "The animal didn't cross the street because it was too wide.",
)


class _Question(NamedTuple):
    """A question: which head attends most from one word to another word?

    stack: `"encoder"` or `"decoder"`.
    kind: the name of the attention in the blocks of the stack.
    query: for each of the two sentences, the word that attends. It is a word of
        the source in the encoder, and of the translation in the decoder.
    key: for each of the two sentences, the word that is attended to. It is a
        word of the translation only for the decoder's self-attention.
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


def heads_of_article(traces: Sequence[record.Trace]) -> list[dict[str, Any]]:
    """Finds the heads that attend most between words that belong together.

    There are six pairs of words. Five go from the pronoun ("it", "il" or
    "elle") to its noun or to the adjective. One goes from the adjective to the
    noun.

    Args:
        traces: the traces of the two sentences, in the order of `ARTICLE`.

    Returns:
        A list with a dict for each pair, sorted by `weight`, the largest first.
        A dict describes the head that attends most:

        - `attention` and `head`: the name of the attention, and the index of
          the head, counted from 0;
        - `query` and `key`: the words, in each of the two sentences;
        - `weight`: the weight of the head from `query` to `key`, see
          `heads.weights_of_cells`. Each sentence has its own weight, and
          `weight` is the smaller one. The head with the largest `weight` is
          chosen;
        - `cells`: for each sentence, the row of the first token of `query` and
          the column of the first token of `key`.

        A pair is left out if one of its words is missing in a sentence or in
        its translation. This happens if the model translates with other words.
    """
    best = [_best_head(question, traces) for question in _QUESTIONS]
    return sorted(
        (each for each in best if each is not None),
        key=lambda each: -each["weight"],
    )


def _best_head(question, traces):
    """Returns the dict of the head that answers a question best.

    Returns `None` if a word of the question is missing in a sentence or in its
    translation. `heads_of_article` describes the dict.
    """
    cells = []
    for i, trace in enumerate(traces):
        of_words = heads.cells_of_words(
            question.query[i],
            question.key[i],
            trace.source.tokens,
            trace.target.tokens,
        )
        if question.kind not in of_words:
            return None
        cells.append(of_words[question.kind])
    smaller = {}
    for name in _names(question, traces[0]):
        weights = [
            heads.weights_of_cells(trace.arrays[f"{name}/weights"], *cell)
            for trace, cell in zip(traces, cells, strict=True)
        ]
        for head, weight in enumerate(np.min(weights, axis=0)):
            smaller[name, head] = float(weight)
    attention, head = max(smaller, key=smaller.__getitem__)
    return {
        "attention": attention,
        "head": head,
        "query": question.query,
        "key": question.key,
        "weight": smaller[attention, head],
        "cells": [[rows[0], columns[0]] for rows, columns in cells],
    }


def _names(question, trace):
    """Returns the names of the attentions of a question, one for each block."""
    num_layers = trace.model[f"num_{question.stack}_layers"]
    return [
        f"{question.stack}/block_{number}/{question.kind}"
        for number in range(1, num_layers + 1)
    ]
