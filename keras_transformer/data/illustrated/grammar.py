"""Makes English and French phrases, and joins the words of a sentence.

The French of a phrase has no elision ("le animal") and no contraction ("de le
pont"). The function `french` makes elisions and contractions when it joins the
words of a sentence. The function `english` turns "a" into "an".
"""

import itertools
from collections.abc import Iterator
from typing import NamedTuple

from keras_transformer.data.illustrated import lexicon

_AGREEING = {**lexicon.ADJECTIVES, **lexicon.PROFESSIONS}
_VOWELS = frozenset("aàâeéèêëiîïoôuùûœy")
_ELIDED = frozenset(("le", "la", "je", "ne", "que", "de", "jusque"))
_CONTRACTED = {
    ("de", "le"): "du",
    ("de", "les"): "des",
    ("à", "le"): "au",
    ("à", "les"): "aux",
}
_ASPIRATED = frozenset(
    form
    for noun in (*lexicon.AGENTS.values(), *lexicon.OBJECTS.values())
    if noun.aspirated
    for form in (noun.french, noun.french_plural)
) | {"haut", "haute"}


class Phrase(NamedTuple):
    """A subject, object or place in both languages, with its grammar.

    english, french: the words in each language.
    feminine: whether the phrase is feminine in French.
    plural: whether the phrase is plural.
    person: the grammatical person, 1, 2 or 3.
    pronoun: the English pronoun that refers to the phrase. It means nothing if
        `person` is 1 or 2.
    """

    english: str
    french: str
    feminine: bool = False
    plural: bool = False
    person: int = 3
    pronoun: str = "it"


class _Determiner(NamedTuple):
    """The English and French forms of a determiner.

    `english` and `english_plural` are the English forms. `masculine` and
    `feminine` are the French singular forms, and `plural` is the French plural.
    A form that the determiner does not have is empty. `vowels` are the
    masculine and feminine forms before a vowel or a silent h. If `vowels` has
    no forms, `masculine` and `feminine` are also used before a vowel or a
    silent h. The function `french` then elides "le", "la" and "de".
    """

    english: str
    masculine: str
    feminine: str
    vowels: tuple[str, ...] = ("", "")
    english_plural: str = ""
    plural: str = ""


PRONOUNS = {
    "I": Phrase("I", "je", person=1),
    "you": Phrase("you", "tu", person=2),
    "he": Phrase("he", "il", pronoun="he"),
    "she": Phrase("she", "elle", feminine=True, pronoun="she"),
    "we": Phrase("we", "nous", plural=True, person=1),
    "they": Phrase("they", "ils", plural=True, pronoun="they"),
}

# The key "no" stands for the article "a" in a negated sentence. There, French
# has "de" instead of "un": "pas de chien".
_DETERMINERS = {
    "the": _Determiner("the", "le", "la", (), "the", "les"),
    "this": _Determiner(
        "this", "ce", "cette", ("cet", "cette"), "these", "ces"
    ),
    "my": _Determiner("my", "mon", "ma", ("mon", "mon"), "my", "mes"),
    "a": _Determiner("a", "un", "une"),
    "no": _Determiner("a", "de", "de"),
    "two": _Determiner("", "", "", (), "two", "deux"),
    "three": _Determiner("", "", "", (), "three", "trois"),
}


def elides(word: str) -> bool:
    """Returns whether "le" or "ne" becomes "l'" or "n'" before `word`.

    Nothing is elided before an aspirated h. The function knows only the
    aspirated nouns of the corpus and the words "haut" and "haute".

    >>> elides("hôtel"), elides("haie"), elides("pont")
    (True, False, False)
    """
    return word[0] in _VOWELS or word[0] == "h" and word not in _ASPIRATED


def french(*phrases: str) -> str:
    """Joins words and phrases, with elision and contraction.

    >>> french("près de", "le pont"), french("à le âne"), french("que il")
    ('près du pont', "à l'âne", "qu'il")
    """
    words = " ".join(phrases).split()
    joined = words[-1]
    for word, following in zip(words[-2::-1], words[:0:-1], strict=True):
        # Words are joined from the right: "de le hôtel" becomes "de l'hôtel",
        # not "du hôtel".
        head, _, rest = joined.partition(" ")
        if word in _ELIDED and elides(following):
            joined = word[:-1] + "'" + joined
        elif (word, head) in _CONTRACTED:
            joined = _CONTRACTED[word, head] + " " + rest
        else:
            joined = word + " " + joined
    return joined


