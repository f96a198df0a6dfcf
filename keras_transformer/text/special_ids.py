"""The special ids of a vocabulary, such as the padding id and the end id.

B batch   T length in tokens   S source length
"""

import dataclasses

import sentencepiece
import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class SpecialIds:
    """The special ids of one vocabulary.

    The defaults are those of `learn_vocabulary`. Other systems have other ids:
    in Marian, the end id is 0, and the padding id is the last id.

    pad: the padding id.
    begin: the id that a decoder may read first; `None` if the vocabulary has no
        such id.
    end: the last id of every target, and also of every source unless
        `source_suffix` is given.
    unknown: the id of a character without a piece; `None` if the vocabulary
        has no such id, because its pieces can spell every character. A
        vocabulary of `learn_vocabulary` has this id, but never uses the id,
        because its pieces for bytes can spell every character.
    source_prefix: the first ids of every source, such as the language's id.
    source_suffix: the last ids of every source; `None` for the end id.
    target_prefix: the first ids of every target, such as the language's id.
        They are given to a search, which does not choose them.

    Raises:
        ValueError: two of `pad`, `begin`, `end` and `unknown` are the same, or
            an id is below 0.

    Example:

    >>> SpecialIds(pad=7, end=0).as_list()
    [7, 1, 0, 3]
    """

    pad: int = 0
    begin: int | None = 1
    end: int = 2
    unknown: int | None = 3
    source_prefix: tuple[int, ...] = ()
    source_suffix: tuple[int, ...] | None = None
    target_prefix: tuple[int, ...] = ()

    def __post_init__(self):
        for name in ("source_prefix", "source_suffix", "target_prefix"):
            if getattr(self, name) is not None:
                # JSON has no tuples, so ids that come from JSON are in lists.
                object.__setattr__(self, name, tuple(getattr(self, name)))
        ids = self.as_list()
        others = (*self.around_source(), *self.target_prefix)
        if len(set(ids)) < len(ids) or min((*ids, *others)) < 0:
            raise ValueError(
                "Special ids must be different, and at least 0. Received: "
                f"{self}."
            )

    def as_list(self) -> list[int]:
        """Returns the ids `pad`, `begin`, `end`, `unknown` that exist."""
        ids = (self.pad, self.begin, self.end, self.unknown)
        return [i for i in ids if i is not None]

    def around_source(self) -> list[int]:
        """Returns the ids before a source's text, then the ids after it."""
        return [*self.source_prefix, *self.source_ending]

    @property
    def source_ending(self) -> tuple[int, ...]:
        """The last ids of every source."""
        if self.source_suffix is None:
            return (self.end,)
        return self.source_suffix

    def complete_sources(self, ids: tf.RaggedTensor) -> tf.Tensor:
        """Adds the special ids of sources to ragged ids; pads the rows.

        The result is a dense tensor `(B, S)`. S is at least 1, because a model
        cannot read a source without columns.

        Args:
            ids: ids `(B, T)` without special ids.
        """
        ids = self._surrounded(ids, self.source_prefix, self.source_ending)
        padded = ids.to_tensor(self.pad)
        missing = tf.cast(tf.shape(padded)[1] < 1, tf.int32)
        return tf.pad(padded, [[0, 0], [0, missing]], constant_values=self.pad)

    def complete_targets(self, ids: tf.RaggedTensor) -> tf.Tensor:
        """Adds the prefix and the end id of targets to ragged ids; pads rows.

        The result is a dense tensor, as wide as its longest row.

        Args:
            ids: ids `(B, T)` without special ids.
        """
        ids = self._surrounded(ids, self.target_prefix, (self.end,))
        return ids.to_tensor(self.pad)

    def prefixed_targets(self, ids: tf.RaggedTensor) -> tf.Tensor:
        """Adds the prefix of targets to ragged ids, and pads the rows.

        The result is a dense tensor, as wide as its longest row.

        Args:
            ids: ids `(B, T)` without special ids.
        """
        ids = self._surrounded(ids, self.target_prefix, ())
        return ids.to_tensor(self.pad)

    def without_text(self) -> list[int]:
        """Returns all ids that decoding leaves out, in ascending order."""
        others = [*self.around_source(), *self.target_prefix]
        return sorted({*self.as_list(), *others})

    def are_of_text(self, ids: tf.Tensor) -> tf.Tensor:
        """Returns which ids of sources or targets stand for text, as booleans.

        The unknown id stands for text. A begin id that is not part of a prefix
        would wrongly count as text. So `ids` must not contain such a begin id.

        Args:
            ids: ids in a dense tensor of any shape. The result has this shape.
        """
        special = {
            self.pad,
            self.end,
            *self.around_source(),
            *self.target_prefix,
        }
        others = tf.constant(sorted(special), ids.dtype)
        return tf.reduce_all(ids[..., None] != others, axis=-1)

    def _surrounded(self, ids, before, after):
        """Puts the ids `before` and `after` around each row of ragged ids."""
        sides = [
            tf.tile(tf.constant([side], ids.dtype), [ids.nrows(), 1])
            if side
            else None
            for side in (before, after)
        ]
        columns = [sides[0], ids, sides[1]]
        return tf.concat([side for side in columns if side is not None], axis=1)


def of_model(processor: sentencepiece.SentencePieceProcessor) -> SpecialIds:
    """Reads the special ids of a SentencePiece model.

    Args:
        processor: the model.

    Raises:
        ValueError: the model has no padding id or no end id.
    """
    ids = {
        "pad": processor.pad_id(),
        "begin": processor.bos_id(),
        "end": processor.eos_id(),
        "unknown": processor.unk_id(),
    }
    # SentencePiece gives -1 for an id that a model does not have.
    present = {name: id_ for name, id_ in ids.items() if id_ >= 0}
    for name in ("pad", "end"):
        if name not in present:
            raise ValueError(
                f"The vocabulary has no {name!r} id. Received: {present}. "
                "Learn it with `learn_vocabulary`, or with SentencePiece's "
                "`pad_id=` and `eos_id=`."
            )
    return SpecialIds(
        present["pad"], present.get("begin"), present["end"], ids["unknown"]
    )
