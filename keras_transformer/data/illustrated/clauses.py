"""From phrases to sentence pairs: verbs, negation, word order.

A pair is made of the words of both sides, unelided, and joined at its end.
"""

from keras_transformer.data import pairs
from keras_transformer.data.illustrated import grammar, lexicon

# In the order of `Verb.present`: je, tu, il, nous, ils.
_AVOIR = ("ai", "as", "a", "avons", "ont")
_ETRE = ("suis", "es", "est", "sommes", "sont")


def _form(forms: tuple[str, ...], subject: grammar.Phrase) -> str:
    if subject.plural:
        return forms[3 if subject.person == 1 else 4]
    return forms[subject.person - 1]


def _negated(verb: str, negative: bool) -> str:
    return f"ne {verb} pas" if negative else verb


def _be(subject: grammar.Phrase, past: bool = False) -> str:
    if past:
        return "were" if subject.plural else "was"
    return "are" if subject.plural else "is"


def _sentence(source: tuple[str, ...], target: tuple[str, ...]):
    """Joins both sides; a capital first, a full stop last."""
    texts = grammar.english(*source), grammar.french(*target)
    return pairs.SentencePair(*(t[0].upper() + t[1:] + "." for t in texts))


def _event(subject, verb, thing, past, negative):
    """The words of "subject verb thing", English and French."""
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
    """The dog doesn't cross the street. / The owl sleeps."""
    return _sentence(*_event(subject, verb, thing, past, negative))


def state(
    subject: grammar.Phrase,
    adjective: str,
    degree: tuple[str, str] = ("", ""),
    negative: bool = False,
) -> pairs.SentencePair:
    """The dog isn't old; `degree` is an (English, French) adverb."""
    verb = _be(subject) + ("n't" if negative else "")
    return _sentence(
        (subject.english, verb, degree[0], adjective),
        (
            subject.french,
            _negated(_form(_ETRE, subject), negative),
            degree[1],
            grammar.agree(adjective, subject.feminine, subject.plural),
        ),
    )


def there_is(
    noun: grammar.Phrase, place: grammar.Phrase, negative: bool = False
) -> pairs.SentencePair:
    """There is a dog in the barn; under negation pass "no" as determiner."""
    verb = _be(noun) + ("n't" if negative else "")
    verb_fr = "il ne y a pas" if negative else "il y a"
    return _sentence(
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
    """What was done or, if `negative`, not done, and why.

    Args:
        subject: who did it.
        verb: what was done.
        thing: to what.
        referent: `subject` or `thing`, whichever the pronoun stands for.
        adjective: the reason, behind "too" if `negative`.
        negative: whether it was not done.
        opening: an adverb of time in front, in English and French.
    """
    source, target = _event(subject, verb, thing, True, negative)
    pronoun = "elle" if referent.feminine else "il"
    was = "était"
    if referent.plural:
        pronoun, was = pronoun + "s", "étaient"
    return _sentence(
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
