"""What a model looked at while it translated one sentence.

S source length   T target length   H heads   L layers
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf


class Explanation(NamedTuple):
    """Tokens of a sentence and its translation, and all attention scores.

    source_tokens: S pieces, the end token included.
    target_tokens: T pieces in the order they were produced.
    target_input_tokens: T pieces the decoder read, from the start token on.
    encoder: `(L, H, S, S)`, rows attend to columns.
    decoder: `(L, H, T, T)`, both axes the decoder's input.
    cross: `(L, H, T, S)`.
    """

    source_tokens: list[str]
    target_tokens: list[str]
    target_input_tokens: list[str]
    encoder: np.ndarray
    decoder: np.ndarray
    cross: np.ndarray


def explain(translator, text: str) -> Explanation:
    """Translates one sentence and reads the attention of that translation.

    Args:
        translator: a `Translator` whose model has `attention_scores`.
        text: one sentence.
    """
    source_ids = translator.encode_source(tf.constant([text]))
    result = translator.search(source_ids)
    output_ids = result.ids[0, 0, : result.lengths[0, 0]]
    input_ids = tf.concat([[translator.model.start_id], output_ids[:-1]], 0)
    scores = translator.model.attention_scores(
        {"source_ids": source_ids, "target_input_ids": input_ids[None]}
    )
    return Explanation(
        translator.tokenizer.pieces(source_ids[0]),
        translator.target_tokenizer.pieces(output_ids),
        translator.target_tokenizer.pieces(input_ids),
        *(np.asarray(score[0]) for score in scores),
    )
