"""A hash that identifies vocabularies by their pieces."""

import hashlib

from keras_transformer.text import tokenizer as tokenizers


def vocabulary_sha256(*vocabularies: tokenizers.Tokenizer) -> str:
    """Returns a hash of the pieces of one or several vocabularies.

    Args:
        *vocabularies: the tokenizers, in an order that counts.

    Example:

    >>> from keras_transformer.text import learn_vocabulary
    >>> tokenizer = tokenizers.Tokenizer(
    ...     learn_vocabulary(["a cat"], may_be_smaller=True))
    >>> len(vocabulary_sha256(tokenizer))
    64
    """
    digest = hashlib.sha256()
    for tokenizer in vocabularies:
        pieces = tokenizer.pieces(range(tokenizer.vocabulary_size))
        digest.update(repr(pieces).encode())
    return digest.hexdigest()
