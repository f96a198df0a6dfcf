"""Defines the sentence patterns of the built-in corpus, and their shares.

About half of the sentences say why something was done or not done. In most of
these sentences, the pronoun *it* refers to the agent or to the object of the
action. Only the adjective tells which of the two is meant, and French must
choose *il* or *elle*. The module `people` has the sentences about the
professions and feelings of people.
"""

import collections
import functools
import itertools
from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple, TypeAlias

from keras_transformer.data import pairs
from keras_transformer.data.illustrated import (
    clauses,
    deeds,
    grammar,
    lexicon,
)

_AGENTS = lexicon.AGENTS
_OBJECTS = lexicon.OBJECTS
_NOUNS = (*_AGENTS.values(), *_OBJECTS.values())
the = functools.partial(grammar.noun_phrase, determiner="the")

# Adverbs and prepositions in English and French.
_IN, _NEAR, _TO = ("in", "dans"), ("near", "près de"), ("to", "jusque à")
NONE = ("", "")
OPENINGS = (("yesterday,", "hier,"), ("this morning,", "ce matin,"))
DEGREES = (NONE, ("very", "très"), ("too", "trop"))
# Adjectives that are not put after "very" or "too", because the phrase would be
# wrong in English or in French.
ABSOLUTE = frozenset(
    ("hungry", "thirsty", "angry", "lost", "empty", "open", "frozen")
)
FEELINGS = ("happy", "sad")


# Each element is a pair: the English names of an agent and of an object.
Combinations: TypeAlias = Collection[tuple[str, str]]
# Two lists of arguments for `Pattern`, for example one list for singular
# sentences and one list for plural sentences.
_Sides: TypeAlias = tuple[list[tuple], list[tuple]]


class Pattern(NamedTuple):
    """A kind of sentence.

    share: the share of this pattern among the sentences that are not set
        phrases. The real share is smaller if the pattern has too few sentences.
    derive: a function that makes a pair of sentences.
    arguments: for each sentence of this kind, a tuple of the arguments of
        `derive`.
    """

    share: float
    derive: Callable[..., pairs.SentencePair]
    arguments: list[tuple]


def because_patterns(held_out: Combinations) -> list[Pattern]:
    """Returns the patterns of sentences with reasons.

    Args:
        held_out: pairs of agent and object that no sentence combines.
    """
    plain: _Sides = ([], [])
    varied: _Sides = ([], [])
    personal: _Sides = ([], [])
    for deed, agent, thing in meetings(held_out):
        noun, place = _AGENTS[agent], _OBJECTS[thing]
        who, several, what = the(noun), the(noun, plural=True), the(place)
        settings: list[tuple] = [(several, what)]
        settings += itertools.product((who, several), (what,), OPENINGS)
        coloured = [the(noun, after=colour) for colour in noun.colours]
        settings += [(subject, what) for subject in coloured]
        # "small" and "big" are left out: they might contradict the reason.
        described = [
            the(place, before=name)
            for name in ("beautiful", "old", "new")
            if name in place.qualities
        ]
        settings += itertools.product((who, coloured[0]), described)
        _explain(deed, agent, thing, [(who, what)], plain)
        _explain(deed, agent, thing, settings, varied)
    for deed in deeds.DEEDS:
        for thing in deed.objects:
            what = the(_OBJECTS[thing])
            settings = [(grammar.PRONOUNS[who], what) for who in ("he", "she")]
            _explain(deed, "", thing, settings, personal)
    # There are more sentences whose reason is about the agent than about the
    # object. Still, the shares for the agent add up to 0.24, and the shares for
    # the object too. So the pronoun refers to agent and object equally often.
    shares = (0.134, 0.092, 0.092, 0.134, 0.014, 0.014)
    kinds = zip(shares, (*plain, *varied, *personal), strict=True)
    return [Pattern(share, clauses.because, acts) for share, acts in kinds]