def english(*phrases: str) -> str:
    """Joins words and phrases; "a" becomes "an" before a vowel.

    >>> english("a", "old dog")
    'an old dog'
    """
    words = " ".join(phrases).split()
    for index, following in enumerate(words[1:]):
        if words[index] == "a" and following[0] in "aeiou":
            words[index] = "an"
    return " ".join(words)


def agree(name: str, feminine: bool, plural: bool) -> str:
    """Returns the French form of an adjective or a profession.

    Args:
        name: the English name of the adjective or profession.
        feminine: whether the form is feminine.
        plural: whether the form is plural.
    """
    adjective = _AGREEING[name]
    if feminine:
        return adjective.feminine + ("s" if plural else "")
    return adjective.plural if plural else adjective.french


def noun_phrase(
    noun: lexicon.Noun,
    determiner: str = "the",
    before: str = "",
    after: str = "",
    plural: bool = False,
) -> Phrase:
    """Makes a noun phrase with a determiner and adjectives.

    Args:
        noun: the noun.
        determiner: "the", "this", "my", "a", "no", "two" or "three".
        before: the English name of an adjective that precedes the noun in
            French; "" for none.
        after: the English name of a colour, which follows the noun in French;
            "" for none.
        plural: whether the phrase is plural. It must be True for "two" and
            "three", and False for "a" and "no".
    """
    forms = _DETERMINERS[determiner]
    words = [noun.french_plural if plural else noun.french]
    if before:
        form = agree(before, noun.feminine, plural)
        if not (noun.feminine or plural) and elides(words[0]):
            form = lexicon.ADJECTIVES[before].before_vowel or form
        words.insert(0, form)
    if plural:
        article = forms.plural
    elif any(forms.vowels) and elides(words[0]):
        article = forms.vowels[noun.feminine]
    else:
        article = forms.feminine if noun.feminine else forms.masculine
    if after:
        words.append(agree(after, noun.feminine, plural))
    article_en = forms.english_plural if plural else forms.english
    noun_en = noun.english_plural if plural else noun.english
    return Phrase(
        english(article_en, before, after, noun_en),
        " ".join([article, *words]),
        noun.feminine,
        plural,
        pronoun="they" if plural else "it",
    )


def definite_phrases(noun: lexicon.Noun, adjectives: bool) -> Iterator[Phrase]:
    """Yields the phrases of a noun with "the", "this" or "my".

    Args:
        noun: the noun. "my" is used only if `noun.owned` is True.
        adjectives: whether to yield also phrases with one adjective, such as
            "my old dog".
    """
    looks = _looks(noun) if adjectives else [("", "")]
    for look, plural in itertools.product(looks, _numbers(noun)):
        for determiner in ("the", "this", "my"):
            if noun.owned or determiner != "my":
                yield noun_phrase(noun, determiner, *look, plural=plural)


def indefinite_phrases(noun: lexicon.Noun) -> Iterator[tuple[Phrase, bool]]:
    """Yields phrases of a noun with "a", "no", "two" or "three".

    Each phrase is in a pair with a boolean, which tells whether the phrase is
    for a negated sentence.
    """
    for look in itertools.product(("", *noun.qualities), ("", *noun.colours)):
        yield noun_phrase(noun, "a", *look), False
    for look in _looks(noun):
        yield noun_phrase(noun, "no", *look), True
        for determiner in ("two", "three") if any(_numbers(noun)) else ():
            yield noun_phrase(noun, determiner, *look, plural=True), False


def _looks(noun: lexicon.Noun) -> list[tuple[str, str]]:
    """Returns pairs of the adjectives before and after the French noun.

    At least one adjective of each pair is "", which means no adjective.
    """
    before = [(quality, "") for quality in noun.qualities]
    return [("", ""), *before, *(("", colour) for colour in noun.colours)]


def _numbers(noun: lexicon.Noun) -> tuple[bool, ...]:
    """Returns `(False, True)` if the noun may be plural, else `(False,)`."""
    several = noun.english in (*lexicon.AGENTS, *lexicon.PLURAL_OBJECTS)
    return (False, True) if several else (False,)


def at(preposition: tuple[str, str], place: Phrase) -> Phrase:
    """Puts a preposition before a place.

    Args:
        preposition: the English and the French preposition.
        place: the place.
    """
    return place._replace(
        english=f"{preposition[0]} {place.english}",
        french=f"{preposition[1]} {place.french}",
    )
