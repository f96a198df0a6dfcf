"""Makes sentence pairs from phrases, with verbs, negation and word order.

Elision ("l'animal") and contraction ("du pont") are made when `sentence` joins
the words. Before that, the words are "le animal" and "de le pont".
"""

from keras_transformer.data import pairs
from keras_transformer.data.illustrated import grammar, lexicon

# The present of avoir and être. The forms have the order of `Verb.present`:
# those of je, tu, il, nous and ils.
_AVOIR = ("ai", "as", "a", "avons", "ont")
_ETRE = ("suis", "es", "est", "sommes", "sont")


def _form(forms: tuple[str, ...], subject: grammar.Phrase) -> str:
    if subject.plural:
        return forms[3 if subject.person == 1 else 4]
    return forms[subject.person - 1]


def _negated(verb: str, negative: bool) -> str:
    return f"ne {verb} pas" if negative else verb


def _be(subject: grammar.Phrase, past: bool = False) -> str:
    if subject.plural or subject.person == 2:
        return "were" if past else "are"
    if past:
        return "was"
    return "am" if subject.person == 1 else "is"


def _is_pronoun(subject: grammar.Phrase) -> bool:
    return subject.english in grammar.PRONOUNS


def sentence(
    source: tuple[str, ...], target: tuple[str, ...], mark: str = "."
) -> pairs.SentencePair:
    """Joins English words and French words into a pair of sentences.

    The first letter of each sentence becomes a capital. In French, a space is
    put before "!" and "?".

    Args:
        source: English words or phrases.
        target: French words or phrases.
        mark: the punctuation at the end of both sentences; "" for none.

    >>> sentence(("thanks",), ("merci",), "!")
    SentencePair(source='Thanks!', target='Merci !')
    """
    space = " " if mark in ("!", "?") else ""
    texts = grammar.english(*source), grammar.french(*target)
    first, second = (text[0].upper() + text[1:] for text in texts)
    return pairs.SentencePair(first + mark, second + space + mark)


def _event(subject, verb, thing, past, negative):
    """Returns the words of subject, verb and object in English and French.

    The arguments are those of `event`.
    """
    singular = subject.person == 3 and not subject.plural
    if negative:
        auxiliary = "didn't" if past else "doesn't" if singular else "don't"
        source = f"{auxiliary} {verb.english}"
    elif past:
        source = verb.past
    else:
        source = verb.third_person if singular else verb.english
    if past:
        participle = verb.participle
        if verb.with_etre:
            participle += "e" if subject.feminine else ""
            participle += "s" if subject.plural else ""
        auxiliary = _form(_ETRE if verb.with_etre else _AVOIR, subject)
        target = f"{_negated(auxiliary, negative)} {participle}"
    else:
        target = _negated(_form(verb.present, subject), negative)
    if thing:
        source += f" {verb.particle[0]} {thing.english}"
        target += f" {verb.particle[1]} {thing.french}"
    return (subject.english, source), (subject.french, target)


def event(
    subject: grammar.Phrase,
    verb: lexicon.Verb,
    thing: grammar.Phrase | None = None,
    past: bool = False,
    negative: bool = False,
) -> pairs.SentencePair:
    """Makes a pair of sentences like "The dog doesn't cross the street".

    Args:
        subject: the subject.
        verb: the verb.
        thing: the object, or a place with a preposition, such as "in the barn";
            `None` for neither.
        past: True for a verb in the past, False for a verb in the present.
            `past` must be False if `verb.past` is empty.
        negative: whether the sentence is negated.
    """
    return sentence(*_event(subject, verb, thing, past, negative))


def state(
    subject: grammar.Phrase,
    name: str,
    degree: tuple[str, str] = ("", ""),
    negative: bool = False,
    short: bool = True,
    opening: tuple[str, str] = ("", ""),
) -> pairs.SentencePair:
    """Makes a pair of sentences like "The dog isn't very old".

    Args:
        subject: the subject.
        name: the English name of an adjective or a profession.
        degree: an adverb before an adjective, in English and French; two empty
            strings for none. A profession must have none.
        negative: whether the sentence is negated.
        short: whether the English verb is contracted where possible: "isn't",
            and "I'm" if the subject is a pronoun.
        opening: the first words of the sentence, in English and French; two
            empty strings for none.
    """
    verb = _form(_ETRE, subject)
    source, target = _complement(subject, name, degree)
    return sentence(
        (opening[0], _subject_and_be(subject, negative, short), source),
        (opening[1], subject.french, _negated(verb, negative), target),
    )


