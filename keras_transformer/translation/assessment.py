"""Assesses the quality of translations without references.

B batch   W hypotheses of a row   U words of a translation
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from keras_transformer.search import contract
from keras_transformer.translation import (
    confidence,
    defects,
    results,
    word_scores,
)
from keras_transformer.translation import translator as translators


class Assessment(NamedTuple):
    """The confidence and the defects of a translation.

    confidence: the expected share of right words in the translation.
    words: the words of the translation.
    word_confidences: for each word, the probability that it is right.
    has_loop: whether the translation has a loop (a repetition of tokens, see
        `defects.have_loops`), and its source has none.
    has_unusual_length: whether the translation is far too long or too short for
        its source, see `defects.LengthModel`.
    """

    confidence: float
    words: list[str]
    word_confidences: list[float]
    has_loop: bool
    has_unusual_length: bool


def assess(
    translator: translators.Translator,
    calibration: confidence.Calibration,
    texts: Sequence[str],
    hypotheses: Sequence[results.Hypothesis],
) -> list[Assessment]:
    """Assesses the translations of texts.

    Args:
        translator: the `Translator` that made the translations.
        calibration: the `Calibration` of the translator.
        texts: the sources.
        hypotheses: the translation of each source.

    Returns:
        An `Assessment` of each translation, in the same order. The translation
        of a blank text has no words, confidence 1 and no defect.
    """
    if not len(texts):
        return []
    scored = word_scores.of_hypotheses(translator.target_tokenizer, hypotheses)
    source_ids = translator.encode_source(tf.constant(texts, tf.string))
    _, numbers = np.unique(
        [piece for one in hypotheses for piece in one.tokens] or [""],
        return_inverse=True,
    )
    lengths = [len(one.tokens) for one in hypotheses]
    ids = np.zeros([len(texts), max([1, *lengths])], "int32")
    ids[np.arange(ids.shape[1]) < np.array(lengths)[:, None]] = numbers[
        : sum(lengths)
    ]
    has_loop, has_unusual_length = defects.of_translations(
        source_ids,
        tf.constant(ids),
        lengths,
        (
            translator.tokenizer.special_ids,
            translator.target_tokenizer.special_ids,
        ),
        calibration.lengths,
    )
    return [
        Assessment(
            float(calibration.sentences.at(scored.means[row]))
            if hypotheses[row].tokens
            else 1.0,
            scored.words[row],
            calibration.words.at(scored.log_probs[row]).tolist(),
            bool(has_loop[row]),
            bool(has_unusual_length[row]),
        )
        for row in range(len(texts))
    ]


def assess_in_graph(
    translator: translators.Translator,
    calibration: confidence.Calibration,
    text: contract.TensorLike,
) -> dict[str, tf.Tensor]:
    """Translates strings (B,) in the graph, and assesses the translations.

    Args:
        translator: a `Translator`.
        calibration: the `Calibration` of the translator.
        text: string `(B,)`.

    Returns:
        Dict of `translation`, string `(B,)`; `score` and `confidence`, float32
        `(B,)`; `words`, string `(B, U)`, padded with empty words;
        `word_confidence`, float32 `(B, U)`, padded with zeros; `has_loop` and
        `has_unusual_length`, booleans `(B,)`. A blank text has an empty
        translation with confidence 1 and no defect. If the model's output is
        NaN, the score is NaN. If the search found no hypothesis, the score is
        -1e9. In these two cases the translation is empty, and all values except
        `translation` and `score` mean nothing.
    """
    source_ids, is_blank = _encoded(translator, text)
    result = translator.search_ids(source_ids, only_best=True)
    ids, log_probs = result.ids[:, 0], result.log_probs[:, 0]
    lengths = tf.where(is_blank, 0, result.lengths[:, 0])
    words, totals, means = word_scores.in_graph(
        translator.target_tokenizer, ids, lengths, log_probs
    )
    has_loop, has_unusual_length = defects.of_translations(
        source_ids,
        ids,
        lengths,
        (
            translator.tokenizer.special_ids,
            translator.target_tokenizer.special_ids,
        ),
        calibration.lengths,
    )
    best = results.texts_in_graph(
        result.ids[:, :1],
        result.scores[:, :1],
        is_blank,
        translator.target_tokenizer,
    )
    return {
        "translation": best["translations"][:, 0],
        "score": best["scores"][:, 0],
        "confidence": tf.where(
            is_blank, 1.0, calibration.sentences.in_graph(means)
        ),
        "words": words.to_tensor(""),
        "word_confidence": totals.with_flat_values(
            calibration.words.in_graph(totals.flat_values)
        ).to_tensor(0.0),
        "has_loop": has_loop,
        "has_unusual_length": has_unusual_length,
    }


def n_best_in_graph(
    translator: translators.Translator,
    calibration: confidence.Calibration,
    text: contract.TensorLike,
) -> dict[str, tf.Tensor]:
    """Translates strings (B,) in the graph as `Translator.n_best` does.

    Args:
        translator: a `Translator`.
        calibration: the `Calibration` of the translator.
        text: string `(B,)`.

    Returns:
        Dict of `translations`, string `(B, W)`; `scores`, float32 `(B, W)`; and
        `confidences`, float32 `(B, W)`, the expected share of right words in
        each translation. Empty slots, and translations whose score is NaN, have
        confidence 0. The empty translation of a blank text has confidence 1.
    """
    source_ids, is_blank = _encoded(translator, text)
    result = translator.search_ids(source_ids)
    outputs = results.texts_in_graph(
        result.ids, result.scores, is_blank, translator.target_tokenizer
    )
    totals = tf.reduce_sum(result.log_probs, axis=2)
    means = totals / tf.cast(tf.maximum(result.lengths, 1), tf.float32)
    confidences = tf.reshape(
        calibration.sentences.in_graph(tf.reshape(means, [-1])),
        tf.shape(result.scores),
    )
    confidences = tf.where(is_blank[:, None], 1.0, confidences)
    is_hypothesis = outputs["scores"] > contract.NEVER
    confidences = tf.where(is_hypothesis, confidences, 0.0)
    confidences.set_shape(result.scores.shape)
    return {**outputs, "confidences": confidences}


def _encoded(translator, text):
    """Returns the ids of strings (B,), and which strings are blank."""
    source_ids = translator.encode_source(text)
    return source_ids, results.are_blank(
        text, source_ids, translator.tokenizer.special_ids
    )
