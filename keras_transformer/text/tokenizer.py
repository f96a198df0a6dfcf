"""A tokenizer that uses a SentencePiece model, also in a graph of TensorFlow.

B batch   T length in tokens (ragged)
"""

import functools
import hashlib
import os
import threading
from collections.abc import Sequence
from concurrent import futures

import sentencepiece
import tensorflow as tf
import tensorflow_text

from keras_transformer.text import (
    base,
    escaping,
    normalization,
    special_ids,
    texts,
    unknown_words,
)

# SentencePiece writes this character for the space before a word.
_SPACE = "\u2581"
_SAMPLING = threading.Lock()
# AutoGraph is off: it takes seconds, and no code here branches on tensors.
_in_graph = functools.partial(tf.function, autograph=False)


class Tokenizer(base.TextTokenizer):
    """A tokenizer that runs a SentencePiece model by graph operations.

    With a vocabulary of `learn_vocabulary`, encoding a Unicode text and then
    decoding its ids gives the normalized text. (With a normalization that
    SentencePiece itself has, U+2581 becomes a space.) Bytes that are not UTF-8
    are read as U+FFFD. `save` writes an ordinary SentencePiece model file.

    Args:
        model: a serialized SentencePiece model, as `learn_vocabulary` returns.

    Raises:
        ValueError: `model` is not a SentencePiece model, or has no padding id
            or no end id.

    Attributes:
        special_ids: the `SpecialIds` of the vocabulary.
        vocabulary_size: V, special ids included.
        leaves_out_unknown_words: whether `encode_source` leaves out words that
            the vocabulary does not know.

    Example:

    >>> from keras_transformer.text import learn_vocabulary
    >>> text = ["the cat sat", "le chat assis"]
    >>> tokenizer = Tokenizer(learn_vocabulary(text, may_be_smaller=True))
    >>> ids = tokenizer.encode(["the chat sat"])
    >>> tokenizer.decode(ids).numpy()[0].decode()
    'the chat sat'
    """

    def __init__(self, model: bytes):
        super().__init__(name="tokenizer")
        self.model = model
        self._digest = hashlib.sha256(model).hexdigest()[:16]
        self._processor = read_pieces(model)
        self.special_ids = special_ids.of_model(self._processor)
        self.vocabulary_size = self._processor.vocab_size()
        self._is_unknown = [
            self._processor.is_byte(i) or self._processor.is_unknown(i)
            for i in range(self.vocabulary_size)
        ]
        name = normalization.file_name(normalization.DEFAULT)
        self.leaves_out_unknown_words = name in model

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> "Tokenizer":
        """Makes a tokenizer from the file of a SentencePiece model.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is not a SentencePiece model, or has no padding
                id or no end id.
        """
        return base.read_file(path, cls)

    def encode_source(self, text: texts.TensorLike) -> tf.RaggedTensor:
        """Encodes strings `(B,)` for a model that translates them.

        The method returns int32 ids `(B, T)` as `encode` does. But with the
        default normalization, it leaves out words that the vocabulary does not
        know; see `unknown_words`.

        Raises:
            ValueError: `text` is one string instead of a list.
        """
        texts.check_list("text", text)
        return self._encode_source(tf.convert_to_tensor(text, tf.string))

    def known_pieces(
        self, text: texts.TensorLike
    ) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
        """Encodes strings `(B,)`; marks the pieces that `encode_source` keeps.

        Returns:
            Two ragged tensors `(B, T)`: int32 ids, and booleans that are True
            for kept pieces.
        """
        ids = self.encode(text)
        return ids, self._known_pieces(ids)

    def sample(
        self, ids: Sequence[Sequence[int]], rate: float, seed: int
    ) -> list[list[int]]:
        """Cuts texts into other pieces, drawn at random.

        Args:
            ids: the ids of each text, as `encode` returns them.
            rate: for BPE, the probability that a merge is left out (Provilkov
                et al. 2020); for a unigram vocabulary, the exponent of the
                probabilities of segmentations (Kudo 2018).
            seed: the seed of the sampling.

        Returns:
            The new ids of each text. A text keeps its ids if it has unknown
            tokens, or if SentencePiece encodes the decoded text to other ids.
        """
        sampled: list[list[int]] = []

        def draw():
            sentencepiece.set_random_generator_seed(seed)
            for each in ids:
                pieces = [int(i) for i in each]
                text = self._processor.decode(pieces)
                # Decoding loses unknown tokens, so a text with unknown tokens
                # keeps its ids.
                if self._processor.encode(text) == pieces:
                    pieces = self._processor.encode(
                        text, enable_sampling=True, alpha=rate, nbest_size=-1
                    )
                sampled.append(pieces)

        # SentencePiece seeds the generator of a thread only once, with a seed
        # that all threads share. So the seed takes effect only in a new thread.
        with _SAMPLING, futures.ThreadPoolExecutor(1) as thread:
            thread.submit(draw).result()
        return sampled

    def pieces(self, ids: Sequence[int] | texts.TensorLike) -> list[str]:
        """Returns the pieces of ids `(T,)`, as SentencePiece writes them.

        Raises:
            ValueError: `ids` is a string instead of a list.
            IndexError: an id is not in [0, V).
        """
        texts.check_list("ids", ids)
        return [self._processor.id_to_piece(int(i)) for i in ids]

    def has_unknown_characters(self, text: str) -> bool:
        """Tells whether a text has a character that the vocabulary lacks.

        Such a character is encoded in bytes, or as the unknown token.
        """
        data = text.encode("utf-8", "surrogateescape")
        ids = self._processor.encode(data.decode("utf-8", "replace"))
        return any(self._is_unknown[i] for i in ids)

    @_in_graph(input_signature=[tf.TensorSpec([None], tf.string)])
    def _encode(self, text):
        text = tf.strings.unicode_transcode(
            text, "UTF-8", "UTF-8", errors="replace"
        )
        return self._operations().tokenize(escaping.escape(text))

    @_in_graph(input_signature=[tf.RaggedTensorSpec([None, None], tf.int32)])
    def _decode(self, ids):
        special = tf.constant(self.special_ids.without_text())
        is_special = tf.reduce_any(ids.values[:, None] == special, axis=1)
        ids = tf.ragged.boolean_mask(ids, ids.with_values(~is_special))
        return escaping.unescape(self._operations().detokenize(ids))

    @_in_graph(input_signature=[tf.TensorSpec([None], tf.string)])
    def _encode_source(self, text):
        ids = self._encode(text)
        if not self.leaves_out_unknown_words:
            return ids
        is_known = self._known_pieces(ids)
        # The remaining text is encoded again, because it may be cut into other
        # pieces.
        rest = self._decode(tf.ragged.boolean_mask(ids, is_known))
        is_whole = tf.reduce_all(is_known, axis=1)
        return self._encode(tf.where(is_whole, text, rest))

    @_in_graph(input_signature=[tf.RaggedTensorSpec([None, None], tf.int32)])
    def _known_pieces(self, ids):
        if not self.leaves_out_unknown_words:
            return tf.ones_like(ids, tf.bool)
        pieces = self.pieces(range(self.vocabulary_size))
        return unknown_words.known_pieces(
            ids,
            [self._processor.is_byte(i) for i in range(len(pieces))],
            [piece.startswith(_SPACE) for piece in pieces],
            [piece == _SPACE for piece in pieces],
        )

    def _operations(self):
        # Each graph makes its own `SentencepieceTokenizer`, and so contains the
        # vocabulary. If this object came from outside the graph, the graph
        # would lose it when `tf.random.set_seed` clears TensorFlow's kernel
        # cache, and a SavedModel would have to track it. Each vocabulary needs
        # its own name, because in sessions and in loaded SavedModels all
        # operations of one name share one resource.
        return tensorflow_text.SentencepieceTokenizer(
            model=self.model,
            out_type=tf.int32,
            name=f"vocabulary_{self._digest}",
        )


def read_pieces(model: bytes) -> sentencepiece.SentencePieceProcessor:
    """Reads a SentencePiece model.

    Args:
        model: the content of the model's file.

    Raises:
        ValueError: the bytes are not a SentencePiece model.
    """
    try:
        # SentencePiece would accept empty bytes as a model without pieces.
        if not model:
            raise RuntimeError("it is empty")
        return sentencepiece.SentencePieceProcessor(model_proto=model)
    except RuntimeError as error:
        raise ValueError(
            f"Expected a SentencePiece model. Received {len(model)} bytes that "
            f"cannot be read ({error}). Copy the file again from the original, "
            "or learn a vocabulary with `learn_vocabulary`."
        ) from error
