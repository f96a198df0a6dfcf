r"""The subwords of Tensor2Tensor, which escape characters without a piece.

In this file a token is a part of a text, as in Tensor2Tensor, and a piece is a
part of a token. A text is cut into tokens where letters or numbers meet other
characters. A single space between two tokens of letters or numbers is left out.
Then each token is escaped: `\` becomes `\\`, `_` becomes `\u`, and a new line
or a character without a piece becomes its code point, such as `\231;`. A `_` is
put at the end of each token. Last, each token is cut into pieces from left to
right: each piece is the longest that fits.

The rules are those of `tensor2tensor/data_generators/text_encoder.py` (class
`SubwordTextEncoder`) and `tokenizer.py` of github.com/tensorflow/tensor2tensor.

B batch   T length in characters (ragged)   V vocabulary_size
"""

import dataclasses
import functools
import json
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
import tensorflow_text

from keras_transformer.text import base, letter_ranges, texts
from keras_transformer.text import special_ids as specials

KIND = "escaped_subwords"
_END = "_"
# The characters of escapes. Every vocabulary needs a piece for each of them.
_ESCAPES = frozenset("\\_u;0123456789")
_ESCAPED = r"\\u|\\\\|\\[0-9]+;"
# If the number in an escape is too large, has more than nine digits or is a
# surrogate, the escape is decoded as this character.
_UNDEFINED = 0x3013
_SPACE, _NEW_LINE = ord(" "), ord("\n")
_LAST_CODE, _SURROGATES = 0x10FFFF, (0xD800, 0xDFFF)
# The number of buckets for the hashes of pieces: the largest int64.
_HASHES = 2**63 - 1
# AutoGraph is off: it takes seconds, and no Python `if` or loop in this file
# depends on a tensor.
_in_graph = functools.partial(tf.function, autograph=False)


