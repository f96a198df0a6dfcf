"""A tokenizer with a SentencePiece model whose pieces get ids from a table.

Marian and OPUS-MT cut sources by one SentencePiece model, and targets by
another. One table has the ids of the pieces of the two models. A source may
begin with a tag such as `>>fra<<`, which is one token.

V vocabulary_size
"""

import base64
import binascii
import dataclasses
import functools
import hashlib
import json
import re
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
import tensorflow_text

from keras_transformer.text import base, texts, tokenizer
from keras_transformer.text import special_ids as specials

KIND = "piece_table"
_SPACE = "\u2581"
# The expression matches a text that begins with a tag. Its two groups are the
# tag and the rest of the text.
_TAG = r"^(>>.*?<<)(?s:(.*))$"
# AutoGraph is off: it takes seconds, and no code here branches on tensors.
_in_graph = functools.partial(tf.function, autograph=False)


class PieceTable(base.TextTokenizer):
    """A tokenizer that uses a SentencePiece model and a table of ids.

    It encodes and decodes text by graph operations. A piece or tag that is not
    in the table becomes the unknown token. Decoding joins the tokens, and
    leaves out special ids, the unknown token included. The SentencePiece model
    normalizes the text.

    Args:
        tokens: V different tokens, in the order of their ids.
        sentencepiece_model: a serialized SentencePiece model.
        special_ids: the special ids of the table.

    Raises:
        ValueError: tokens occur twice, a special id is not below V, there is no
            unknown id, or the model cannot be read.

    Example:

    >>> from keras_transformer import text
    >>> model = text.learn_vocabulary(["a cat"] * 3, may_be_smaller=True)
    >>> tokens = ["<pad>", "<s>", "</s>", "<unk>", ">>fra<<", "\u2581cat"]
    >>> table = PieceTable(tokens, model)
    >>> table.encode([">>fra<< cat"]).to_list()
    [[4, 5]]
    """

    def __init__(
        self,
        tokens: Sequence[str],
        sentencepiece_model: bytes,
        special_ids: specials.SpecialIds = specials.SpecialIds(),  # noqa: B008
    ):
        super().__init__(name="piece_table")
        self._tokens = tuple(tokens)
        self._ids = {token: i for i, token in enumerate(self._tokens)}
        self.sentencepiece_model = sentencepiece_model
        self._digest = hashlib.sha256(sentencepiece_model).hexdigest()[:16]
        self._processor = tokenizer.read_pieces(sentencepiece_model)
        self.special_ids = special_ids
        self.vocabulary_size = len(self._tokens)
        self._check()
        content = {
            "kind": KIND,
            "special_ids": dataclasses.asdict(special_ids),
            "sentencepiece": base64.b64encode(sentencepiece_model).decode(),
            "tokens": self._tokens,
        }
        self.model = json.dumps(content, ensure_ascii=False).encode("utf-8")

    @classmethod
    def from_content(cls, content: dict) -> "PieceTable":
        """Makes a tokenizer from the parsed JSON of the attribute `model`.

        Raises:
            KeyError: an entry is missing.
            TypeError: an entry has a wrong type.
            ValueError: the SentencePiece model in the content cannot be read,
                or the table is not valid.
        """
        try:
            model = base64.b64decode(content["sentencepiece"], validate=True)
        except binascii.Error as error:
            raise ValueError(
                "The SentencePiece model of the table cannot be read "
                f"({error}). Copy the file again from the original."
            ) from error
        texts.check_strings("tokens", content["tokens"])
        return cls(
            content["tokens"],
            model,
            specials.SpecialIds(**content["special_ids"]),
        )

    def pieces(self, ids: Sequence[int] | texts.TensorLike) -> list[str]:
        texts.check_list("ids", ids)
        return [self._tokens[int(i)] for i in ids]

    def has_unknown_characters(self, text: str) -> bool:
        """Tells whether the tag or a piece of a text is not in the table."""
        data = text.encode("utf-8", "surrogateescape")
        text = data.decode("utf-8", "replace")
        tag = re.match(_TAG, text)
        if tag:
            text = text[tag.end(1) :]
        pieces = self._processor.encode(text, out_type=str)
        if tag:
            pieces.append(tag[1])
        return any(piece not in self._ids for piece in pieces)

    @_in_graph(input_signature=[tf.TensorSpec([None], tf.string)])
    def _encode(self, text):
        text = tf.strings.unicode_transcode(
            text, "UTF-8", "UTF-8", errors="replace"
        )
        has_tag = tf.strings.regex_full_match(text, _TAG)
        tag, rest = (
            tf.strings.regex_replace(text, _TAG, group)
            for group in (r"\1", r"\2")
        )
        ids = self._operations().tokenize(tf.where(has_tag, rest, text))
        table = tf.constant(self._ids_of_pieces, tf.int32)
        ids = ids.with_values(tf.gather(table, ids.values))
        # Each row has the id of its tag, or no id if it has no tag.
        tags = tf.RaggedTensor.from_row_lengths(
            self._tag_ids(tf.boolean_mask(tag, has_tag)),
            tf.cast(has_tag, tf.int64),
        )
        return tf.concat([tags, ids], axis=1)

    @_in_graph(input_signature=[tf.RaggedTensorSpec([None, None], tf.int32)])
    def _decode(self, ids):
        special = tf.constant(self.special_ids.without_text())
        is_special = tf.reduce_any(ids.values[:, None] == special, axis=1)
        ids = tf.ragged.boolean_mask(ids, ids.with_values(~is_special))
        tokens = tf.gather(tf.constant(self._tokens), ids.values)
        joined = tf.strings.reduce_join(ids.with_values(tokens), axis=1)
        return tf.strings.strip(tf.strings.regex_replace(joined, _SPACE, " "))

    def _tag_ids(self, tags):
        """Returns the ids of a vector of tags; unknown tags get `unknown`."""
        known = [
            token
            for token in self._tokens
            if token.startswith(">>") and token.endswith("<<")
        ]
        if not known:
            return tf.fill(tf.shape(tags), self.special_ids.unknown)
        is_same = tags[:, None] == tf.constant(known)
        ids = tf.constant([self._ids[token] for token in known], tf.int32)
        return tf.where(
            tf.reduce_any(is_same, axis=1),
            tf.gather(ids, tf.argmax(is_same, axis=1)),
            self.special_ids.unknown,
        )

    @functools.cached_property
    def _ids_of_pieces(self):
        """The ids that the table has for the pieces of the SentencePiece model.

        A piece that is not in the table has the id of the unknown token.
        """
        return np.array(
            [
                self.special_ids.unknown
                if self._processor.is_unknown(i)
                else self._ids.get(
                    self._processor.id_to_piece(i), self.special_ids.unknown
                )
                for i in range(self._processor.vocab_size())
            ]
        )

    def _operations(self):
        # Each graph makes its own `SentencepieceTokenizer`;
        # `Tokenizer._operations` says why.
        return tensorflow_text.SentencepieceTokenizer(
            model=self.sentencepiece_model,
            out_type=tf.int32,
            name=f"vocabulary_{self._digest}",
        )

    def _check(self):
        if len(self._ids) < self.vocabulary_size:
            raise ValueError(
                "A table has different tokens. Received: "
                f"{self.vocabulary_size} tokens, of which {len(self._ids)} are "
                "different. Correct the file of the vocabulary."
            )
        if self.special_ids.unknown is None:
            raise ValueError(
                "A table needs an id of the unknown token. Received: "
                f"{self.special_ids}. Give the id as `unknown`."
            )
        if self.special_ids.without_text()[-1] >= self.vocabulary_size:
            raise ValueError(
                "Special ids must be below the number of tokens. Received: "
                f"{self.special_ids}, {self.vocabulary_size} tokens. Give the "
                "ids of this table."
            )
