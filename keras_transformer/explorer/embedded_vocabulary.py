"""A vocabulary as data for the page, whose engine encodes and decodes text.

`front_end/engine/tokenizer.js` reads the data.

V vocabulary_size
"""

import base64
from typing import Any

from sentencepiece import sentencepiece_model_pb2

from keras_transformer.text import tokenizer as tokenizers

# Its classes are made when it is imported, so that mypy does not know them.
_protocol: Any = sentencepiece_model_pb2
_KINDS = {
    _protocol.TrainerSpec.BPE: "bpe",
    _protocol.TrainerSpec.UNIGRAM: "unigram",
}


def embed_vocabulary(tokenizer: tokenizers.Tokenizer) -> dict[str, Any]:
    """Describes a vocabulary as JSON data.

    Args:
        tokenizer: a `Tokenizer` whose vocabulary consists of byte pairs, as
            `learn_vocabulary` makes it, or is a unigram model.

    Returns:
        - `kind`: `"bpe"` or `"unigram"`;
        - `pieces`, `scores`, `types`: V of each, as in SentencePiece's file;
        - `special_ids`: `pad`, `begin` (or `None`), `end`, `unknown`;
        - `normalization`: `rules`, the table of SentencePiece in base64, and
          its three settings for spaces;
        - `denormalization`: the same for decoded text, or `None`;
        - `leaves_out_unknown_words`: see `Tokenizer.encode_source`.

    Raises:
        ValueError: the vocabulary is of another kind.

    Example:

    >>> from keras_transformer import text
    >>> tokenizer = text.Tokenizer(
    ...     text.learn_vocabulary(["a cat", "a dog"], may_be_smaller=True))
    >>> embed_vocabulary(tokenizer)["kind"]
    'bpe'
    """
    model = _protocol.ModelProto.FromString(tokenizer.model)
    _check(model)
    special_ids = tokenizer.special_ids
    denormalization = None
    if model.denormalizer_spec.precompiled_charsmap:
        denormalization = _rules(model.denormalizer_spec)
    return {
        "kind": _KINDS[model.trainer_spec.model_type],
        "pieces": [each.piece for each in model.pieces],
        "scores": [each.score for each in model.pieces],
        "types": [int(each.type) for each in model.pieces],
        "special_ids": {
            "pad": special_ids.pad,
            "begin": special_ids.begin,
            "end": special_ids.end,
            "unknown": special_ids.unknown,
        },
        "normalization": _rules(model.normalizer_spec),
        "denormalization": denormalization,
        "leaves_out_unknown_words": tokenizer.leaves_out_unknown_words,
    }


def _rules(spec):
    return {
        "rules": base64.b64encode(spec.precompiled_charsmap).decode(),
        "add_dummy_prefix": spec.add_dummy_prefix,
        "remove_extra_whitespaces": spec.remove_extra_whitespaces,
        "escape_whitespaces": spec.escape_whitespaces,
    }


def _check(model):
    trainer = model.trainer_spec
    received = None
    if trainer.model_type not in _KINDS:
        name = _protocol.TrainerSpec.ModelType.Name(trainer.model_type)
        received = f"a vocabulary of the type {name}"
    elif trainer.treat_whitespace_as_suffix:
        received = "a vocabulary with spaces at the end of words"
    elif any(each.type == each.UNUSED for each in model.pieces):
        received = "a vocabulary with unused pieces"
    if received is not None:
        raise ValueError(
            "The page can encode text with a byte-pair or a unigram "
            f"vocabulary. Received: {received}. Make a page of recorded "
            "traces, or train with a vocabulary of `learn_vocabulary`."
        )