class EscapedSubwords(base.TextTokenizer):
    """A tokenizer of escaped subwords that uses graph operations.

    Encoding a Unicode text and then decoding its ids gives the text unchanged.
    Bytes that are not UTF-8 are encoded as U+FFFD.

    Args:
        pieces: V pieces, in the order of their ids.
        special_ids: the special ids. `unknown` must be `None`.

    Raises:
        ValueError: the pieces cannot spell every text, a special id is not
            below V, or `unknown` is not `None`.

    Example:

    >>> pieces = ["<pad>", "<EOS>", "a_", "cat", *"acts_u;0123456789", "\\\\"]
    >>> vocabulary = EscapedSubwords(pieces, specials.SpecialIds(
    ...     pad=0, begin=None, end=1, unknown=None))
    >>> ids = vocabulary.encode(["a cat!"])
    >>> vocabulary.pieces(ids[0])[:3]
    ['a_', 'cat', '_']
    >>> vocabulary.decode(ids).numpy().tolist()
    [b'a cat!']
    """

    def __init__(self, pieces: Sequence[str], special_ids: specials.SpecialIds):
        super().__init__(name=KIND)
        self._pieces = tuple(pieces)
        self.special_ids = special_ids
        self.vocabulary_size = len(self._pieces)
        # Of equal pieces the last one is used, as in Tensor2Tensor.
        ids = {piece: i for i, piece in enumerate(self._pieces) if piece}
        # Escaped tokens have `_` only at their end, so pieces with `_` at
        # another position never fit.
        self._ids = {
            piece: i for piece, i in ids.items() if _END not in piece[:-1]
        }
        reserved = special_ids.without_text()
        texts_of_pieces = "".join(
            piece for i, piece in enumerate(self._pieces) if i not in reserved
        )
        self._alphabet = frozenset(texts_of_pieces) | _ESCAPES
        self._check()
        content = {
            "kind": KIND,
            "special_ids": dataclasses.asdict(special_ids),
            "pieces": self._pieces,
        }
        self.model = json.dumps(content, ensure_ascii=False).encode("utf-8")

    @classmethod
    def from_content(cls, content: dict) -> "EscapedSubwords":
        """Makes a tokenizer from the parsed JSON of the attribute `model`.

        Raises:
            KeyError: an entry is missing.
            TypeError: an entry has a wrong type.
            ValueError: `EscapedSubwords` refuses the pieces or the special ids.
        """
        texts.check_strings("pieces", content["pieces"])
        return cls(
            content["pieces"], specials.SpecialIds(**content["special_ids"])
        )

    def pieces(self, ids: Sequence[int] | texts.TensorLike) -> list[str]:
        texts.check_list("ids", ids)
        return [self._pieces[int(i)] for i in ids]

    def has_unknown_characters(self, text: str) -> bool:
        """Tells whether a character of a text is spelled by its code point."""
        return any(
            character not in self._alphabet or character == "\n"
            for character in text
        )

    @_in_graph(input_signature=[tf.TensorSpec([None], tf.string)])
    def _encode(self, text):
        text = tf.strings.unicode_transcode(
            text, "UTF-8", "UTF-8", errors="replace"
        )
        codes = tf.strings.unicode_decode(text, "UTF-8")
        is_kept, is_last = _tokens(codes)
        escaped = self._escaped(codes.values)
        escaped = tf.strings.join([escaped, tf.where(is_last, _END, "")])
        escaped = tf.where(is_kept, escaped, "")
        joined = tf.strings.reduce_join(codes.with_values(escaped), axis=1)
        return self._longest_pieces(joined)

    @_in_graph(input_signature=[tf.RaggedTensorSpec([None, None], tf.int32)])
    def _decode(self, ids):
        special = tf.constant(self.special_ids.without_text())
        is_special = tf.reduce_any(ids.values[:, None] == special, axis=1)
        ids = tf.ragged.boolean_mask(ids, ids.with_values(~is_special))
        pieces = tf.gather(tf.constant(self._pieces), ids.values)
        joined = tf.strings.reduce_join(ids.with_values(pieces), axis=1)
        tokens = tf.strings.split(joined, _END)
        tokens = tokens.with_values(_unescaped(tokens.values))
        tokens = tf.ragged.boolean_mask(tokens, tokens != "")
        return tf.strings.reduce_join(
            tokens.with_values(_spaced(tokens)), axis=1
        )

    def _escaped(self, codes):
        """Returns, for each code point, the character or its escape."""
        alphabet = sorted(map(ord, self._alphabet - {"\n"}))
        in_alphabet = tf.constant(alphabet)
        slots = tf.searchsorted(in_alphabet, codes)
        slots = tf.minimum(slots, len(alphabet) - 1)
        is_known = tf.gather(in_alphabet, slots) == codes
        spelled = tf.strings.join(["\\", tf.strings.as_string(codes), ";"])
        plain = tf.strings.unicode_encode(codes[:, None], "UTF-8")
        plain = tf.where(plain == "\\", "\\\\", plain)
        plain = tf.where(plain == _END, "\\u", plain)
        return tf.where(is_known, plain, spelled)

    def _longest_pieces(self, text):
        """Returns the ids of the pieces of escaped texts `(B,)`, ragged.

        From left to right, each piece is the longest that fits.
        """
        characters = tf.strings.unicode_split(text, "UTF-8")
        lengths, ids = self._pieces_at(characters)
        starts = tf.cast(characters.row_starts(), tf.int32)
        ends = tf.cast(characters.row_limits(), tf.int32)

        def go_on(indices, rows, taken):
            is_inside = indices < ends
            here = tf.boolean_mask(indices, is_inside)
            taken = taken.write(taken.size(), tf.gather(ids, here))
            rows = rows.write(rows.size(), tf.where(is_inside)[:, 0])
            indices = indices + tf.where(
                is_inside,
                tf.gather(lengths, tf.minimum(indices, tf.size(lengths) - 1)),
                0,
            )
            return indices, rows, taken

        arrays = [
            tf.TensorArray(
                dtype, 0, True, infer_shape=False, element_shape=[None]
            )
            for dtype in (tf.int64, tf.int32)
        ]
        _, rows, taken = tf.while_loop(
            lambda indices, *_: tf.reduce_any(indices < ends),
            go_on,
            (starts, *arrays),
        )
        empty = tf.zeros([0], tf.int32)
        rows = tf.cond(
            rows.size() > 0, rows.concat, lambda: tf.cast(empty, tf.int64)
        )
        taken = tf.cond(taken.size() > 0, taken.concat, lambda: empty)
        order = tf.argsort(rows, stable=True)
        return tf.RaggedTensor.from_value_rowids(
            tf.gather(taken, order),
            tf.gather(rows, order),
            nrows=characters.nrows(),
        )

    def _pieces_at(self, characters):
        """Finds the longest piece that begins at each character.

        Args:
            characters: the characters of each row, ragged.

        Returns:
            Two vectors: the number of characters of the piece, and its id. They
            have an element for each character of all rows, one row after
            another.
        """
        flat = characters.values
        row_of = tf.cast(characters.value_rowids(), tf.int32)
        limits = tf.gather(tf.cast(characters.row_limits(), tf.int32), row_of)
        indices = tf.range(tf.size(flat))
        hashes, pieces = self._sorted_hashes
        known = tf.constant(pieces, tf.string)
        known_ids = tf.constant([self._ids[piece] for piece in pieces])
        lengths, ids = tf.zeros_like(indices), tf.zeros_like(indices)
        candidates = tf.zeros_like(flat)
        for length in range(1, max(map(len, pieces)) + 1):
            last = tf.minimum(indices + length - 1, tf.size(indices) - 1)
            candidates = tf.strings.join([candidates, tf.gather(flat, last)])
            slots = tf.searchsorted(
                hashes, tf.strings.to_hash_bucket_fast(candidates, _HASHES)
            )
            slots = tf.minimum(slots, len(pieces) - 1)
            fits = tf.gather(known, slots) == candidates
            fits &= indices + length <= limits
            lengths = tf.where(fits, length, lengths)
            ids = tf.where(fits, tf.gather(known_ids, slots), ids)
        return lengths, ids

    @functools.cached_property
    def _sorted_hashes(self):
        """Returns the hashes of the pieces in `_ids`, and these pieces.

        Both are in the ascending order of the hashes.
        """
        pieces = list(self._ids)
        with tf.init_scope():
            hashes = tf.strings.to_hash_bucket_fast(pieces, _HASHES).numpy()
        order = np.argsort(hashes)
        return hashes[order], [pieces[i] for i in order]

    def _check(self):
        if (
            self.special_ids.unknown is not None
            or self.special_ids.without_text()[-1] >= self.vocabulary_size
        ):
            raise ValueError(
                "Special ids must be below the number of pieces, and `unknown` "
                f"must be None. Received: {self.special_ids}, "
                f"{self.vocabulary_size} pieces. Give the ids of this "
                "vocabulary."
            )
        missing = sorted(self._alphabet - set(self._ids))
        if missing:
            raise ValueError(
                "Subwords must spell every text, so each character of the "
                "pieces, and those of escapes, must be a piece. Received: no "
                f"piece {missing[0]!r}. Take the file of the vocabulary that "
                "the model was trained with."
            )


