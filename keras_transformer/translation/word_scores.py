"""Splits translations into words, and computes their log-probabilities.

B batch   T target length   U words of a translation (ragged)
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from keras_transformer.text import TextTokenizer
from keras_transformer.translation import results

# SentencePiece writes this character at the beginning of a word.
_SPACE = "\u2581"


class WordScores(NamedTuple):
    """The words of several translations, and their log-probabilities.

    words: the words of each translation.
    log_probs: for each translation the log-probability of each word, which is
        the sum over the pieces of the word.
    means: the mean log-probability of the tokens of each translation, the end
        token included; 0 for a translation without tokens.
    """

    words: list[list[str]]
    log_probs: list[list[float]]
    means: list[float]


def of_hypotheses(
    tokenizer: TextTokenizer, hypotheses: Sequence[results.Hypothesis]
) -> WordScores:
    """Returns the words of translations, and their log-probabilities.

    Args:
        tokenizer: the tokenizer of the translations.
        hypotheses: one translation of each text; a translation may be blank.
    """
    pieces = tokenizer.pieces(range(tokenizer.vocabulary_size))
    ids_of = {piece: number for number, piece in enumerate(pieces)}
    lengths = [len(one.log_probs) for one in hypotheses]
    shape = [len(hypotheses), max([1, *lengths])]
    ids = np.full(shape, tokenizer.special_ids.pad, "int32")
    log_probs = np.zeros(shape, "float32")
    for row, one in enumerate(hypotheses):
        ids[row, : lengths[row]] = [ids_of[piece] for piece in one.tokens]
        log_probs[row, : lengths[row]] = one.log_probs
    words, totals, means = in_graph(
        tokenizer,
        tf.constant(ids),
        tf.constant(lengths),
        tf.constant(log_probs),
    )
    return WordScores(
        [[word.decode("utf-8") for word in row] for row in words.to_list()],
        totals.to_list(),
        means.numpy().tolist(),
    )


def in_graph(
    tokenizer: TextTokenizer,
    ids: tf.Tensor,
    lengths: tf.Tensor,
    log_probs: tf.Tensor,
) -> tuple[tf.RaggedTensor, tf.RaggedTensor, tf.Tensor]:
    """Computes `WordScores` of translations with graph operations.

    Spaces separate words. If no piece of the vocabulary begins with a space,
    each token is a word, except special tokens without text.

    Args:
        tokenizer: the tokenizer of the translations.
        ids: int32 `(B, T)`; T is at least 1.
        lengths: int32 `(B,)`, the number of tokens of each row, end token
            included.
        log_probs: float32 `(B, T)`, the log-probability of each token.

    Returns:
        The words, string `(B, U)`, their log-probabilities, float32 `(B, U)`,
        and the mean log-probability of all tokens of each row, end token
        included, float32 `(B,)`; 0 for a row without tokens.
    """
    shape = tf.shape(ids, tf.int64)
    is_token = tf.sequence_mask(lengths, tf.shape(ids)[1])
    special = tf.constant(tokenizer.special_ids.without_text(), tf.int32)
    is_text = is_token & tf.reduce_all(ids[..., None] != special, axis=-1)
    numbers = _word_numbers(tokenizer, ids, is_text)
    # The tokens of a word have the same key, and no two words share a key. Keys
    # ascend within a row, and from row to row, because the row numbers of a
    # ragged tensor must ascend.
    keys = tf.range(shape[0])[:, None] * (shape[1] + 1) + numbers
    keys, word_of = tf.unique(tf.boolean_mask(keys, is_text), out_idx=tf.int64)
    words = tokenizer.decode(
        tf.RaggedTensor.from_value_rowids(
            tf.boolean_mask(ids, is_text),
            word_of,
            nrows=tf.size(keys, tf.int64),
        )
    )
    totals = tf.math.segment_sum(tf.boolean_mask(log_probs, is_text), word_of)
    # A row may end with pieces that have only spaces. These pieces are no word.
    is_word = tf.strings.strip(words) != ""
    rows = tf.boolean_mask(keys // (shape[1] + 1), is_word)
    of_text = tf.where(is_token, log_probs, 0.0)
    return (
        *(
            tf.RaggedTensor.from_value_rowids(
                tf.boolean_mask(values, is_word), rows, nrows=shape[0]
            )
            for values in (words, totals)
        ),
        tf.reduce_sum(of_text, axis=1)
        / tf.cast(tf.maximum(lengths, 1), tf.float32),
    )


def _word_numbers(tokenizer, ids, is_text):
    """Returns the number of the word that each token belongs to, int64 (B, T).

    In each row, the first piece that begins a word has number 1. Pieces before
    it have number 0.
    """
    pieces = tokenizer.pieces(range(tokenizer.vocabulary_size))
    begins = [piece.startswith(_SPACE) for piece in pieces]
    if not any(begins):
        begins = [True] * len(begins)
    only_space = [not piece.strip(_SPACE) for piece in pieces]
    begins_BT, only_space_BT = (
        tf.gather(tf.constant(table), ids) & is_text
        for table in (begins, only_space)
    )
    # A piece that has only spaces belongs to the next word.
    is_after_space = tf.pad(only_space_BT[:, :-1], [[0, 0], [1, 0]])
    is_first = begins_BT & ~is_after_space
    return tf.cumsum(tf.cast(is_first, tf.int64), axis=1)
