"""What a search found, as texts, pieces and alignments.

B batch   S source length
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from keras_transformer.search import contract
from keras_transformer.text import texts as lists
from keras_transformer.translation import alignment


class Hypothesis(NamedTuple):
    """One translation of a sentence.

    text: the translation.
    score: what hypotheses are ranked by.
    tokens: its pieces, the end token included.
    log_probs: float32 array, the log-probability of each piece.
    alignment: soft alignment of words, see `align_words`; `None` unless
        asked for.

    Example:

    >>> nothing(align=False).text
    ''
    """

    text: str
    score: float
    tokens: list[str]
    log_probs: np.ndarray
    alignment: np.ndarray | None


def nothing(align: bool) -> Hypothesis:
    """The translation of a text that is blank, and its alignment."""
    aligned = np.zeros([0, 0]) if align else None
    return Hypothesis("", 0.0, [], np.zeros([0], "float32"), aligned)


def are_blank(texts, ids, special_ids) -> tf.Tensor:
    """Tells which texts have nothing to translate.

    Those of white space alone, and those of which the vocabulary's
    normalization leaves nothing.

    Args:
        texts: strings `(B,)`.
        ids: int32 `(B, S)`, the same encoded, with end tokens.
        special_ids: of the vocabulary.

    Returns:
        Boolean `(B,)`.
    """
    has_token = (ids != special_ids.pad) & (ids != special_ids.end)
    return lists.are_blank(texts) | ~tf.reduce_any(has_token, axis=1)


def check_score(score: float, text) -> None:
    """Raises FloatingPointError if a score is not a number.

    Args:
        score: of a translation.
        text: its source, for the message.
    """
    if np.isnan(score):
        raise FloatingPointError(
            f"The model's output is not a number (NaN) for the text {text!r}. "
            "Its weights are NaN, or too large for its precision. Load an "
            "earlier checkpoint, or use float32."
        )


def read_result(
    result: contract.SearchResult,
    texts: Sequence[str],
    source_ids: np.ndarray,
    tokenizer,
    target_tokenizer,
    align: bool,
) -> list[list[Hypothesis]]:
    """The hypotheses that a search found for each text.

    Args:
        result: of the search, outside of graphs.
        texts: B texts, as strings or bytes.
        source_ids: int32 `(B, S)`, what the search was given.
        tokenizer: that of the texts.
        target_tokenizer: that of the hypotheses.
        align: whether to align words; the result must have attention.

    Raises:
        ValueError: words shall be aligned, and the result has no attention.
        FloatingPointError: the model's output was not a number.
    """
    rows, width, columns = result.ids.shape
    ids, lengths, scores, log_probs = (field.numpy() for field in result[:4])
    # One call for all of them: each takes as long as a step of the search.
    decoded = target_tokenizer.decode(ids.reshape([rows * width, columns]))
    decoded = decoded.numpy().reshape([rows, width])
    if align:
        attention = _attention_of(result)
        words = _words_read(texts, tokenizer)
    is_nothing = are_blank(
        tf.constant(texts, tf.string), source_ids, tokenizer.special_ids
    ).numpy()
    answers = []
    for row, text in enumerate(texts):
        if is_nothing[row]:
            answers.append([nothing(align)])
            continue
        check_score(scores[row, 0], text)
        answers.append([])
        for n in np.flatnonzero(scores[row] > contract.NEVER):
            own = ids[row, n, : lengths[row, n]]
            aligned = None
            if align:
                aligned = alignment.align_words(
                    attention[row, n],
                    _text_pieces(source_ids[row], tokenizer),
                    _text_pieces(own, target_tokenizer),
                )
                aligned = _over_all_words(aligned, *words[row])
            answers[-1].append(
                Hypothesis(
                    decoded[row, n].decode("utf-8"),
                    float(scores[row, n]),
                    target_tokenizer.pieces(own),
                    log_probs[row, n, : len(own)],
                    aligned,
                )
            )
    return answers


def read_scores(
    result: contract.SearchResult,
    texts: Sequence[str],
    targets: Sequence[str],
    are_blank: np.ndarray,
    target_tokenizer,
) -> list[Hypothesis]:
    """The given targets as hypotheses, with their scores.

    Args:
        result: of scoring, outside of graphs, one hypothesis a row.
        texts: B sources, as strings or bytes.
        targets: a translation of each.
        are_blank: boolean `(B,)`, which pairs have two blank sides.
        target_tokenizer: that of the targets.

    Raises:
        FloatingPointError: the model's output was not a number.
    """
    answers = []
    for text, target, is_blank, ids, length, score, log_probs in zip(
        texts,
        targets,
        are_blank,
        *(field[:, 0].numpy() for field in result[:4]),
        strict=True,
    ):
        if is_blank:
            answers.append(nothing(align=False))
            continue
        check_score(score, text)
        answers.append(
            Hypothesis(
                tf.compat.as_str(target),
                float(score),
                target_tokenizer.pieces(ids[:length]),
                log_probs[:length],
                None,
            )
        )
    return answers


def _attention_of(result):
    """The attention (B, W, T, S) of a result, as an array."""
    if result.attention is None:
        raise ValueError(
            "Words are aligned by attention. Received: a search whose result "
            "has none. Where the task has a `source_mask`, its step returns "
            "attention; return it in the `SearchResult`."
        )
    return result.attention.numpy()


def _text_pieces(ids, tokenizer):
    """The pieces of ids (T,) without padding and end."""
    ends = (tokenizer.special_ids.pad, tokenizer.special_ids.end)
    return tokenizer.pieces(ids[~np.isin(ids, ends)])


def _words_read(texts, tokenizer):
    """Of each text the number of its words, and which of them are read."""
    ids, known = (part.to_list() for part in tokenizer.known_parts(texts))
    words = []
    for row, is_known in zip(ids, known, strict=True):
        words_of = alignment.words_of(tokenizer.pieces(row))
        read = sorted({w for w, k in zip(words_of, is_known, strict=True) if k})
        words.append((len(set(words_of)), read))
    return words


def _over_all_words(aligned, count, read):
    """An alignment to the words read (T, S) as one to all words of the text.

    So words are counted as they stand in the text.
    """
    if len(read) == count:
        return aligned
    if len(read) > aligned.shape[1]:  # Words at the end were cut off.
        read = read[: aligned.shape[1]]
        count = read[-1] + 1
    wide = np.zeros([len(aligned), count])
    wide[:, read] = aligned
    return wide
