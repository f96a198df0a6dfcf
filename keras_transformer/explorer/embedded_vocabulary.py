"""Describes a vocabulary as JSON data for the explorer's page.

With these data, `front_end/engine/tokenizer.js` encodes and decodes text.

V vocabulary_size
"""

import base64
import dataclasses
from typing import Any

from keras_transformer.explorer import sentencepiece_file
from keras_transformer.text import tokenizer as tokenizers

KINDS = ("bpe", "unigram")


def embed_vocabulary(tokenizer: tokenizers.Tokenizer) -> dict[str, Any]:
    """Describes a vocabulary as JSON data.

    Args:
        tokenizer: a `Tokenizer` with a byte-pair or unigram vocabulary, such as
            `learn_vocabulary` returns.

    Returns:
        A dict:

        - `kind`: `"bpe"` or `"unigram"`;
        - `pieces`, `scores`, `types`: lists of V elements, as in the file of a
          SentencePiece model;
        - `special_ids`: a dict of the ids `pad`, `begin`, `end` and `unknown`;
          `begin` is `None` if the vocabulary has no such id;
        - `normalization`: a dict of `rules`, SentencePiece's table of rules in
          base64, and the three other fields of
          `sentencepiece_file.Normalization`, which are settings of spaces;
        - `denormalization`: a dict with the same keys, for decoded text; `None`
          if its table of rules is empty;
        - `leaves_out_unknown_words`: a boolean, the attribute of `Tokenizer`.

    Raises:
        ValueError: the vocabulary is of another kind, has spaces at the end of
            words, or has unused pieces.

    Example:

    >>> from keras_transformer import text
    >>> tokenizer = text.Tokenizer(
    ...     text.learn_vocabulary(["a cat", "a dog"], may_be_smaller=True))
    >>> embed_vocabulary(tokenizer)["kind"]
    'bpe'
    """
    file = sentencepiece_file.read(tokenizer.model)
    _check(file)
    special_ids = tokenizer.special_ids
    has_denormalization = bool(file.denormalization.rules)
    return {
        "kind": file.model_type,
        "pieces": file.pieces,
        "scores": file.scores,
        "types": file.types,
        "special_ids": {
            "pad": special_ids.pad,
            "begin": special_ids.begin,
            "end": special_ids.end,
            "unknown": special_ids.unknown,
        },
        "normalization": _rules(file.normalization),
        "denormalization": _rules(file.denormalization)
        if has_denormalization
        else None,
        "leaves_out_unknown_words": tokenizer.leaves_out_unknown_words,
    }


def _rules(normalization):
    fields = dataclasses.asdict(normalization)
    return {**fields, "rules": base64.b64encode(fields["rules"]).decode()}


def _check(file):
    received = None
    if file.model_type not in KINDS:
        received = f"a vocabulary of the type {file.model_type!r}"
    elif file.has_spaces_at_the_end:
        received = "a vocabulary with spaces at the end of words"
    elif sentencepiece_file.UNUSED in file.types:
        received = "a vocabulary with unused pieces"
    if received is not None:
        raise ValueError(
            "The page can encode text with a byte-pair or a unigram "
            f"vocabulary. Received: {received}. Make a page of recorded "
            "traces, or train with a vocabulary of `learn_vocabulary`."
        )
