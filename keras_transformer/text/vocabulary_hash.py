"""Computes a hash that identifies vocabularies by their pieces."""

import hashlib

from keras_transformer.text import base


def vocabulary_sha256(*vocabularies: base.TextTokenizer) -> str:
    """Returns a hash of the pieces of one or several vocabularies.

    Args:
        *vocabularies: the tokenizers. Their order changes the hash.

    Returns:
        The SHA-256 hash of the pieces in the order of their ids, in 64
        hexadecimal digits.

    Example:

    >>> from keras_transformer.text import Tokenizer, learn_vocabulary
    >>> tokenizer = Tokenizer(
    ...     learn_vocabulary(["a cat"], may_be_smaller=True))
    >>> len(vocabulary_sha256(tokenizer))
    64
    """
    digest = hashlib.sha256()
    for tokenizer in vocabularies:
        pieces = tokenizer.pieces(range(tokenizer.vocabulary_size))
        digest.update(repr(pieces).encode())
    return digest.hexdigest()