def _tokens(codes):
    """Cuts ragged code points `(B, T)` into tokens.

    Returns:
        Two boolean vectors, for the characters of all rows: which
        characters are kept, and which are the last of a token.
    """
    is_letter = letter_ranges.are_alphanumeric(codes.values)
    rows = tf.cast(codes.value_rowids(), tf.int32)
    begins_row = tf.concat([[-1], rows[:-1]], 0)[: tf.size(rows)] != rows
    ends_row = tf.concat([rows[1:], [-1]], 0)[: tf.size(rows)] != rows
    other = tf.concat([is_letter[1:], [False]], 0)[: tf.size(rows)]
    is_last = ends_row | (is_letter != other)
    before = tf.concat([[True], is_last[:-1]], 0)[: tf.size(rows)]
    is_alone = is_last & before
    # A single space between two tokens of letters or numbers is left out.
    # `_spaced` puts it back.
    is_implied = (codes.values == _SPACE) & is_alone & ~begins_row & ~ends_row
    return ~is_implied, is_last


def _unescaped(tokens):
    """Reverts the escapes in a vector of tokens."""
    cut = tensorflow_text.regex_split(tokens, _ESCAPED, _ESCAPED)
    flat = cut.values
    number = tf.strings.regex_replace(flat, r"\A\\([0-9]{1,9});\z", r"\1")
    # A number with more than nine digits could be too large for int32, so it
    # counts as invalid.
    is_code = tf.strings.regex_full_match(flat, r"\\[0-9]+;")
    is_short = tf.strings.regex_full_match(flat, r"\\[0-9]{1,9};")
    codes = tf.strings.to_number(tf.where(is_short, number, "0"), tf.int32)
    is_valid = (
        is_short
        & (codes <= _LAST_CODE)
        & ~((codes >= _SURROGATES[0]) & (codes <= _SURROGATES[1]))
    )
    codes = tf.where(is_valid, codes, _UNDEFINED)
    spelled = tf.strings.unicode_encode(codes[:, None], "UTF-8")
    flat = tf.where(is_code, spelled, flat)
    flat = tf.where(flat == "\\u", _END, flat)
    flat = tf.where(flat == "\\\\", "\\", flat)
    return tf.strings.reduce_join(cut.with_values(flat), axis=1)


def _spaced(tokens):
    """Puts a space between two neighbouring tokens of letters or numbers."""
    first = tf.strings.unicode_decode(tokens.values, "UTF-8")[:, :1]
    is_letter = letter_ranges.are_alphanumeric(first.values)
    rows = tf.cast(tokens.value_rowids(), tf.int32)
    is_inside = tf.concat([[-1], rows[:-1]], 0)[: tf.size(rows)] == rows
    before = tf.concat([[False], is_letter[:-1]], 0)[: tf.size(rows)]
    has_space = is_letter & before & is_inside
    return tf.strings.join([tf.where(has_space, " ", ""), tokens.values])
