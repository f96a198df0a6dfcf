"""Short sentences about people, their professions and their feelings.

Examples: *I'm a student. / Is she tired? / No, my brothers are not singers.*
A French adjective shows gender and number. The English "I", "we" and "they" do
not show the gender. "You" shows no gender and no number. Here all pronouns
except "she" are masculine, and "you" is one person. So each source has only one
translation.
"""

import itertools
from collections.abc import Iterator

from keras_transformer.data import pairs
from keras_transformer.data.illustrated import (
    clauses,
    grammar,
    lexicon,
    sentences,
    set_phrases,
)

_FEELINGS = (
    *("tired", "sick", "young", "old", "lazy", "frightened", "shy", "brave"),
    *("angry", "lost", *sentences.FEELINGS),
)
# The first words of a statement, in English and French.
_YES, _NO, _HELLO = ("yes,", "oui,"), ("no,", "non,"), ("hello,", "bonjour,")


def patterns() -> list[sentences.Pattern]:
    """Returns the patterns of sentences about professions and feelings.

    Set phrases, such as "I am a student.", are left out. Otherwise a set phrase
    of the training set might also be drawn for the development or test set.
    """
    pronouns = list(grammar.PRONOUNS.values())
    people = []
    for noun in lexicon.PEOPLE.values():
        determiners = ("my",) if noun.owned else ("the", "this")
        for determiner, plural in itertools.product(determiners, (False, True)):
            people.append(grammar.noun_phrase(noun, determiner, plural=plural))
    kinds = (
        (0.021, pronouns, lexicon.PROFESSIONS),
        (0.05, people, lexicon.PROFESSIONS),
        (0.028, pronouns, _FEELINGS),
        (0.028, people, _FEELINGS),
    )
    return [
        sentences.Pattern(
            share,
            pairs.SentencePair,
            [
                pair
                for subject, name in itertools.product(subjects, names)
                for pair in _talk(subject, name)
                if pair not in set_phrases.PAIRS
            ],
        )
        for share, subjects, names in kinds
    ]


def _talk(subject: grammar.Phrase, name: str) -> Iterator[pairs.SentencePair]:
    """Yields all pairs about a subject and a profession or a feeling."""
    is_pronoun = subject.english in grammar.PRONOUNS
    is_feeling = name not in lexicon.PROFESSIONS
    yield clauses.question(subject, name)
    for short in (False, True):
        for opening in (sentences.NONE, _NO):
            yield clauses.state(
                subject, name, negative=True, short=short, opening=opening
            )
        # Without "not", `clauses.state` shortens the verb only after a pronoun.
        # So for "my sister" the pairs below would repeat the pairs of
        # `short=False`.
        if short and not is_pronoun:
            continue
        for opening in (sentences.NONE, _YES):
            yield clauses.state(subject, name, short=short, opening=opening)
        if subject.person == 1:
            yield clauses.state(subject, name, short=short, opening=_HELLO)
        if is_feeling and name not in sentences.ABSOLUTE:
            for degree in sentences.DEGREES[1:]:
                yield clauses.state(subject, name, degree, short=short)
