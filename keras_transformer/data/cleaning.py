"""Cleans sentence pairs by named rules, which change texts or drop pairs."""

import dataclasses
import functools
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from keras_transformer.data import cleaning_report, filters, scripts
from keras_transformer.data import pairs as sentence_pairs
from keras_transformer.text import TextTokenizer

# Each element is a triple: the name of a field, one of the field's values, and
# the function that changes texts if the field has this value.
_CHANGES: tuple[tuple[str, str, Callable[[str], str]], ...] = (
    ("html_entities", "unescape", filters.unescape),
    ("control_characters", "remove", filters.remove_control_characters),
    ("unicode_form", "NFC", functools.partial(unicodedata.normalize, "NFC")),
    ("unicode_form", "NFKC", functools.partial(unicodedata.normalize, "NFKC")),
)
# For each field that can drop pairs, a function that takes the field's value
# and returns a filter. The function of `drop_unknown_characters` takes the
# tokenizers instead. A value in `_CHANGES`, such as "unescape", changes texts
# and drops no pair, so `_filters` makes no filter for this value.
_FILTERS: dict[str, Callable[[Any], filters.Filter]] = {
    "drop_not_utf8": lambda _: filters.is_not_utf8,
    "html_entities": lambda _: filters.has_entity,
    "control_characters": lambda _: filters.has_control_character,
    "min_characters": lambda least: filters.length(len, least, None),
    "max_characters": lambda most: filters.length(len, None, most),
    "min_words": lambda n: filters.length(filters.count_words, n, None),
    "max_words": lambda n: filters.length(filters.count_words, None, n),
    "max_character_ratio": lambda most: filters.ratio(len, most),
    "max_word_ratio": lambda n: filters.ratio(filters.count_words, n),
    "source_scripts": lambda names: filters.wrong_script(0, names),
    "target_scripts": lambda names: filters.wrong_script(1, names),
    "max_symbol_share": filters.symbols,
    "drop_unknown_characters": filters.unknown_characters,
    "drop_copies": lambda _: filters.is_copy,
    "drop_duplicates": lambda _: filters.duplicates(),
}


def _rule(help_text, default=None, choices=None, least=None):
    """Returns a dataclass field. Programs make a flag from each field.

    `Cleaning` raises an error if a value is not one of `choices`, or is below
    `least`. `choices=None` allows all values, and `least=None` all numbers.
    The value `None` passes both checks.
    """
    metadata = {"help": help_text, "choices": choices, "least": least}
    if default == []:
        return dataclasses.field(default_factory=list, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True)
