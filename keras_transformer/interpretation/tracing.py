"""Records the numbers that a translator computes for one sentence.

T target length   V vocabulary_size
"""

import dataclasses

import numpy as np

from keras_transformer.interpretation import attribution as attributing
from keras_transformer.interpretation import (
    forward,
    next_tokens,
    reading,
    record,
    search_record,
    words,
)
from keras_transformer.layers import checks
from keras_transformer.translation import assessment, confidence, results
from keras_transformer.translation import translator as translators


def trace(
    translator: translators.Translator,
    text: str,
    target: str | None = None,
    num_candidates: int = next_tokens.OF_A_STEP,
    attribution: str | None = None,
    calibration: confidence.Calibration | None = None,
) -> record.Trace:
    """Records the numbers that a translator computes for one sentence.

    The numbers and their order follow the article The Illustrated Transformer:
    tokens, embeddings and positions; in each block and head the queries,
    keys, values, logits, attention weights and z, the weighted sum of the
    values; each residual connection; and at each step the most probable tokens
    and the hypotheses of the search. The numbers are computed in float32.

    Attention weights show which values a head reads. They do not show why the
    model chose a token (Jain and Wallace 2019; Wiegreffe and Pinter 2019); see
    `ablate_heads` and `attribute`.

    Args:
        translator: a `Translator` of one `Transformer`.
        text: one sentence.
        target: its translation; `None` to search for it.
        num_candidates: how many tokens to record per step; V if V is smaller.
        attribution: the method of `attribute`; `None` for no attribution.
        calibration: the translator's calibration; `None` for no assessments.

    Returns:
        A `Trace`.

    Raises:
        ValueError: a text is blank or not one string, `num_candidates` is not a
            positive int, or `attribution` is unknown; or as for `Tracer`.
        FloatingPointError: the search or the assessment meets a score of NaN.
        FloatingPointError, ArithmeticError: as for `attribute`.

    Example:

    >>> import keras_transformer as kt
    >>> tokenizer = kt.Tokenizer(
    ...     kt.learn_vocabulary(["a cat", "un chat"], may_be_smaller=True))
    >>> config = kt.TransformerConfig(tokenizer.vocabulary_size, 1, 1, 8, 2, 16)
    >>> translator = kt.Translator(kt.build_transformer(config), tokenizer)
    >>> traced = trace(translator, "a cat", target="un chat")
    >>> traced.arrays["encoder/block_1/attention/weights"].shape
    (2, 3, 3)
    """
    _check(num_candidates, attribution)
    recorder = search_record.RecordingSearch(translator.search)
    read = reading.read_pair(translator, text, target, recorder)
    return dataclasses.replace(
        trace_of_pair(translator, text, read, num_candidates),
        target=_target(translator, read, target is not None),
        search=recorder.record,
        attribution=_attribution(read, attribution),
        assessments=_assessments(
            translator, calibration, (text, target), read, recorder.result
        ),
    )


def trace_of_pair(
    translator: translators.Translator,
    text: str,
    read: reading.Pair,
    num_candidates: int = next_tokens.OF_A_STEP,
) -> record.Trace:
    """Records one pass through a model.

    The trace has no search, no attribution and no assessments. Its
    `target.is_given` is False.

    Args:
        translator: a `Translator`. Only its tokenizers are used; the model that
            runs is `read.model`.
        text: the source.
        read: the ids of the source and of its translation.
        num_candidates: as for `trace`.
    """
    return record.Trace(
        model=_facts(read.model, translator),
        source=_source(translator, text, read),
        target=_target(translator, read, is_given=False),
        **_numbers(translator, read, num_candidates),
    )


