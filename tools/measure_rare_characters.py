"""Prints what rare characters in a text change of its translation, as JSON.

    python -m tools.measure_rare_characters --model=runs/demo
    python -m tools.measure_rare_characters --model=runs/mine --source=test.en

Sentences of the built-in corpus's test set, or of --source, are translated as
they are, with an emoji between or behind their words, with a name in another
script, and with an accent on one letter. `rest_stays` is the share of sentences
whose translation stays but for the place of what was put in: of an emoji or a
name the same words with one put in at most, of an accent the same words but for
one run of two at most, since one word may be translated by two. Characters that
no plain translation has do not count.
"""

import dataclasses
import difflib
import json
import random
import unicodedata
from collections.abc import Sequence

import keras_transformer as kt
from keras_transformer import data
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
    """The sentences, and what is put into them."""

    source: list[str] = setting(
        "Source files or globs. Default: the built-in corpus's test set.", []
    )
    sentences: int = setting("How many of them are read.", 200, least=1)
    seed: int = setting("Of what is put in, and where.", 0)


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
        return [hypotheses[0].text for hypotheses in answers]

    found = measure(translate, sources[: sample.sentences], sample.seed)
    print(json.dumps(found, indent=2, ensure_ascii=False))


def measure(translate, sources: Sequence[str], seed: int = 0) -> dict:
    """Translates sentences with and without rare characters.

    Args:
        translate: function from texts to translations.
        sources: sentences.
        seed: of what is put in.

    Returns:
        Dict of `sentences`, their number, and for each kind of change a dict
        of `rest_stays`, a share of them, and `changed`, up to five of the
        others as lists of text, translation without and with the change.
    """
    generator = random.Random(seed)
    plain = translate(sources)
    # What was put in may be copied, or be there as bytes that are no text.
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


def put_in_emoji(text: str, generator: random.Random) -> str:
    """An emoji as a word, or behind the last one."""
    emoji = generator.choice(_EMOJI)
    if generator.random() < 0.2:
        return text + emoji
    return _put_in(text, emoji, generator)


def put_in_name(text: str, generator: random.Random) -> str:
    """A name in another script as a word."""
    return _put_in(text, generator.choice(_NAMES), generator)


def put_accent(text: str, generator: random.Random) -> str:
    """An accent on one letter, if there is a letter that can have one."""
    forms = {}
    for letter in _ACCENTED + _ACCENTED.upper():
        base = unicodedata.normalize("NFD", letter)[0]
        forms.setdefault(base, []).append(letter)
    places = [i for i, letter in enumerate(text) if letter in forms]
    if not places:
        return text
    place = generator.choice(places)
    letter = generator.choice(forms[text[place]])
    return text[:place] + letter + text[place + 1 :]


def has_only_more(plain: str, changed: str) -> bool:
    """Whether all words stay in their order, with one put in at most.

    >>> has_only_more("un chat dort", "un chat Иван dort")
    True
    """
    runs = _runs(plain, changed)
    return not runs or (
        len(runs) == 1 and not runs[0][0] and len(runs[0][1]) <= 1
    )


def has_one_other_place(plain: str, changed: str) -> bool:
    """Whether all words stay but for one run of two at most.

    >>> has_one_other_place("près de la rue", "dans la rue")
    True
    """
    runs = _runs(plain, changed)
    return not runs or (
        len(runs) == 1 and all(len(words) <= 2 for words in runs[0])
    )


_CHANGES = {
    "emoji": (put_in_emoji, has_only_more),
    "name": (put_in_name, has_only_more),
    "accent": (put_accent, has_one_other_place),
}


def _put_in(text, word, generator):
    words = text.split(" ")
    words.insert(generator.randint(0, len(words)), word)
    return " ".join(words)


def _runs(plain, changed):
    """The runs of words that differ, each the pair of both sides' words."""
    words = plain.split(), changed.split()
    matcher = difflib.SequenceMatcher(None, *words, autojunk=False)
    return [
        (words[0][start:end], words[1][other_start:other_end])
        for tag, start, end, other_start, other_end in matcher.get_opcodes()
        if tag != "equal"
    ]


if __name__ == "__main__":
    main.run()