class Cleaning:
    """Rules that clean sentence pairs. All rules are off by default.

    Each field is a rule. The help text of the field says what the rule does.
    First the method `clean` changes a pair: its HTML entities, then its control
    characters, then its form of Unicode. Then filters check the changed pair,
    in the order of the fields, until one filter drops the pair. The report says
    how many pairs each change altered, and how many pairs each filter dropped.

    Raises:
        ValueError: a field has an unknown value, such as an unknown script, or
            a number that is too small; or the scripts are not a list.

    Example:

    >>> cleaning = Cleaning(drop_copies=True, max_word_ratio=2.5)
    >>> pairs = [("a cat", "un chat"), ("OK", "OK"), ("a b c", "x")]
    >>> report = cleaning_report.CleaningReport()
    >>> list(cleaning.clean(
    ...     [sentence_pairs.SentencePair(*pair) for pair in pairs], report))
    [SentencePair(source='a cat', target='un chat')]
    >>> report.as_dict()["drop_copies"]["num_pairs"]
    1
    """

    drop_not_utf8: bool = _rule(
        "Drop pairs whose bytes are not UTF-8. Otherwise they are an error.",
        False,
    )
    html_entities: str | None = _rule(
        "Entities of HTML, such as &amp;: unescape them, or drop the pair.",
        choices=["unescape", "drop"],
    )
    control_characters: str | None = _rule(
        "Control characters except tabs and line ends: remove them, or drop "
        "the pair.",
        choices=["remove", "drop"],
    )
    unicode_form: str | None = _rule(
        "Form of Unicode that texts are changed to.", choices=["NFC", "NFKC"]
    )
    min_characters: int | None = _rule(
        "Drop pairs with fewer characters on a side.", least=1
    )
    max_characters: int | None = _rule(
        "Drop pairs with more characters on a side.", least=1
    )
    min_words: int | None = _rule(
        "Drop pairs with fewer words on a side. Spaces separate words.", least=1
    )
    max_words: int | None = _rule(
        "Drop pairs with more words on a side.", least=1
    )
    max_character_ratio: float | None = _rule(
        "Drop pairs if one side has more than this times the characters of the "
        "other.",
        least=1,
    )
    max_word_ratio: float | None = _rule(
        "Drop pairs if one side has more than this times the words of the "
        "other.",
        least=1,
    )
    source_scripts: list[str] = _rule(
        "Scripts of the sources, such as LATIN or CJK,HIRAGANA,KATAKANA: the "
        "first words of the names of letters in Unicode. Drop pairs if fewer "
        "than half of the letters of the source have one of them.",
        [],
    )
    target_scripts: list[str] = _rule("The same for the targets.", [])
    max_symbol_share: float | None = _rule(
        "Drop pairs if a larger share of the characters of a side are digits, "
        "punctuation or symbols. Spaces are not counted.",
        least=0,
    )
    drop_unknown_characters: bool = _rule(
        "Drop pairs with a character that has no piece in the vocabulary and "
        "is spelled in bytes.",
        False,
    )
    drop_copies: bool = _rule(
        "Drop pairs whose source and target are the same text.", False
    )
    drop_duplicates: bool = _rule(
        "Drop pairs that were read before. Takes 12 to 36 bytes of memory for "
        "each pair.",
        False,
    )

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            choices, least = (field.metadata[n] for n in ("choices", "least"))
            if value is None:
                continue
            if choices is not None and value not in choices:
                raise ValueError(
                    f"Unknown `{field.name}`. Received: {value!r}. Expected "
                    f"one of {', '.join(choices)}."
                )
            if least is not None and not value >= least:
                raise ValueError(
                    f"`{field.name}` must be at least {least}. Received: "
                    f"{value}."
                )
        for name in ("source_scripts", "target_scripts"):
            value = getattr(self, name)
            if isinstance(value, str) or not isinstance(value, Sequence):
                raise ValueError(
                    f"`{name}` is a list of scripts. Received: {value!r}. Give "
                    "a list such as ['LATIN']; the empty list allows all "
                    "scripts."
                )
        scripts.check([*self.source_scripts, *self.target_scripts])

    @property
    def errors(self) -> str:
        """The argument `errors` with which `lines.read_lines` must read texts.

        The filter of `drop_not_utf8` gets a pair after its lines are read. So
        with this rule, `read_lines` must not raise an error for bytes that are
        not UTF-8.
        """
        return "surrogateescape" if self.drop_not_utf8 else "strict"

    def clean(
        self,
        pairs: Iterable[sentence_pairs.SentencePair],
        report: cleaning_report.CleaningReport,
        tokenizers: Sequence[TextTokenizer] | None = None,
    ) -> Iterator[sentence_pairs.SentencePair]:
        """Changes each pair, and yields the pairs that no filter drops.

        Args:
            pairs: the pairs. They are read once, one by one. The report keeps
                a few of them, as examples.
            report: the report that this method fills while pairs are read.
            tokenizers: the tokenizers of sources and of targets. Only
                `drop_unknown_characters` needs them.

        Raises:
            ValueError: `tokenizers` is needed, but was not given. The error
                comes when the first pair is requested.
        """
        changes, takers = self._changes(), self._filters(tokenizers)
        for pair in pairs:
            report.num_read += 1
            for name, change in changes:
                changed = sentence_pairs.SentencePair(*map(change, pair))
                if changed != pair:
                    report.count(name, pair)
                    pair = changed
            for name, takes in takers:
                if takes(pair):
                    report.count(name, pair)
                    break
            else:
                report.num_kept += 1
                yield pair

    def _changes(self):
        """Returns the name and the function of each change that is on."""
        return [
            (f"{field}={value}", change)
            for field, value, change in _CHANGES
            if getattr(self, field) == value
        ]

    def _filters(self, tokenizers):
        """Returns the name and the function of each filter that is on."""
        if self.drop_unknown_characters and tokenizers is None:
            raise ValueError(
                "`drop_unknown_characters` needs vocabularies. Received: "
                "tokenizers=None. Give the tokenizers of sources and targets."
            )
        changing = {(field, value) for field, value, _ in _CHANGES}
        takers = []
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            is_on = value is not None and value is not False and value != []
            # A value in `_CHANGES` changes texts, so it makes no filter.
            if is_on and isinstance(value, str):
                is_on = (field.name, value) not in changing
            if field.name == "drop_unknown_characters":
                value = tokenizers
            if is_on:
                takers.append((field.name, _FILTERS[field.name](value)))
        return takers