def logit_lens(
    translator: translators.Translator,
    text: str,
    target: str | None = None,
    num_candidates: int = next_tokens.OF_A_BLOCK,
) -> list[list[record.Candidates]]:
    """Returns the most probable tokens after each decoder block.

    The final norm and the output layer are applied to the output of each block
    as if the block were the last (nostalgebraist 2020). The last block gives
    the model's own logits. The other blocks are not trained to give logits. If
    such a block gives a wrong token, it may still know the right token.

    Args:
        translator: a `Translator` of one `Transformer`.
        text: one sentence.
        target: its translation; `None` to search for it.
        num_candidates: the number of tokens to return for each step of each
            block. If it is above V, all V tokens are returned.

    Returns:
        For each decoder block, the `Candidates` of each of the T steps.

    Raises:
        ValueError: as for `trace`.
        FloatingPointError: `target` is `None`, and the model's output is NaN.

    Example:

    >>> import keras_transformer as kt
    >>> tokenizer = kt.Tokenizer(
    ...     kt.learn_vocabulary(["a cat", "un chat"], may_be_smaller=True))
    >>> config = kt.TransformerConfig(tokenizer.vocabulary_size, 1, 1, 8, 2, 16)
    >>> translator = kt.Translator(kt.build_transformer(config), tokenizer)
    >>> len(logit_lens(translator, "a cat", "un chat")[0])
    3
    """
    checks.check_size("num_candidates", num_candidates)
    read = reading.read_pair(translator, text, target)
    values = forward.forward(read.model, read.source_ids, read.input_ids)
    return _lens(translator, read, values, num_candidates)


def _attribution(read, method):
    return None if method is None else attributing.of_pair(read, method)


def _check(num_candidates, attribution):
    checks.check_size("num_candidates", num_candidates)
    if attribution is not None:
        checks.check_name("attribution", attribution, attributing.METHODS)


def _assessments(translator, calibration, pair, read, result):
    """Assesses the translations of the search, or the given translation.

    Returns `None` without a calibration.
    """
    if calibration is None:
        return None
    text, target = pair
    translator = translator.with_model(read.model)
    if target is not None:
        translations = translator.score([text], [target])
    else:
        [translations] = results.read_result(
            result,
            [text],
            read.source_ids.numpy(),
            translator.tokenizer,
            translator.target_tokenizer,
            align=False,
        )
    return assessment.assess(
        translator, calibration, [text] * len(translations), translations
    )


def _numbers(translator, read, num_candidates):
    """Returns the fields of a trace that one pass through the model gives."""
    values = forward.forward(read.model, read.source_ids, read.input_ids)
    arrays = {name: np.asarray(value[0]) for name, value in values.items()}
    logits = arrays.pop("logits")
    return {
        "arrays": arrays,
        "steps": next_tokens.candidates(
            logits, translator.target_tokenizer, num_candidates
        ),
        "lens": _lens(translator, read, values, next_tokens.OF_A_BLOCK),
    }


def _lens(translator, read, values, num_candidates):
    return [
        next_tokens.candidates(
            logits, translator.target_tokenizer, num_candidates
        )
        for logits in next_tokens.lens_logits(read.model, values)[0]
    ]


def _source(translator, text, read):
    ids = read.source_ids[0].numpy().tolist()
    tokens = translator.tokenizer.pieces(ids)
    num_ending = len(translator.tokenizer.special_ids.source_ending)
    of_tokens = words.of_tokens(tokens, num_ending)
    return record.Sentence(text, ids, tokens, of_tokens)


def _target(translator, read, is_given):
    tokenizer = translator.target_tokenizer
    ids = read.target_ids[0].numpy().tolist()
    input_ids = read.input_ids[0].numpy().tolist()
    tokens = tokenizer.pieces(ids)
    num_ending = int(ids[-1] == tokenizer.special_ids.end)
    return record.Target(
        text=tokenizer.decode([ids]).numpy()[0].decode(),
        ids=ids,
        tokens=tokens,
        words=words.of_tokens(tokens, num_ending),
        input_ids=input_ids,
        input_tokens=tokenizer.pieces(input_ids),
        is_given=is_given,
    )


def _facts(model, translator):
    attention = model.encoder.blocks[0].attention
    kind = type(attention.positions).__name__
    names = {"RotaryPositions": "rotary", "RelativePositions": "relative"}
    return {
        "num_encoder_layers": len(model.encoder.blocks),
        "num_decoder_layers": len(model.decoder.blocks),
        "model_dim": attention.model_dim,
        "num_heads": attention.num_heads,
        "num_key_value_heads": attention.num_key_value_heads,
        "head_dim": attention.head_dim,
        "normalization": model.encoder.get_config()["normalization"],
        "vocabulary_size": translator.target_tokenizer.vocabulary_size,
        "pad_id": model.pad_id,
        "start_id": model.start_id,
        "end_id": translator.target_tokenizer.special_ids.end,
        "attention_positions": names.get(kind),
    }
