"""The ids of a vocabulary that stand for no text.

B batch   T length in tokens
"""

import dataclasses

import sentencepiece
import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class SpecialIds:
    """The special ids of one vocabulary.

    The defaults are those of `learn_vocabulary`. Other systems have other ids:
    Marian's end token is 0, and its padding is the last id.

    pad: fills up short rows.
    begin: a token that a decoder may read first; `None` if the vocabulary has
        no such token.
    end: the last token of every source and every target.
    unknown: the id of a character without a piece. A vocabulary of
        `learn_vocabulary` never uses it: it spells such characters in bytes.

    Raises:
        ValueError: two ids are the same, or an id is below 0.

    Example:

    >>> SpecialIds(pad=7, end=0).as_list()
    [7, 1, 0, 3]
    """

    pad: int = 0
    begin: int | None = 1
    end: int = 2
    unknown: int = 3

    def __post_init__(self):
        ids = self.as_list()
        if len(set(ids)) < len(ids) or min(ids) < 0:
            raise ValueError(
                "Special ids must be different, and at least 0. Received: "
                f"{self}."
            )

    def as_list(self) -> list[int]:
        """Returns all ids, without `begin` if the vocabulary has none."""
        ids = (self.pad, self.begin, self.end, self.unknown)
        return [i for i in ids if i is not None]

    def with_end(self, ids: tf.RaggedTensor) -> tf.Tensor:
        """Appends the end token to ragged rows of ids (B, T), and pads them."""
        end = tf.fill([ids.nrows(), 1], self.end)
        ids = tf.concat([ids, tf.cast(end, ids.dtype)], axis=1)
        return ids.to_tensor(self.pad)


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
