"""Finds the heads that attend from one word to another.

T target or query length   S source or key length   H heads
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from keras_transformer.interpretation import forward, reading, words
from keras_transformer.layers.typing import Tensor
from keras_transformer.translation import translator as translators


class HeadWeight(NamedTuple):
    """The attention weight of a head from one word to another.

    attention: the name of the attention, such as
        `"decoder/block_1/cross_attention"`.
    head: the index of the head, counted from 0.
    weight: the mean weight, in [0, 1], over the sentences in which the word
        `query` is among the queries of this attention and the word `key` is
        among its keys; see `find_heads`.
    sentences: the number of these sentences.
    """

    attention: str
    head: int
    weight: float
    sentences: int


def find_heads(
    translator: translators.Translator,
    text: str | Sequence[str],
    query: str | Sequence[str] = "it",
    key: str | Sequence[str] = "animal",
    target: str | Sequence[str] | None = None,
) -> list[HeadWeight]:
    """Ranks heads by their attention from the word `query` to the word `key`.

    The default words are from The Illustrated Transformer. The weights of the
    tokens of `key` are added, and the mean is taken over the tokens of `query`
    and over the sentences with both words. In self-attention both words are in
    the source, or both in the translation. In encoder-decoder attention `query`
    is in the translation and `key` in the source. A word of the translation is
    a query at the steps that emit its tokens, and a key at the steps that read
    its tokens. Only the first use of a word counts. Case is ignored.

    A large weight shows which values a head reads. It does not show that the
    translation needs the head (Jain and Wallace 2019); see `ablate_heads`.

    Args:
        translator: a `Translator` of one `Transformer`.
        text: one sentence, or several.
        query: the word that attends, or a list with a word for each sentence.
        key: the word that is attended to, or a list as for `query`.
        target: the translation of each sentence, or one string for all; `None`
            for the translations of the translator.

    Returns:
        The `HeadWeight`s with `sentences` of at least 1, largest weight first.

    Raises:
        ValueError: no sentence has both words, a list is empty, the lengths of
            lists differ, or `trace` refuses a text, a target or the model.
        FloatingPointError: `target` is `None`, and the model's output is NaN.

    Example:

    >>> import keras_transformer as kt
    >>> tokenizer = kt.Tokenizer(
    ...     kt.learn_vocabulary(["a cat", "un chat"], may_be_smaller=True))
    >>> config = kt.TransformerConfig(tokenizer.vocabulary_size, 1, 1, 8, 2, 16)
    >>> translator = kt.Translator(kt.build_transformer(config), tokenizer)
    >>> found = find_heads(translator, "a cat", "a", "cat", target="un chat")
    >>> [(each.attention, each.sentences) for each in found[:1]]
    [('encoder/block_1/attention', 1)]
    """
    weights = _weights_of_sentences(translator, text, query, key, target)
    if not weights:
        raise ValueError(
            "No sentence has the two words. Received: "
            f"query={query!r}, key={key!r}, text={text!r}. Give words of the "
            "sources or of their translations, as they are written there."
        )
    ranked = [
        HeadWeight(name, head, float(weight), len(rows))
        for name, rows in weights.items()
        for head, weight in enumerate(np.mean(rows, axis=0))
    ]
    return sorted(ranked, key=lambda each: -each.weight)


def _weights_of_sentences(translator, text, query, key, target):
    """Returns a dict from the name of each attention to a list of weights (H,).

    The list has an item for each sentence in which `query` is among the queries
    of the attention and `key` is among its keys. An attention without such a
    sentence is left out.
    """
    pairs = reading.read_pairs(translator, text, target)
    queries, keys = (
        reading.as_list(name, word, len(pairs))
        for name, word in (("query", query), ("key", key))
    )
    weights: dict[str, list[np.ndarray]] = {}
    for read, query_word, key_word in zip(pairs, queries, keys, strict=True):
        of_sentence = _weights(translator, read, query_word, key_word)
        for name, weights_H in of_sentence.items():
            weights.setdefault(name, []).append(weights_H)
    return weights


def _weights(translator, read, query, key):
    """Returns the weights (H,) of each attention in one sentence.

    An attention is left out if the word `query` is not among its queries, or
    the word `key` is not among its keys.
    """
    cells = cells_of_words(
        query,
        key,
        translator.tokenizer.pieces(read.source_ids[0]),
        translator.target_tokenizer.pieces(read.target_ids[0]),
    )
    if not cells:
        return {}
    values = forward.forward(read.model, read.source_ids, read.input_ids)
    return {
        name: weights_of_cells(values[f"{name}/weights"][0], *cells[kind])
        for name in forward.attentions(read.model)
        if (kind := name.rsplit("/", 1)[1]) in cells
    }


def cells_of_words(
    query: str,
    key: str,
    source_tokens: Sequence[str],
    target_tokens: Sequence[str],
) -> dict[str, tuple[list[int], list[int]]]:
    """Returns where two words are in the attention weights of a sentence.

    Args:
        query: the word that attends.
        key: the word that is attended to.
        source_tokens: S pieces.
        target_tokens: the T pieces that are emitted.

    Returns:
        A dict from a kind of attention to two lists: the rows of the query word
        and the columns of the key word in the attention weights. A kind is left
        out if one of its lists is empty. The kinds are `"attention"` in the
        encoder, and `"self_attention"` and `"cross_attention"` in the decoder.
    """
    of_source, of_target = (
        (words.tokens_of(query, tokens), words.tokens_of(key, tokens))
        for tokens in (source_tokens, target_tokens)
    )
    # The decoder reads a token one step after it has emitted the token. The
    # last token is not read.
    read = [i + 1 for i in of_target[1] if i + 1 < len(target_tokens)]
    cells = {
        "attention": of_source,
        "self_attention": (of_target[0], read),
        "cross_attention": (of_target[0], of_source[1]),
    }
    return {kind: pair for kind, pair in cells.items() if all(pair)}


def weights_of_cells(
    weights: Tensor, rows: list[int], columns: list[int]
) -> np.ndarray:
    """Returns each head's weight from one word to another, float32 `(H,)`.

    Args:
        weights: attention weights, `(H, T, S)`.
        rows: the indices of the tokens of the word that attends. The mean is
            taken over them.
        columns: the indices of the tokens of the word that is attended to. The
            weights of these tokens are added.
    """
    weights_HTS = np.asarray(weights)
    return weights_HTS[:, rows][:, :, columns].sum(axis=2).mean(axis=1)
