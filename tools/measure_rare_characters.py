"""Measures how rare characters in a text change its translation.

    python -m tools.measure_rare_characters --model=runs/demo
    python -m tools.measure_rare_characters --model=runs/mine --source=test.en

Sentences of the built-in corpus's test set, or of --source, are translated four
times: unchanged, with an emoji as a word or at the end of the last word, with a
name in another script, and with an accent on one letter. The program prints
JSON, where `rest_stays` is the share of changed sentences whose translation
stays the same, with two exceptions. An emoji or a name may add one word to the
translation. An accent may change at most two adjacent words of the translation,
since one word may be translated by two. Characters that occur in no translation
of unchanged sentences are ignored.
"""

import dataclasses
import difflib
import json
import random
import unicodedata
from collections.abc import Sequence

import keras_transformer as kt
from keras_transformer import data
from keras_transformer.translation import results
from tools.model_flags import loading, settings
from trainers import program
from trainers.settings_flags import only, setting

_EMOJI = "🙂😀🎉🐶❤🚀👍😢🔥🌍"
_NAMES = (
    "Иван",
    "Юлия",
    "李明",
    "محمد",
    "Γιώργος",
    "민준",
    "さくら",
    "अर्जुन",
    "דוד",
)
_ACCENTED = "áàâãäåéèêëíìîïóòôõöúùûüñçšžőğýÿćňřţ"


@dataclasses.dataclass(frozen=True)
class Sample:
    """The flags: which sentences to change, and the seed of the changes."""

    source: list[str] = setting(
        "Source files or globs. Default: the built-in corpus's test set.", []
    )
    sentences: int = setting("How many sentences are used.", 200, least=1)
    seed: int = setting("Seed of the characters and positions.", 0)


@program.main(
    only(settings.ModelSettings, "model"), Sample, settings.BatchSettings
)
def main(models, sample, batches):
    if sample.source:
        sources = [
            line
            for file in data.files.expand(sample.source)
            for line in data.read_lines(file)
        ]
    else:
        sources = [pair.source for pair in data.illustrated_corpus().test]
    sources = [text for text in sources if not kt.text.is_blank(text)]
    if not sources:
        raise ValueError("--source has no text. Give files with sentences.")
    translator = loading.load(models, settings.SearchSettings())

    def translate(texts):
        answers = translator.hypotheses(texts, batches.batch_size)
        return [results.best_of(hypotheses).text for hypotheses in answers]

    report = measure(translate, sources[: sample.sentences], sample.seed)
    print(json.dumps(report, indent=2, ensure_ascii=False))


def measure(translate, sources: Sequence[str], seed: int = 0) -> dict:
    """Translates sentences with and without rare characters.

    Args:
        translate: function from texts to translations.
        sources: sentences, at least one.
        seed: the seed of the rare characters and of their positions.

    Returns:
        A dict. Its item `sentences` is the number of sentences. Its items
        `emoji`, `name` and `accent` are dicts, one for each kind of change:

        - `rest_stays`: the share of sentences whose translation stays the same,
          apart from the words that the change may add or replace. The docstring
          of this module says which words these are.
        - `changed`: the first five of all other sentences, or fewer. Each is a
          list of three texts: the changed sentence, the translation without the
          change, and the translation with the change.
    """
    generator = random.Random(seed)
    plain = translate(sources)
    # A translation of a changed sentence may contain copies of the rare
    # characters, or replacement characters for bytes that are not UTF-8. So the
    # comparison ignores each character that occurs in no translation of an
    # unchanged sentence. Spaces are never ignored.
    alphabet = {" ", *"".join(plain)}
    report = {"sentences": len(sources)}
    for name, (change, stays) in _CHANGES.items():
        texts = [change(source, generator) for source in sources]
        rows = list(zip(texts, plain, translate(texts), strict=True))
        changed = [
            (text, before, after)
            for text, before, after in rows
            if not stays(before, "".join(c for c in after if c in alphabet))
        ]
        report[name] = {
            "rest_stays": 1 - len(changed) / len(sources),
            "changed": [list(row) for row in changed[:5]],
        }
    return report


def insert_emoji(text: str, generator: random.Random) -> str:
    """Inserts an emoji as a word; one time in five, appends it to the text."""
    emoji = generator.choice(_EMOJI)
    if generator.random() < 0.2:
        return text + emoji
    return _insert(text, emoji, generator)


def insert_name(text: str, generator: random.Random) -> str:
    """Inserts a name in another script as a word."""
    return _insert(text, generator.choice(_NAMES), generator)


def add_accent(text: str, generator: random.Random) -> str:
    """Adds an accent to one letter, if there is a letter that can have one."""
    accented = {}
    for letter in _ACCENTED + _ACCENTED.upper():
        base = unicodedata.normalize("NFD", letter)[0]
        accented.setdefault(base, []).append(letter)
    positions = [i for i, letter in enumerate(text) if letter in accented]
    if not positions:
        return text
    position = generator.choice(positions)
    letter = generator.choice(accented[text[position]])
    return text[:position] + letter + text[position + 1 :]


def adds_at_most_one_word(plain: str, changed: str) -> bool:
    """Tells whether all words stay in their order, with at most one new word.

    >>> adds_at_most_one_word("un chat dort", "un chat Иван dort")
    True
    """
    runs = _runs(plain, changed)
    return not runs or (
        len(runs) == 1 and not runs[0][0] and len(runs[0][1]) <= 1
    )


def replaces_at_most_one_run(plain: str, changed: str) -> bool:
    """Tells whether two translations differ at most in one place.

    At this place, at most two adjacent words of `plain` are deleted, and at
    most two words of `changed` are inserted. All other words stay in their
    order.

    >>> replaces_at_most_one_run("près de la rue", "dans la rue")
    True
    """
    runs = _runs(plain, changed)
    return not runs or (
        len(runs) == 1 and all(len(words) <= 2 for words in runs[0])
    )


_CHANGES = {
    "emoji": (insert_emoji, adds_at_most_one_word),
    "name": (insert_name, adds_at_most_one_word),
    "accent": (add_accent, replaces_at_most_one_run),
}


def _insert(text, word, generator):
    words = text.split(" ")
    words.insert(generator.randint(0, len(words)), word)
    return " ".join(words)


def _runs(plain, changed):
    """Returns the groups of adjacent words that differ.

    Each group is a pair of lists: words of `plain`, and the words of `changed`
    in their place. One of the two lists may be empty.
    """
    words = plain.split(), changed.split()
    matcher = difflib.SequenceMatcher(None, *words, autojunk=False)
    return [
        (words[0][start:end], words[1][other_start:other_end])
        for tag, start, end, other_start, other_end in matcher.get_opcodes()
        if tag != "equal"
    ]


if __name__ == "__main__":
    main.run()