def question(subject: grammar.Phrase, name: str) -> pairs.SentencePair:
    """Makes a pair of questions like "Is my sister a student?".

    In French, the pronoun follows the verb: "es-tu". If the subject is a noun,
    French adds a pronoun: "ma sœur est-elle".

    Args:
        subject: the subject.
        name: the English name of an adjective or a profession.
    """
    verb, noun, pronoun = _form(_ETRE, subject), "", subject.french
    if not _is_pronoun(subject):
        noun, pronoun = pronoun, "elle" if subject.feminine else "il"
        pronoun += "s" if subject.plural else ""
    source, target = _complement(subject, name)
    return sentence(
        (_be(subject), subject.english, source),
        (noun, f"{verb}-{pronoun}", target),
        "?",
    )


def _subject_and_be(subject, negative, short):
    """Returns the English subject and verb: "she is not", "she's", ..."""
    verb = _be(subject)
    if short and negative and verb != "am":
        return f"{subject.english} {verb}n't"
    if short and _is_pronoun(subject):
        joined = f"{subject.english}'{verb[1:]}"
    else:
        joined = f"{subject.english} {verb}"
    return joined + " not" if negative else joined


def _complement(subject, name, degree=("", "")):
    """Returns "very tired", "a student" or "students" in both languages."""
    source = f"{degree[0]} {name}"
    if name in lexicon.PROFESSIONS:
        source = f"{name}s" if subject.plural else f"a {name}"
    form = grammar.agree(name, subject.feminine, subject.plural)
    return source, f"{degree[1]} {form}"


def there_is(
    noun: grammar.Phrase, place: grammar.Phrase, negative: bool = False
) -> pairs.SentencePair:
    """Makes a pair of sentences like "There is a dog in the barn".

    Args:
        noun: what is there. If `negative` is true, make this phrase with
            `grammar.noun_phrase(..., determiner="no")`, which gives "a dog" in
            English and "de chien" in French.
        place: the place with a preposition, such as "in the barn".
        negative: whether the sentence is negated.
    """
    verb = _be(noun) + ("n't" if negative else "")
    verb_fr = "il ne y a pas" if negative else "il y a"
    return sentence(
        ("there", verb, noun.english, place.english),
        (verb_fr, noun.french, place.french),
    )


def because(
    subject: grammar.Phrase,
    verb: lexicon.Verb,
    thing: grammar.Phrase,
    referent: grammar.Phrase,
    adjective: str,
    negative: bool,
    opening: tuple[str, str] = ("", ""),
) -> pairs.SentencePair:
    """Makes a pair of sentences that say why something was or was not done.

    Args:
        subject: the subject.
        verb: the verb. `verb.past` must not be empty.
        thing: the object.
        referent: `subject` or `thing`: the phrase that the pronoun after
            "because" refers to. This phrase must be in the third person.
        adjective: the English name of the adjective that gives the reason. If
            `negative`, "too" is put before the adjective.
        negative: whether the action was not done.
        opening: an adverb of time at the start, in English and French; two
            empty strings for none.
    """
    source, target = _event(subject, verb, thing, True, negative)
    pronoun = "elle" if referent.feminine else "il"
    was = "était"
    if referent.plural:
        pronoun, was = pronoun + "s", "étaient"
    return sentence(
        (
            *(opening[0], *source, "because"),
            *(referent.pronoun, _be(referent, past=True)),
            *("too" if negative else "", adjective),
        ),
        (
            *(opening[1], *target, "parce que", pronoun, was),
            "trop" if negative else "",
            grammar.agree(adjective, referent.feminine, referent.plural),
        ),
    )
