"""Turns the results of a search into texts, pieces and alignments.

B batch   S source length   W hypotheses of a row   T target length
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from keras_transformer.search import contract
from keras_transformer.text import SpecialIds, TextTokenizer
from keras_transformer.text import texts as lists
from keras_transformer.translation import alignment


class Hypothesis(NamedTuple):
    """One translation of a sentence.

    text: the translation.
    score: the score by which the search ranks hypotheses. But a beam search
        with `minimum_risk` ranks its best hypotheses by expected BLEU.
    tokens: the pieces of the translation, with the end token if there is one.
    log_probs: float32 vector, the log-probability of each of `tokens`.
    alignment: float64 array `(target words, source words)`, see `align_words`;
        `None` if the words were not aligned.

    Example:

    >>> empty_hypothesis(align=False).text
    ''
    """

    text: str
    score: float
    tokens: list[str]
    log_probs: np.ndarray
    alignment: np.ndarray | None


def empty_hypothesis(align: bool) -> Hypothesis:
    """Returns the translation of a blank text.

    Args:
        align: whether the translation has an alignment, which is empty.
    """
    empty_alignment = np.zeros([0, 0]) if align else None
    return Hypothesis("", 0.0, [], np.zeros([0], "float32"), empty_alignment)


def best_of(hypotheses: Sequence[Hypothesis]) -> Hypothesis:
    """Returns the best translation of a text.

    Args:
        hypotheses: the hypotheses of the text, best first. If there are none,
            because the search found no allowed translation, the result is the
            empty hypothesis.

    Example:

    >>> best_of([]).text
    ''
    """
    return hypotheses[0] if hypotheses else empty_hypothesis(align=False)


def are_blank(
    texts: contract.TensorLike,
    ids: tf.Tensor,
    special_ids: SpecialIds,
) -> tf.Tensor:
    """Returns which texts have nothing to translate.

    A text has nothing to translate if it is white space only, or if all its ids
    are special. All ids are special, for example, if the normalization of the
    vocabulary removes all characters, or `encode_source` leaves out all words.

    Args:
        texts: strings `(B,)`.
        ids: int32 `(B, S)`, the encoded texts, with end tokens.
        special_ids: the special ids of the vocabulary.

    Returns:
        Boolean `(B,)`.
    """
    has_token = tf.reduce_any(special_ids.are_of_text(ids), axis=1)
    return lists.are_blank(texts) | ~has_token


def check_score(score: float, text: str | bytes) -> None:
    """Raises FloatingPointError if a score is NaN.

    Args:
        score: the score of a translation.
        text: the source of the translation, for the error message.
    """
    if np.isnan(score):
        raise FloatingPointError(
            f"The model's output is not a number (NaN) for the text {text!r}. "
            "Its weights are NaN, or too large for its floating-point type. "
            "Load an earlier checkpoint, or use float32."
        )


def texts_in_graph(
    ids: tf.Tensor,
    scores: tf.Tensor,
    is_blank: tf.Tensor,
    tokenizer: TextTokenizer,
) -> dict[str, tf.Tensor]:
    """Decodes the hypotheses of a search in the graph.

    Args:
        ids: int32 `(B, W, T)`.
        scores: float32 `(B, W)`.
        is_blank: boolean `(B,)`, which texts have nothing to translate.
        tokenizer: the tokenizer of the hypotheses.

    Returns:
        Dict of `translations`, string `(B, W)`, and `scores`, float32 `(B, W)`.
        A blank text has one hypothesis, which is empty and has score 0. If a
        row has fewer than W hypotheses, its empty slots have an empty
        translation and a score of -1e9. If the model's output was NaN for a
        row, its translations are empty and its scores are NaN.
    """
    shape = tf.shape(scores)
    is_blank = is_blank[:, None]
    is_hypothesis = scores > contract.NEVER
    scores_of_blank = tf.where(tf.range(shape[1]) == 0, 0.0, contract.NEVER)
    # If B and T are 0, `reshape` infers a wrong size for -1. So all sizes are
    # given here.
    flat = [shape[0] * shape[1], tf.shape(ids)[2]]
    texts = tf.reshape(tokenizer.decode(tf.reshape(ids, flat)), shape)
    texts.set_shape(scores.shape)
    return {
        "translations": tf.where(is_hypothesis & ~is_blank, texts, ""),
        "scores": tf.where(is_blank, scores_of_blank, scores),
    }


def read_result(
    result: contract.SearchResult,
    texts: Sequence[str | bytes],
    source_ids: np.ndarray,
    tokenizer: TextTokenizer,
    target_tokenizer: TextTokenizer,
    align: bool,
) -> list[list[Hypothesis]]:
    """Returns the hypotheses that the search found for each text, best first.

    Args:
        result: the result of the search, as eager tensors.
        texts: B texts. A blank text has one hypothesis, which is empty.
        source_ids: int32 `(B, S)`, the input of the search.
        tokenizer: the tokenizer of the texts.
        target_tokenizer: the tokenizer of the hypotheses.
        align: whether to align words. If true, the result must have attention.

    Raises:
        ValueError: `align` is true, and the result has no attention.
        FloatingPointError: the model's output was NaN.
    """
    rows, width, columns = result.ids.shape
    ids, lengths, scores, log_probs = (field.numpy() for field in result[:4])
    # `decode` takes as long as a search step, so one call decodes all rows.
    decoded = target_tokenizer.decode(ids.reshape([rows * width, columns]))
    decoded = decoded.numpy().reshape([rows, width])
    if align:
        attention = _attention_of(result)
        words = _words_read(texts, tokenizer)
    is_blank = are_blank(
        tf.constant(texts, tf.string), source_ids, tokenizer.special_ids
    ).numpy()
    hypotheses: list[list[Hypothesis]] = []
    for row, text in enumerate(texts):
        if is_blank[row]:
            hypotheses.append([empty_hypothesis(align)])
            continue
        check_score(scores[row, 0], text)
        hypotheses.append([])
        for n in np.flatnonzero(scores[row] > contract.NEVER):
            tokens = ids[row, n, : lengths[row, n]]
            soft = None
            if align:
                soft = _aligned(
                    attention[row, n],
                    (source_ids[row], tokenizer),
                    (tokens, target_tokenizer),
                )
                soft = _over_all_words(soft, *words[row])
            hypotheses[-1].append(
                Hypothesis(
                    decoded[row, n].decode("utf-8"),
                    float(scores[row, n]),
                    target_tokenizer.pieces(tokens),
                    log_probs[row, n, : len(tokens)],
                    soft,
                )
            )
    return hypotheses


def read_scores(
    result: contract.SearchResult,
    texts: Sequence[str | bytes],
    targets: Sequence[str | bytes],
    are_blank: np.ndarray,
    target_tokenizer: TextTokenizer,
) -> list[Hypothesis]:
    """Returns existing targets as hypotheses, with their scores.

    Args:
        result: the result of scoring, as eager tensors. Each row has one
            hypothesis.
        texts: B sources.
        targets: a translation of each source.
        are_blank: boolean `(B,)`, whether source and target are both blank.
        target_tokenizer: the tokenizer of the targets.

    Raises:
        FloatingPointError: the model's output was NaN.
    """
    hypotheses = []
    for text, target, is_blank, ids, length, score, log_probs in zip(
        texts,
        targets,
        are_blank,
        *(field[:, 0].numpy() for field in result[:4]),
        strict=True,
    ):
        if is_blank:
            hypotheses.append(empty_hypothesis(align=False))
            continue
        check_score(score, text)
        hypotheses.append(
            Hypothesis(
                tf.compat.as_str(target),
                float(score),
                target_tokenizer.pieces(ids[:length]),
                log_probs[:length],
                None,
            )
        )
    return hypotheses


def _attention_of(result):
    """Returns the attention (B, W, T, S) of a result, as an array.

    Raises:
        ValueError: the result has no attention.
    """
    if result.attention is None:
        raise ValueError(
            "Words are aligned by attention. Received: a search whose result "
            "has no attention. If the task has a `source_mask`, its step "
            "returns attention; return it in the `SearchResult`."
        )
    return result.attention.numpy()


def _aligned(attention, source, target):
    """Returns a soft alignment of target words with source words.

    Args:
        attention: `(T, S)`; it may have further rows and columns of padding.
        source: ids `(S,)` and the tokenizer.
        target: ids `(T,)` and the tokenizer.
    """
    is_text, pieces = [], []
    for ids, tokenizer in (source, target):
        are = tokenizer.special_ids.are_of_text(tf.constant(ids)).numpy()
        is_text.append(are)
        pieces.append(tokenizer.pieces(ids[are]))
    of_source, of_target = is_text
    attention = attention[: len(of_target), : len(of_source)]
    return alignment.align_words(attention[of_target][:, of_source], *pieces)


def _words_read(texts, tokenizer):
    """Returns how many words each text has, and which have a known piece.

    The model reads only words with a known piece, because `encode_source`
    leaves out all other words.
    """
    ids, is_known = (x.to_list() for x in tokenizer.known_pieces(texts))
    words = []
    for row_ids, row_is_known in zip(ids, is_known, strict=True):
        numbers = alignment.words_of(tokenizer.pieces(row_ids))
        pairs = zip(numbers, row_is_known, strict=True)
        read = sorted({number for number, known in pairs if known})
        words.append((len(set(numbers)), read))
    return words


def _over_all_words(soft, count, read):
    """Inserts columns of zeros for the source words that were not read.

    The columns then stand for all words of the text. If the end of the text was
    cut, they stand for the words up to the last word that was read.

    Args:
        soft: soft alignment `(target words, source words that were read)`.
        count: the number of words of the text.
        read: the indices of the words with a known piece, ascending.
    """
    if len(read) == count:
        return soft
    if len(read) > soft.shape[1]:  # The end of the source was cut.
        read = read[: soft.shape[1]]
        count = read[-1] + 1
    wide = np.zeros([len(soft), count])
    wide[:, read] = soft
    return wide
