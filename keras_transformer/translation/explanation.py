"""Translates a sentence, and returns all attention scores of the model.

B batch   S source length   T target length   H heads   L layers
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from keras_transformer.search import contract
from keras_transformer.translation import results
from keras_transformer.translation import translator as translators


class Explanation(NamedTuple):
    """Tokens of a sentence and its translation, and all attention scores.

    Rows are queries, columns are keys: rows attend to columns, and each row
    sums to one. Row t of `decoder` and `cross` is from the step that read
    `target_input_tokens[t]` and emitted `target_tokens[t]`.

    source_tokens: S pieces, special tokens such as the end token included.
    target_tokens: the T pieces of the translation, with its end token. The end
        token is missing if the maximum length cut the translation.
    target_input_tokens: the T pieces that the decoder read, start token first.
    encoder: `(L, H, S, S)`.
    decoder: `(L, H, T, T)`; both axes T stand for `target_input_tokens`.
    cross: `(L, H, T, S)`.
    """

    source_tokens: list[str]
    target_tokens: list[str]
    target_input_tokens: list[str]
    encoder: np.ndarray
    decoder: np.ndarray
    cross: np.ndarray


def explain(translator: translators.Translator, text: str) -> Explanation:
    """Translates one sentence, and returns its tokens and attention scores.

    Args:
        translator: a `Translator` whose model has `attention_scores`.
        text: one sentence. Unlike in `Translator.translate`, a blank text is
            translated too.

    Raises:
        ValueError: `text` is not one string.
        FloatingPointError: the model's output is NaN.
    """
    if not isinstance(text, (str, bytes)):
        raise ValueError(
            f"`text` is one sentence. Received: {text!r}. Call `explain` once "
            "for each sentence."
        )
    source_ids = translator.encode_source(tf.constant([text]))
    result = translator.search_ids(source_ids, only_best=True)
    results.check_score(result.scores[0, 0].numpy(), text)
    output_ids = result.ids[0, 0, : result.lengths[0, 0]]
    input_ids = translator.model.shift_right(output_ids[None])
    scores = translator.model.attention_scores(
        {"source_ids": source_ids, "target_input_ids": input_ids}
    )
    return Explanation(
        translator.tokenizer.pieces(source_ids[0]),
        translator.target_tokenizer.pieces(output_ids),
        translator.target_tokenizer.pieces(input_ids[0]),
        *(np.asarray(score[0]) for score in scores),
    )


def explain_in_graph(
    translator: translators.Translator, text: contract.TensorLike
) -> dict[str, tf.Tensor]:
    """Translates strings (B,) in the graph, and returns attention scores.

    Args:
        translator: as for `explain`.
        text: string `(B,)`.

    Returns:
        Dict of `translation`, string `(B,)`; `source_tokens`, string `(B, S)`,
        and `target_tokens`, string `(B, T)`, padded with empty strings; and
        `encoder_attention` `(B, L, H, S, S)`, `decoder_attention`
        `(B, L, H, T, T)` and `cross_attention` `(B, L, H, T, S)`, padded with
        zeros. An `Explanation` of the string has the same tokens and scores.
        But here a blank string has no target tokens, and NaN in the model's
        output raises no error. T is at least 1.
    """
    source_ids = translator.encode_source(text)
    pad_id = translator.model.pad_id
    result = translator.search_ids(source_ids, only_best=True)
    is_blank = results.are_blank(
        text, source_ids, translator.tokenizer.special_ids
    )
    lengths = tf.where(is_blank, 0, result.lengths[:, 0])
    longest = tf.maximum(tf.reduce_max(lengths), 1)
    is_target = tf.sequence_mask(lengths, longest)
    is_source = tf.not_equal(source_ids, pad_id)
    target_ids = tf.where(is_target, result.ids[:, 0, :longest], pad_id)
    scores = translator.model_search.attention_scores(source_ids, target_ids)

    pieces = _PieceTables()

    def without_padded_rows(attention, is_real):
        return attention * tf.cast(is_real, tf.float32)[:, None, None, :, None]

    return {
        "translation": translator.target_tokenizer.decode(target_ids),
        "source_tokens": pieces.of(translator.tokenizer, source_ids, is_source),
        "target_tokens": pieces.of(
            translator.target_tokenizer, target_ids, is_target
        ),
        "encoder_attention": without_padded_rows(scores.encoder, is_source),
        "decoder_attention": without_padded_rows(scores.decoder, is_target),
        "cross_attention": without_padded_rows(scores.cross, is_target),
    }


class _PieceTables:
    """Constants of the graph: for each vocabulary, one vector of its pieces."""

    def __init__(self):
        self._tables = {}

    def of(self, tokenizer, ids, is_real):
        """Returns the pieces of ids (B, T), "" for padding."""
        if tokenizer not in self._tables:
            self._tables[tokenizer] = tf.constant(
                tokenizer.pieces(range(tokenizer.vocabulary_size))
            )
        return tf.where(is_real, tf.gather(self._tables[tokenizer], ids), "")
