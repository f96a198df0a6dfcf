"""What is known of the quality of a translation, without a reference.

B batch   W hypotheses of a row   S source length   T target length
U words of a translation
"""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from keras_transformer.search import beam, contract
from keras_transformer.translation import (
    confidence,
    defects,
    results,
    word_scores,
)
from keras_transformer.translation import translator as translators

# The second search of `repair` writes no three tokens twice, and is to attend
# to every source token.
_NO_REPEAT = 3
_COVERAGE = 0.3


class Assessment(NamedTuple):
    """How sure a translation is, and what is wrong with its form.

    confidence: the expected share of its words that are right.
    words: the words.
    word_confidences: the probability of each word to be right.
    has_loop: whether it repeats itself, and its source does not.
    has_unusual_length: whether it is far too long or short for its source.
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
        translator: the `Translator` that made them.
        calibration: its `Calibration`.
        texts: the texts.
        hypotheses: a translation of each.
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
    has_loop, has_unusual_length = _defects(
        translator, calibration, source_ids, tf.constant(ids), lengths
    )
    return [
        Assessment(
            float(calibration.sentences.at(scored.means[row]))
            if scored.words[row]
            else 1.0,
            scored.words[row],
            calibration.words.at(scored.log_probs[row]).tolist(),
            bool(has_loop[row]),
            bool(has_unusual_length[row]),
        )
        for row in range(len(texts))
    ]


def repair(
    translator: translators.Translator,
    calibration: confidence.Calibration,
    texts: Sequence[str],
    hypotheses: Sequence[results.Hypothesis],
    batch_size: int = 64,
) -> list[results.Hypothesis]:
    """Searches again where a translation has a loop or an unusual length.

    The second search repeats no three tokens, and has a coverage penalty. Its
    translation replaces the first if it has neither defect.

    Args:
        translator: the `Translator` that made them, with a `BeamSearch`.
        calibration: its `Calibration`.
        texts: the texts.
        hypotheses: a translation of each.
        batch_size: texts of a batch of the second search.

    Returns:
        A translation of each text.

    Raises:
        ValueError: the translator's search has no such settings.
    """
    search = translator.search
    if not isinstance(search, beam.BeamSearch):
        raise ValueError(
            "Translations are repaired by a beam search with other settings. "
            f"Received: {search!r}. Give a translator with a BeamSearch."
        )
    repaired = list(hypotheses)
    wrong = [
        row
        for row, assessed in enumerate(
            assess(translator, calibration, texts, hypotheses)
        )
        if assessed.has_loop or assessed.has_unusual_length
    ]
    if not wrong:
        return repaired
    second = translator.with_search(_second_search(search))
    again = [texts[row] for row in wrong]
    answers = [best for [best, *_] in second.hypotheses(again, batch_size)]
    for row, answer, assessed in zip(
        wrong,
        answers,
        assess(translator, calibration, again, answers),
        strict=True,
    ):
        if not (assessed.has_loop or assessed.has_unusual_length):
            repaired[row] = answer
    return repaired


def _second_search(search):
    """Returns a beam search that avoids loops and leaves nothing out."""
    return dataclasses.replace(
        search,
        top_beams=1,
        coverage=_COVERAGE,
        stopping="certain",
        constraints=dataclasses.replace(
            search.constraints, no_repeat_ngram_size=_NO_REPEAT
        ),
    )


def assess_in_graph(
    translator: translators.Translator,
    calibration: confidence.Calibration,
    text: contract.TensorLike,
) -> dict[str, tf.Tensor]:
    """Translates strings (B,) in the graph, and assesses the translations.

    Args:
        translator: a `Translator`.
        calibration: its `Calibration`.
        text: string `(B,)`.

    Returns:
        Dict of `translation`, string `(B,)`; `score` and `confidence`, float32
        `(B,)`; `words`, string `(B, U)`, and `word_confidence`, float32
        `(B, U)`, padded with empty words and zeros; and the booleans `(B,)`
        `has_loop` and `has_unusual_length`. A blank text has confidence 1.
    """
    source_ids, is_blank = _encoded(translator, text)
    result = translator.search_ids(source_ids, only_best=True)
    ids, log_probs = result.ids[:, 0], result.log_probs[:, 0]
    lengths = tf.where(is_blank, 0, result.lengths[:, 0])
    words, totals, means = word_scores.in_graph(
        translator.target_tokenizer, ids, lengths, log_probs
    )
    has_loop, has_unusual_length = _defects(
        translator, calibration, source_ids, ids, lengths
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

    Returns:
        Dict of `translations` and `scores`, and `confidences`, float32
        `(B, W)`, the expected share of right words of each; 0 for empty slots.
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
    """Returns the ids of strings (B,), and which are blank."""
    source_ids = translator.encode_source(text)
    return source_ids, results.are_blank(
        text, source_ids, translator.tokenizer.special_ids
    )


def _defects(translator, calibration, source_ids, ids, lengths):
    """Returns which translations have a loop, and an unusual length.

    Args:
        translator: the `Translator`.
        calibration: its `Calibration`.
        source_ids: int32 `(B, S)`.
        ids: int32 `(B, T)`, numbers that identify tokens.
        lengths: int32 `(B,)`, with end tokens; 0 for a blank text.
    """
    lengths = tf.convert_to_tensor(lengths, tf.int32)
    is_text = translator.tokenizer.special_ids.are_of_text(source_ids)
    source_lengths = tf.reduce_sum(tf.cast(is_text, tf.int32), axis=1)
    padding = tf.cast(
        tf.not_equal(source_ids, translator.model.pad_id), tf.int32
    )
    # The repetition of a source may be translated.
    repeats = defects.have_loops(source_ids, tf.reduce_sum(padding, axis=1))
    has_loop = defects.have_loops(ids, lengths) & ~repeats
    is_unusual = calibration.lengths.are_unusual(
        source_lengths, tf.maximum(lengths - 1, 0)
    )
    return has_loop, is_unusual & (lengths > 0)
