"""A tokenizer that splits text at white space, and finds tokens in a list.

Systems such as CTranslate2 and OpenNMT read and write text that another program
has cut into tokens, with a space between two tokens.

V vocabulary_size
"""

import dataclasses
import functools
import json
import re
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from keras_transformer.text import base, texts
from keras_transformer.text import special_ids as specials

KIND = "tokens"
# The number of buckets for the hashes of tokens: the largest int64.
_HASHES = 2**63 - 1
# `has_unknown_characters` must split texts like `encode`, at ASCII white space.
_WHITE_SPACE = re.compile(r"\s+", re.ASCII)
# AutoGraph is off: it takes seconds, and no code here branches on tensors.
_in_graph = functools.partial(tf.function, autograph=False)


class TokenList(base.TextTokenizer):
    """A tokenizer that finds tokens in a list by graph operations.

    A text is split at ASCII white space, and a token that is not in the list
    becomes the unknown token. Decoding leaves out special ids, the unknown
    token included, and puts a space between tokens.

    Args:
        tokens: V different tokens, in the order of their ids.
        special_ids: the special ids of the list.

    Raises:
        ValueError: a token is empty, contains white space of Unicode or occurs
            twice, a special id is not below V, or there is no unknown id.

    Example:

    >>> vocabulary = TokenList(["<pad>", "<s>", "</s>", "<unk>", "a", "b"])
    >>> ids = vocabulary.encode(["a b", "b c a"])
    >>> ids.to_list()
    [[4, 5], [5, 3, 4]]
    >>> vocabulary.decode(ids).numpy().tolist()
    [b'a b', b'b a']
    """

    def __init__(
        self,
        tokens: Sequence[str],
        special_ids: specials.SpecialIds = specials.SpecialIds(),  # noqa: B008
    ):
        super().__init__(name="token_list")
        self._tokens = tuple(tokens)
        self._known = frozenset(tokens)
        self.special_ids = special_ids
        self.vocabulary_size = len(self._tokens)
        self._check()
        content = {
            "kind": KIND,
            "special_ids": dataclasses.asdict(special_ids),
            "tokens": self._tokens,
        }
        self.model = json.dumps(content, ensure_ascii=False).encode("utf-8")

    @classmethod
    def from_content(cls, content: dict) -> "TokenList":
        """Makes a tokenizer from the parsed JSON of the attribute `model`.

        Raises:
            KeyError: an entry is missing.
            TypeError: an entry has a wrong type.
            ValueError: `TokenList` refuses the tokens or the special ids.
        """
        texts.check_strings("tokens", content["tokens"])
        return cls(
            content["tokens"], specials.SpecialIds(**content["special_ids"])
        )

    def pieces(self, ids: Sequence[int] | texts.TensorLike) -> list[str]:
        texts.check_list("ids", ids)
        return [self._tokens[int(i)] for i in ids]

    def has_unknown_characters(self, text: str) -> bool:
        """Tells whether a token of a text is not in the list."""
        tokens = _WHITE_SPACE.split(text)
        return any(token and token not in self._known for token in tokens)

    @_in_graph(input_signature=[tf.TensorSpec([None], tf.string)])
    def _encode(self, text):
        text = tf.strings.unicode_transcode(
            text, "UTF-8", "UTF-8", errors="replace"
        )
        tokens = tf.strings.split(text)
        # A hash table would be a resource that a SavedModel must track. A
        # search in sorted hashes needs no resource.
        hashes, order = self._sorted_hashes
        slots = tf.searchsorted(
            hashes, tf.strings.to_hash_bucket_fast(tokens.values, _HASHES)
        )
        slots = tf.minimum(slots, self.vocabulary_size - 1)
        ids = tf.gather(tf.constant(order, tf.int32), slots)
        is_known = tf.gather(self._strings(), ids) == tokens.values
        return tokens.with_values(
            tf.where(is_known, ids, self.special_ids.unknown)
        )

    @_in_graph(input_signature=[tf.RaggedTensorSpec([None, None], tf.int32)])
    def _decode(self, ids):
        special = tf.constant(self.special_ids.without_text())
        is_special = tf.reduce_any(ids.values[:, None] == special, axis=1)
        ids = tf.ragged.boolean_mask(ids, ids.with_values(~is_special))
        tokens = ids.with_values(tf.gather(self._strings(), ids.values))
        return tf.strings.reduce_join(tokens, axis=1, separator=" ")

    @functools.cached_property
    def _sorted_hashes(self):
        """The sorted hashes of the tokens, and the ids in the same order."""
        with tf.init_scope():
            hashes = tf.strings.to_hash_bucket_fast(self._strings(), _HASHES)
        order = np.argsort(hashes.numpy())
        return hashes.numpy()[order], order

    def _strings(self):
        return tf.constant(self._tokens, tf.string)

    def _check(self):
        seen: set[str] = set()
        for number, token in enumerate(self._tokens):
            if not token or token.split() != [token] or token in seen:
                raise ValueError(
                    "A list of tokens has different tokens without white "
                    f"space. Received: {token!r} as token {number}. Correct "
                    "the file of the vocabulary."
                )
            seen.add(token)
        if self.special_ids.unknown is None:
            raise ValueError(
                "A list of tokens needs an id of the unknown token. Received: "
                f"{self.special_ids}. Give the id as `unknown`."
            )
        if self.special_ids.without_text()[-1] >= self.vocabulary_size:
            raise ValueError(
                "Special ids must be below the number of tokens. Received: "
                f"{self.special_ids}, {self.vocabulary_size} tokens. Give the "
                "ids of this list."
            )