def everyday_patterns(held_out: Combinations) -> list[Pattern]:
    """Returns the patterns of sentences about animals and objects.

    These sentences give no reason.

    Args:
        held_out: pairs of agent and object that no sentence combines.
    """
    events: dict[str | lexicon.Verb, list[tuple]]
    events = collections.defaultdict(list)
    presences: _Sides = ([], [])
    both, (singular, plural) = (False, True), _states()
    see, like, watch = lexicon.SEE, lexicon.LIKE, lexicon.WATCH
    for noun, who in itertools.product(_NOUNS, grammar.PRONOUNS.values()):
        for phrase in grammar.definite_phrases(noun, adjectives=True):
            for verb, negative in itertools.product((see, like), both):
                events["sight"].append((who, verb, phrase, False, negative))
        for phrase, negative in grammar.indefinite_phrases(noun):
            kind = "miss" if negative else "find"
            events[kind].append((who, see, phrase, False, negative))
    animals = [(n, the(n, plural=p)) for n in _AGENTS.values() for p in both]
    for (noun, who), negative in itertools.product(animals, both):
        events["nap"].append((who, lexicon.SLEEP, None, False, negative))
        others = [phrase for other, phrase in animals if other != noun]
        for other, verb in itertools.product(others, (see, like, watch)):
            events["meet"].append((who, verb, other, False, negative))
    for deed, agent, thing in meetings(held_out):
        for n, past, negative in itertools.product(both, repeat=3):
            who, what = the(_AGENTS[agent], plural=n), _OBJECTS[thing]
            act = (who, deed.verb, the(what), past, negative)
            events[deed.verb].append(act)
    for name, noun in _AGENTS.items():
        indefinite = list(grammar.indefinite_phrases(noun))
        apart = {thing for agent, thing in held_out if agent == name}
        for thing in sorted(_OBJECTS.keys() - apart - lexicon.NOT_LANDMARKS):
            place = _OBJECTS[thing]
            spots = [grammar.at(_NEAR, the(place))]
            spots += [grammar.at(_IN, the(place))] if place.inside else []
            goals = [(lexicon.SLEEP, spot) for spot in spots]
            goals.append((lexicon.WALK, grammar.at(_TO, the(place))))
            for goal, n, negative in itertools.product(goals, both, both):
                who = the(noun, plural=n)
                events["stay"].append((who, *goal, False, negative))
            for spot, (guest, negative) in itertools.product(spots, indefinite):
                presences[negative].append((guest, spot, negative))
    shares: dict[str | lexicon.Verb, float]
    shares = {"sight": 0.056, "find": 0.028, "miss": 0.021}
    shares |= {"meet": 0.035, "stay": 0.042, "nap": 0.007}
    # Each verb of `DEEDS` has its own pattern. In one common pattern, the verbs
    # with few nouns would be rare.
    return [
        *(
            Pattern(shares.get(kind, 0.014), clauses.event, acts)
            for kind, acts in events.items()
        ),
        Pattern(0.042, clauses.state, singular),
        Pattern(0.05, clauses.state, plural),
        *(Pattern(0.021, clauses.there_is, acts) for acts in presences),
    ]


def meetings(
    held_out: Combinations, wanted: bool = False
) -> Iterator[tuple[deeds.Deed, str, str]]:
    """Yields triples of a deed, one of its agents and one of its objects.

    Args:
        held_out: pairs of agent and object.
        wanted: True to yield only triples with a pair in `held_out`, False to
            yield all other triples.
    """
    for deed in deeds.DEEDS:
        for names in itertools.product(deed.agents, deed.objects):
            if (names in held_out) == wanted:
                yield deed, *names


def reasons(
    deed: deeds.Deed, agent: str, thing: str, negative: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Returns the adjectives that give reasons for or against an action.

    Args:
        deed: the action.
        agent: the English name of the agent; "" for a person.
        thing: the English name of the object.
        negative: True for reasons against the action, False for reasons for it.

    Returns:
        Two tuples: adjectives that describe the agent, and adjectives that
        describe the object. If `negative`, the adjectives that
        `deeds.UNHINDERED` has for the agent are left out.
    """
    if not negative:
        return deed.reasons.plain, deed.objects[thing].plain
    harmless = deeds.UNHINDERED.get(agent, ())
    hindrances = (n for n in deed.objects[thing].too if n not in harmless)
    return deed.reasons.too, tuple(hindrances)


def _explain(deed, agent, thing, settings, sides):
    """Adds arguments of `clauses.because` to the two lists of `sides`.

    In the first list, each reason is about the agent. In the second list, each
    reason is about the object. Each element of `settings` is a tuple of the
    subject, the object and, perhaps, an opening.
    """
    for negative, side in itertools.product((True, False), (0, 1)):
        for reason in reasons(deed, agent, thing, negative)[side]:
            for who, what, *opening in settings:
                it = (who, what)[side]
                act = (who, deed.verb, what, it, reason, negative, *opening)
                sides[side].append(act)


def _states():
    """Returns arguments of `clauses.state`, singular and plural separately."""
    traits: dict[str, set[str]]
    traits = {name: set(FEELINGS) for name in _AGENTS}
    traits |= {name: set() for name in _OBJECTS}
    for deed in deeds.DEEDS:
        for agent, thing in itertools.product(deed.agents, deed.objects):
            traits[agent].update(*deed.reasons)
            traits[thing].update(*deed.objects[thing])
    states: _Sides = ([], [])
    for noun in _NOUNS:
        for subject in grammar.definite_phrases(noun, adjectives=False):
            names = {*noun.qualities, *noun.colours} - {"new"}
            # Plural objects get no adjectives of deeds, such as "wide". So the
            # corpus has fewer forms of words, and its vocabulary stays small.
            if noun.english in _AGENTS or not subject.plural:
                names |= traits[noun.english]
            for name in sorted(names):
                absolute = name in ABSOLUTE or name in noun.colours
                degrees = DEGREES[: 1 if absolute else 3]
                same = states[subject.plural]
                same.append((subject, name, NONE, True))
                same.extend((subject, name, degree) for degree in degrees)
    return states
