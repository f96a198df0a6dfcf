"""The ids that carry no text."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class SpecialIds:
    """The special ids of one vocabulary.

    The defaults are those of `learn_vocabulary`. Other systems have others:
    Marian ends with 0, and its last id is the padding.

    pad: fills up short rows.
    begin: what a decoder may read first; `None` if the vocabulary has none.
    end: ends every source and every target.
    unknown: of a character without a piece. A vocabulary learned here spells
        such a character in bytes, and never uses it.

    Raises:
        ValueError: two are the same, or one is below 0.

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
        """All ids that the vocabulary has."""
        ids = (self.pad, self.begin, self.end, self.unknown)
        return [i for i in ids if i is not None]


def of_model(processor) -> SpecialIds:
    """The special ids of a SentencePiece model.

    Args:
        processor: a `SentencePieceProcessor`.

    Raises:
        ValueError: it has no padding or no end.
    """
    ids = {
        "pad": processor.pad_id(),
        "begin": processor.bos_id(),
        "end": processor.eos_id(),
        "unknown": processor.unk_id(),
    }
    # SentencePiece's sign of an id that a model does not have.
    found = {name: None if i < 0 else i for name, i in ids.items()}
    for name in ("pad", "end"):
        if found[name] is None:
            raise ValueError(
                f"The vocabulary has no {name!r} id. Received: {found}. Learn "
                "it with `learn_vocabulary`, or with SentencePiece's "
                "`pad_id=` and `eos_id=`."
            )
    return SpecialIds(**found)
