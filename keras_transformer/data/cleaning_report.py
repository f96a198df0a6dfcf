"""Counts the pairs that a cleaning drops or changes, and keeps examples."""

from typing import Any

from keras_transformer.data import pairs as sentence_pairs

_EXAMPLES = 3
# The report cuts the source and the target of each example to this number of
# characters.
_EXAMPLE_LENGTH = 200


class CleaningReport:
    """Counts of a cleaning, and examples for each filter and change.

    `Cleaning.clean` fills the report.

    Attributes:
        num_read: the number of pairs that were read.
        num_kept: the number of pairs that no filter dropped.

    Example:

    >>> report = CleaningReport()
    >>> report.num_read = report.num_kept = 2
    >>> report.num_kept = 1
    >>> report.count("copies", sentence_pairs.SentencePair("OK", "OK"))
    >>> print(report)
    Cleaning kept 1 of 2 pairs.
      copies: 1
        'OK' | 'OK'
    """

    def __init__(self) -> None:
        self.num_read = 0
        self.num_kept = 0
        self._counts: dict[str, int] = {}
        self._examples: dict[str, list[sentence_pairs.SentencePair]] = {}

    def count(self, name: str, pair: sentence_pairs.SentencePair) -> None:
        """Counts a pair that a filter dropped, or that a change altered.

        The first three pairs with the same `name` are kept as examples.

        Args:
            name: the name of the filter or of the change.
            pair: the pair that the filter dropped, or the pair before the
                change.
        """
        self._counts[name] = self._counts.get(name, 0) + 1
        examples = self._examples.setdefault(name, [])
        if len(examples) < _EXAMPLES:
            examples.append(pair)

    def as_dict(self) -> dict[str, Any]:
        """Returns the report as a dict for JSON.

        The keys are `num_read`, `num_kept`, and each name for which `count` was
        called. The value of such a name is a dict:

        - `num_pairs`: the number of calls of `count` with this name;
        - `examples`: a list of at most three pairs, each a list of two texts.

        Each text is cut to 200 characters. Then an escape of four characters
        replaces each byte that is not UTF-8.
        """
        return {
            "num_read": self.num_read,
            "num_kept": self.num_kept,
            **{
                name: {
                    "num_pairs": count,
                    "examples": list(map(_cut, self._examples[name])),
                }
                for name, count in self._counts.items()
            },
        }

    def __str__(self) -> str:
        lines = [f"Cleaning kept {self.num_kept} of {self.num_read} pairs."]
        for name, count in self._counts.items():
            lines.append(f"  {name}: {count}")
            for source, target in map(_cut, self._examples[name]):
                lines.append(f"    {source!r} | {target!r}")
        return "\n".join(lines)


def _cut(pair):
    """Returns a list of the source and the target of a pair, both cut.

    After the cut, bytes that are not UTF-8 become escapes.
    """
    return [
        side[:_EXAMPLE_LENGTH]
        .encode("utf-8", "surrogateescape")
        .decode("utf-8", "backslashreplace")
        for side in pair
    ]
