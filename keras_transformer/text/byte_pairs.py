r"""The byte-pair encoding of GPT-2 and BART, in the graph.

A text is cut into words. A word is a sequence of only letters, only numbers or
only other characters. If a space is before this sequence, the space belongs to
the word. An ending such as `'s` is also a word, and so is white space. A word
is first spelled in its UTF-8 bytes, so every text can be spelled. Then, of all
pairs of neighbouring pieces, the pair that comes first in a list of merges
becomes one piece. This is repeated until no pair is in the list.

The rules are those of `ByteLevel` of github.com/huggingface/tokenizers.

B batch   T length in tokens (ragged)   V vocabulary_size
"""

import dataclasses
import functools
import json
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
import tensorflow_text

from keras_transformer.text import base, texts
from keras_transformer.text import special_ids as specials

KIND = "byte_pairs"
# White space of Unicode, as the content of a character class of RE2.
_WHITE = (
    r"\t-\r \x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}"
    r"\x{202f}\x{205f}\x{3000}"
)
# If several characters of white space are before a word, the text is cut before
# the last of these characters, because a space there belongs to the word. RE2
# cannot look ahead, so `_MARK` is put at the cut. `_MARK` is no character of
# Unicode. If a text contains `_MARK`, encoding removes it.
_MARK = "\U0010ffff"
_WORD = (
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+"
    rf"| ?[^{_WHITE}{_MARK}\p{{L}}\p{{N}}]+|[{_WHITE}]+"
)
_BEFORE_WORD = rf"([{_WHITE}])([{_WHITE}][^{_WHITE}])"
_NEVER = 2**31 - 1
# AutoGraph is off: it takes seconds, and no code here branches on tensors.
_in_graph = functools.partial(tf.function, autograph=False)


def byte_characters() -> dict[str, int]:
    """Returns a dict from the characters of pieces to the bytes they stand for.

    If the value of a byte is the code point of a visible character, this
    character stands for the byte. The other bytes, such as the space, get the
    characters from code point 256 on, in ascending order.

    Example:

    >>> byte_characters()["\u0120"]
    32
    """
    printed = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = [byte for byte in range(256) if byte not in printed]
    made = {chr(byte): byte for byte in printed}
    return made | {chr(256 + i): byte for i, byte in enumerate(others)}


