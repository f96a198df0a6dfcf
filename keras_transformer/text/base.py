"""The base class of tokenizers, which turn text into ids and ids into text.

B batch   T length in tokens (ragged)   V vocabulary_size
"""

import os
from collections.abc import Callable, Sequence
from typing import TypeVar

import tensorflow as tf

from keras_transformer.text import special_ids as specials
from keras_transformer.text import texts

_Made = TypeVar("_Made")


class TextTokenizer(tf.Module):
    """A tokenizer, which encodes and decodes text by graph operations.

    It is a `tf.Module`, so that a SavedModel can track it. A SavedModel whose
    graph uses the tokenizer contains the vocabulary. `tokenizer_of` makes a
    tokenizer again from the bytes in `model`. A subclass defines `pieces`,
    `has_unknown_characters`, `_encode` and `_decode`, and sets the attributes.

    Attributes:
        model: the bytes of the vocabulary file that `save` writes.
        special_ids: the `SpecialIds` of the vocabulary.
        vocabulary_size: V, special ids included.
        leaves_out_unknown_words: whether `encode_source` leaves out words that
            the vocabulary does not know.
    """

    model: bytes
    special_ids: specials.SpecialIds
    vocabulary_size: int
    leaves_out_unknown_words: bool = False

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the vocabulary to a file, completely or not at all.

        It writes to `path` with the suffix `.tmp` first, then renames the file.
        """
        temporary = f"{path}.tmp"
        with open(temporary, "wb") as file:
            file.write(self.model)
        os.replace(temporary, path)

    def encode(self, text: texts.TensorLike) -> tf.RaggedTensor:
        """Encodes strings `(B,)` as ragged int32 ids `(B, T)`.

        The result has only the ids of the text. The method `complete_sources`
        of `SpecialIds` adds the special ids before and after a source, and
        `complete_targets` those before and after a target, such as the end id.

        Raises:
            ValueError: `text` is one string instead of a list.
        """
        texts.check_list("text", text)
        return self._encode(tf.convert_to_tensor(text, tf.string))

    def encode_source(self, text: texts.TensorLike) -> tf.RaggedTensor:
        """Encodes strings `(B,)` for a model that translates them.

        The method returns int32 ids `(B, T)` as `encode` does. A subclass may
        leave out words that the vocabulary does not know; it says so in
        `leaves_out_unknown_words`.

        Raises:
            ValueError: `text` is one string instead of a list.
        """
        return self.encode(text)

    def known_pieces(
        self, text: texts.TensorLike
    ) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
        """Encodes strings `(B,)`; marks the pieces that `encode_source` keeps.

        Returns:
            Two ragged tensors `(B, T)`: int32 ids, and booleans that are True
            for kept pieces. By default all pieces are kept.

        Raises:
            ValueError: `text` is one string instead of a list.
        """
        ids = self.encode(text)
        return ids, tf.ones_like(ids, tf.bool)

    def decode(self, ids: texts.TensorLike | tf.RaggedTensor) -> tf.Tensor:
        """Decodes ids `(B, T)`, dense or ragged, to strings `(B,)`.

        Special ids are left out at every position.
        """
        if not isinstance(ids, tf.RaggedTensor):
            ids = tf.RaggedTensor.from_tensor(ids)
        return self._decode(ids)

    def sample(
        self, ids: Sequence[Sequence[int]], rate: float, seed: int
    ) -> list[list[int]]:
        """Cuts texts into other pieces, drawn at random.

        Args:
            ids: the ids of each text, as `encode` returns them.
            rate: how much the pieces vary; see `Tokenizer.sample`.
            seed: the seed of the sampling.

        Returns:
            The ids of the same texts.

        Raises:
            ValueError: this is not a `Tokenizer`. Other tokenizers have only
                one segmentation of a text.
        """
        raise ValueError(
            "This vocabulary cuts each text in one way only, so other pieces "
            f"cannot be drawn. Received: rate={rate}. Leave out the sampling "
            "of segmentations, or use a SentencePiece vocabulary."
        )

    def pieces(self, ids: Sequence[int] | texts.TensorLike) -> list[str]:
        """Returns the pieces of ids `(T,)`.

        Raises:
            ValueError: `ids` is a string instead of a list.
            IndexError: an id is not below V.
        """
        raise NotImplementedError()

    def has_unknown_characters(self, text: str) -> bool:
        """Tells whether a part of a text has no token of its own.

        A part is a character, a piece or a word; each subclass says which.
        """
        raise NotImplementedError()

    def _encode(self, text):
        """Encodes a string tensor `(B,)` in a graph."""
        raise NotImplementedError()

    def _decode(self, ids):
        """Decodes a ragged int32 tensor `(B, T)` in a graph."""
        raise NotImplementedError()


def read_file(
    path: str | os.PathLike[str], make: Callable[[bytes], _Made]
) -> _Made:
    """Makes a tokenizer from a vocabulary file.

    Args:
        path: the path of the file.
        make: a function that makes the tokenizer from the file's bytes.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: `make` does not accept the content.
    """
    with open(path, "rb") as file:
        model = file.read()
    try:
        return make(model)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