class BytePairs(base.TextTokenizer):
    """A tokenizer that does byte-pair encoding by graph operations.

    Args:
        pieces: V different pieces, in the order of their ids.
        merges: pairs of pieces. If a word contains several of these pairs, the
            pair that comes first in `merges` is merged first.
        special_ids: the special ids. Encoding never returns `unknown`.

    Raises:
        ValueError: `pieces` lacks a byte, a part of a merge or the result of a
            merge; a piece occurs twice; or a special id is not below V.

    Example:

    >>> pieces = ["<s>", "<pad>", "</s>", *byte_characters(), "ca", "cat"]
    >>> vocabulary = BytePairs(pieces, [("c", "a"), ("ca", "t")],
    ...     specials.SpecialIds(pad=1, begin=0, end=2, unknown=None))
    >>> ids = vocabulary.encode(["cat act"])
    >>> vocabulary.pieces(ids[0])
    ['cat', '\u0120', 'a', 'c', 't']
    >>> vocabulary.decode(ids).numpy().tolist()
    [b'cat act']
    """

    def __init__(
        self,
        pieces: Sequence[str],
        merges: Sequence[Sequence[str]],
        special_ids: specials.SpecialIds,
    ):
        super().__init__(name=KIND)
        self._pieces = tuple(pieces)
        self._merges = tuple((first, second) for first, second in merges)
        self._ids = {piece: i for i, piece in enumerate(self._pieces)}
        self.special_ids = special_ids
        self.vocabulary_size = len(self._pieces)
        self._check()
        content = {
            "kind": KIND,
            "special_ids": dataclasses.asdict(special_ids),
            "merges": self._merges,
            "pieces": self._pieces,
        }
        self.model = json.dumps(content, ensure_ascii=False).encode("utf-8")

    @classmethod
    def from_content(cls, content: dict) -> "BytePairs":
        """Makes a tokenizer from the parsed JSON of the attribute `model`.

        Raises:
            KeyError: an entry is missing.
            TypeError: an entry has a wrong type.
            ValueError: `BytePairs` refuses the pieces, the merges or the
                special ids.
        """
        texts.check_strings("pieces", content["pieces"])
        return cls(
            content["pieces"],
            content["merges"],
            specials.SpecialIds(**content["special_ids"]),
        )

    def pieces(self, ids: Sequence[int] | texts.TensorLike) -> list[str]:
        texts.check_list("ids", ids)
        return [self._pieces[int(i)] for i in ids]

    def has_unknown_characters(self, text: str) -> bool:
        """Returns False, because each byte of UTF-8 has a piece."""
        return False

    @_in_graph(input_signature=[tf.TensorSpec([None], tf.string)])
    def _encode(self, text):
        text = tf.strings.unicode_transcode(
            text, "UTF-8", "UTF-8", errors="replace"
        )
        text = tf.strings.regex_replace(text, _BEFORE_WORD, rf"\1{_MARK}\2")
        pattern = rf"{_MARK}|{_WORD}"
        words = tensorflow_text.regex_split(text, pattern, pattern)
        is_word = (words != _MARK) & (words != "")
        words = tf.ragged.boolean_mask(words, is_word)
        bytes_of_words = tf.strings.bytes_split(words.values)
        order = tf.constant(self._byte_ids)
        codes = tf.io.decode_raw(bytes_of_words.values, tf.uint8)[:, 0]
        ids = tf.gather(order, tf.cast(codes, tf.int32))
        merged = self._merged(
            ids,
            tf.cast(bytes_of_words.value_rowids(), tf.int32),
            words.values,
        )
        return words.with_values(merged).merge_dims(1, 2)

    @_in_graph(input_signature=[tf.RaggedTensorSpec([None, None], tf.int32)])
    def _decode(self, ids):
        special = tf.constant(self.special_ids.without_text())
        is_special = tf.reduce_any(ids.values[:, None] == special, axis=1)
        ids = tf.ragged.boolean_mask(ids, ids.with_values(~is_special))
        pieces = tf.gather(tf.constant(self._bytes_of_pieces), ids.values)
        joined = tf.strings.reduce_join(ids.with_values(pieces), axis=1)
        return tf.strings.unicode_transcode(
            joined, "UTF-8", "UTF-8", errors="replace"
        )

    def _merged(self, ids, words, texts_of_words):
        """Merges the pieces of each word.

        The rank of a pair is its index in the merges. Each step of the loop
        merges one pair of each word: the pair with the lowest rank. If a word
        has this pair several times, the first occurrence is merged.

        Args:
            ids: a vector, the ids of the pieces of all words, one word after
                another.
            words: a vector, the index of the word of each piece.
            texts_of_words: a vector, the text of each word.
        """
        keys, ranks, results = (tf.constant(each) for each in self._table)
        count = tf.size(texts_of_words)

        def look_up(ids, words):
            """Returns rank and result of the merge of each piece with the next.

            The rank is `_NEVER` if there is no such merge.
            """
            pairs = tf.cast(ids[:-1], tf.int64) * self.vocabulary_size
            pairs += tf.cast(ids[1:], tf.int64)
            slots = tf.searchsorted(keys, pairs)
            slots = tf.minimum(slots, tf.size(keys) - 1)
            is_pair = tf.gather(keys, slots) == pairs
            is_pair &= words[:-1] == words[1:]
            return (
                tf.where(is_pair, tf.gather(ranks, slots), _NEVER),
                tf.gather(results, slots),
            )

        def go_on(ids, words, rank, result):
            indices = tf.range(tf.size(rank))
            of_word = words[:-1]
            lowest = tf.math.unsorted_segment_min(rank, of_word, count)
            is_lowest = (rank < _NEVER) & (rank == tf.gather(lowest, of_word))
            first = tf.math.unsorted_segment_min(
                tf.where(is_lowest, indices, _NEVER), of_word, count
            )
            is_merged = is_lowest & (indices == tf.gather(first, of_word))
            ids = tf.concat(
                [tf.where(is_merged, result, ids[:-1]), ids[-1:]], 0
            )
            is_kept = tf.concat([[True], ~is_merged], 0)
            ids = tf.boolean_mask(ids, is_kept)
            words = tf.boolean_mask(words, is_kept)
            return ids, words, *look_up(ids, words)

        one = tf.TensorShape([None])
        ids, words, _, _ = tf.while_loop(
            lambda ids, words, rank, result: tf.reduce_any(rank < _NEVER),
            go_on,
            (ids, words, *look_up(ids, words)),
            shape_invariants=(one, one, one, one),
        )
        return tf.RaggedTensor.from_value_rowids(
            ids, tf.cast(words, tf.int64), nrows=tf.cast(count, tf.int64)
        )

    @functools.cached_property
    def _byte_ids(self):
        """The id of each byte."""
        characters = sorted(byte_characters().items(), key=lambda item: item[1])
        return np.array([self._ids[each] for each, _ in characters], "int32")

    @functools.cached_property
    def _bytes_of_pieces(self):
        """The bytes of each piece.

        If a character of a piece stands for no byte, the piece is read as text,
        and its bytes are the UTF-8 of this text.
        """
        bytes_of = byte_characters()
        return [
            bytes(bytes_of[each] for each in piece)
            if all(each in bytes_of for each in piece)
            else piece.encode("utf-8")
            for piece in self._pieces
        ]

    @functools.cached_property
    def _table(self):
        """The merges as three vectors: keys, ranks and results.

        The key of a merge is V times the id of its first piece, plus the id of
        its second piece. The rank of a merge is its index in the list of
        merges. The result of a merge is the id of the merged piece. All three
        vectors are in the ascending order of the keys.
        """
        ranks = {}
        for rank, (first, second) in enumerate(self._merges):
            pair = self._ids[first] * self.vocabulary_size + self._ids[second]
            # If a pair occurs twice, its last rank is used.
            ranks[pair] = (rank, self._ids[first + second])
        # `look_up` needs vectors that are not empty. So the key -1 is added,
        # which no merge has.
        pairs = sorted({**ranks, -1: (0, 0)}.items())
        return (
            np.array([pair for pair, _ in pairs], "int64"),
            np.array([rank for _, (rank, _) in pairs], "int32"),
            np.array([result for _, (_, result) in pairs], "int32"),
        )

    def _check(self):
        if self.special_ids.without_text()[-1] >= self.vocabulary_size:
            raise ValueError(
                "Special ids must be below the number of pieces. Received: "
                f"{self.special_ids}, {self.vocabulary_size} pieces. Give the "
                "ids of this vocabulary."
            )
        needed = [
            *byte_characters(),
            *(
                piece
                for first, second in self._merges
                for piece in (first, second, first + second)
            ),
        ]
        missing = [piece for piece in needed if piece not in self._ids]
        if missing or len(self._ids) < self.vocabulary_size:
            raise ValueError(
                "All bytes and all results of merges must be pieces, and all "
                "pieces must differ. Received: "
                f"{self.vocabulary_size - len(self._ids)} repeated pieces; "
                f"{len(missing)} missing, such as {missing[:1]}. Take "
                "vocabulary and merges from the same model."
            )
