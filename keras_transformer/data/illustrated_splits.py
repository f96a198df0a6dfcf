"""The built-in corpus: which sentences the grammar is asked for, and splits.

About half of them say why something was (not) done. Their *it* is the agent or
the object, only the adjective tells which, and French must choose *il* or
*elle*. The contrast set asks this for pairs of nouns that never meet elsewhere.
"""

import collections
import functools
import itertools
import random
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from keras_transformer.data import illustrated_grammar as grammar
from keras_transformer.data import illustrated_lexicon as lexicon
from keras_transformer.data import pairs

_ILLUSTRATED = ("animal", "street")
_HELD_OUT_SHARE = 0.13
_NUM_MINIMAL_PAIRS = 250

_AGENTS = lexicon.AGENTS
_OBJECTS = lexicon.OBJECTS
_NOUNS = (*_AGENTS.values(), *_OBJECTS.values())
_the = functools.partial(grammar.noun_phrase, determiner="the")

# Adverbs and prepositions, English and French.
_IN, _NEAR, _TO = ("in", "dans"), ("near", "près de"), ("to", "jusque à")
_NONE = ("", "")
_OPENINGS = (("yesterday,", "hier,"), ("this morning,", "ce matin,"))
_DEGREES = (_NONE, ("very", "très"), ("too", "trop"))
# Adjectives that "very" and "too" do not suit, in one language or the other.
_ABSOLUTE = frozenset(
    ("hungry", "thirsty", "angry", "lost", "empty", "open", "frozen")
)

_CAUSAL_PRONOUN = re.compile(r"(?i)\bparce\s+qu\s*['’]\s*(ils?|elles?)\b")


class ContrastExample(NamedTuple):
    """One sentence of a minimal pair; `pronoun` is the right one.

    The other sentence with the same `pair_index` differs in the adjective, and
    therefore in the pronoun: "il" or "elle".
    """

    source: str
    target: str
    pronoun: str
    pair_index: int


class IllustratedCorpus(NamedTuple):
    """Splits without a common source; `contrast` has new noun combinations."""

    train: list[pairs.SentencePair]
    dev: list[pairs.SentencePair]
    test: list[pairs.SentencePair]
    contrast: list[ContrastExample]


class _Pattern(NamedTuple):
    """A kind of sentence: its share of the corpus and every instance."""

    share: float
    derive: Callable[..., pairs.SentencePair]
    arguments: list[tuple]


def illustrated_corpus(
    seed: int = 0,
    train_size: int = 24000,
    dev_size: int = 500,
    test_size: int = 500,
) -> IllustratedCorpus:
    """Writes the English-French corpus, the same for the same arguments.

    Every source has exactly one translation, and the splits are disjoint.

    Args:
        seed: which sentences are drawn, and which nouns meet in `contrast`
            alone; `contrast` does not depend on the sizes.
        train_size: number of pairs, as are `dev_size` and `test_size`.

    Example:

    >>> corpus = illustrated_corpus(train_size=1000)
    >>> len(corpus.train), len(corpus.dev), len(corpus.test)
    (1000, 500, 500)
    >>> for example in corpus.contrast[:2]:
    ...     print(example.source)
    ...     print(example.target)
    The animal didn't cross the street because it was too tired.
    L'animal n'a pas traversé la rue parce qu'il était trop fatigué.
    The animal didn't cross the street because it was too wide.
    L'animal n'a pas traversé la rue parce qu'elle était trop large.
    """
    rng = random.Random(seed)
    held_out = _held_out_combinations(rng)
    contrast = _contrast_set(rng, held_out)
    patterns = _because_patterns(held_out) + _everyday_patterns(held_out)
    sizes = (dev_size, test_size, train_size)
    capacity = sum(len(pattern.arguments) for pattern in patterns)
    if min(sizes) < 0 or sum(sizes) > capacity:
        raise ValueError(
            f"Received: train_size={train_size}, dev_size={dev_size}, "
            f"test_size={test_size}. Expected: no size below 0 and at most "
            f"{capacity} in all, which is what the grammar yields. Ask for "
            "fewer sentences."
        )
    drawn = iter(_draw(rng, patterns, sum(sizes)))
    dev, test, train = (list(itertools.islice(drawn, n)) for n in sizes)
    return IllustratedCorpus(train, dev, test, contrast)


def referent_accuracy(
    examples: Sequence[ContrastExample], translations: Sequence[str]
) -> float:
    """The share of translations whose "parce qu'il/elle" is the right one.

    A translation without such a clause, or with both pronouns in such clauses,
    counts as wrong, and so does a plural pronoun.

    Args:
        examples: sentences of the contrast set.
        translations: what a system made of their sources, in the same order.

    Example:

    >>> examples = illustrated_corpus(train_size=0).contrast[:2]
    >>> referent_accuracy(examples, [example.target for example in examples])
    1.0
    >>> referent_accuracy(examples, [examples[0].target] * 2)
    0.5
    """
    if len(examples) != len(translations) or not examples:
        raise ValueError(
            "`referent_accuracy` compares one translation with each example. "
            f"Received: {len(examples)} examples, {len(translations)} "
            "translations. Expected: as many of one as of the other, at least "
            "one. Translate exactly the sources of `examples`."
        )
    found = [
        {pronoun.lower() for pronoun in _CAUSAL_PRONOUN.findall(translation)}
        for translation in translations
    ]
    judged = zip(examples, found, strict=True)
    return sum({e.pronoun} == each for e, each in judged) / len(examples)


def _draw(rng, patterns, count):
    """`count` sentences, mixed by the patterns' shares while they last."""
    queue = []
    for pattern in patterns:
        shuffled = rng.sample(pattern.arguments, len(pattern.arguments))
        queue.extend(
            ((rank + rng.random()) / pattern.share, pattern.derive, arguments)
            for rank, arguments in enumerate(shuffled)
        )
    queue.sort(key=lambda entry: entry[0])
    return [derive(*arguments) for _, derive, arguments in queue[:count]]


def _held_out_combinations(rng) -> frozenset[tuple[str, str]]:
    """(agent, object) names that only the contrast set brings together.

    No noun loses more than a quarter of its partners, so that each is still
    seen with partners of both genders.
    """
    combinations = sorted({(one, two) for _, one, two in _meetings(())})
    partners = collections.Counter(
        name for combination in combinations for name in combination
    )
    rng.shuffle(combinations)
    held_out, lost = [], collections.Counter()
    for combination in [_ILLUSTRATED, *combinations]:
        if len(held_out) >= _HELD_OUT_SHARE * len(combinations):
            break
        if combination not in held_out and all(
            4 * (lost[name] + 1) <= partners[name] for name in combination
        ):
            held_out.append(combination)
            lost.update(combination)
    return frozenset(held_out)


def _meetings(held_out, wanted=False):
    """Every deed, agent and object that are, or are not, held out."""
    for deed in lexicon.DEEDS:
        for names in itertools.product(deed.agents, deed.objects):
            if (names in held_out) == wanted:
                yield deed, *names


def _reasons(deed, agent, thing, negative):
    """Names of the adjectives that point at the agent, and at the object."""
    if not negative:
        return deed.reasons.plain, deed.objects[thing].plain
    harmless = lexicon.UNHINDERED.get(agent, ())
    hindrances = (n for n in deed.objects[thing].too if n not in harmless)
    return deed.reasons.too, tuple(hindrances)


def _contrast_set(rng, held_out):
    candidates = [
        (agent, thing, deed.verb, negative, opening, *reasons)
        for deed, agent, thing in _meetings(held_out, wanted=True)
        if _AGENTS[agent].feminine != _OBJECTS[thing].feminine
        for negative in (True, False)
        for opening in (_NONE, *_OPENINGS)
        for reasons in itertools.product(
            *_reasons(deed, agent, thing, negative)
        )
    ]
    rng.shuffle(candidates)
    # A stable sort: the illustrated pair, then those without an opening.
    first = (*_ILLUSTRATED, lexicon.CROSS, True, _NONE, "tired", "wide")
    candidates.sort(key=lambda act: (act != first, act[4] != _NONE))
    examples, used = [], set()
    for agent, thing, verb, negative, opening, *reasons in candidates:
        nouns = _the(_AGENTS[agent]), _the(_OBJECTS[thing])
        acts = [
            (nouns[0], verb, nouns[1], nouns[side], reason, negative, opening)
            for side, reason in enumerate(reasons)
        ]
        # No sentence in two pairs, that all may count the same.
        if used.isdisjoint(acts) and len(examples) < 2 * _NUM_MINIMAL_PAIRS:
            used.update(acts)
            for it, act in zip(nouns, acts, strict=True):
                pronoun = "elle" if it.feminine else "il"
                identity = pronoun, len(examples) // 2
                examples.append((*grammar.because(*act), *identity))
    return [ContrastExample(*example) for example in examples]


def _because_patterns(held_out):
    plain, varied, personal = ([], []), ([], []), ([], [])
    for deed, agent, thing in _meetings(held_out):
        noun, place = _AGENTS[agent], _OBJECTS[thing]
        who, several, what = _the(noun), _the(noun, plural=True), _the(place)
        settings = [(several, what)]
        settings += itertools.product((who, several), (what,), _OPENINGS)
        coloured = [_the(noun, after=colour) for colour in noun.colours]
        settings += [(subject, what) for subject in coloured]
        # Not "small" and "big", which might contradict the reason.
        described = [
            _the(place, before=name)
            for name in ("beautiful", "old", "new")
            if name in place.qualities
        ]
        settings += itertools.product((who, coloured[0]), described)
        _explain(deed, agent, thing, [(who, what)], plain)
        _explain(deed, agent, thing, settings, varied)
    for deed in lexicon.DEEDS:
        for thing in deed.objects:
            what = _the(_OBJECTS[thing])
            settings = [(grammar.PRONOUNS[who], what) for who in ("he", "she")]
            _explain(deed, "", thing, settings, personal)
    # Equal shares of both referents, though agents have more reasons.
    shares = (0.14, 0.10, 0.10, 0.14, 0.02, 0.02)
    kinds = zip(shares, (*plain, *varied, *personal), strict=True)
    return [_Pattern(share, grammar.because, acts) for share, acts in kinds]


def _explain(deed, agent, thing, settings, sides):
    """Adds to `sides` why the agent, and why the object was the reason."""
    for negative, side in itertools.product((True, False), (0, 1)):
        for reason in _reasons(deed, agent, thing, negative)[side]:
            for who, what, *opening in settings:
                it = (who, what)[side]
                act = (who, deed.verb, what, it, reason, negative, *opening)
                sides[side].append(act)


def _everyday_patterns(held_out):
    """The other half, with pronouns, numbers, places and the present."""
    events = collections.defaultdict(list)
    both, presences, (singular, plural) = (False, True), ([], []), _states()
    see, like, watch = lexicon.SEE, lexicon.LIKE, lexicon.WATCH
    for noun, who in itertools.product(_NOUNS, grammar.PRONOUNS.values()):
        for thing in grammar.definite_phrases(noun, adjectives=True):
            for verb, negative in itertools.product((see, like), both):
                events["sight"].append((who, verb, thing, False, negative))
        for thing, negative in grammar.indefinite_phrases(noun):
            kind = "miss" if negative else "find"
            events[kind].append((who, see, thing, False, negative))
    animals = [(n, _the(n, plural=p)) for n in _AGENTS.values() for p in both]
    for (noun, who), negative in itertools.product(animals, both):
        events["nap"].append((who, lexicon.SLEEP, None, False, negative))
        others = [phrase for other, phrase in animals if other != noun]
        for other, verb in itertools.product(others, (see, like, watch)):
            events["meet"].append((who, verb, other, False, negative))
    for deed, agent, thing in _meetings(held_out):
        for n, past, negative in itertools.product(both, repeat=3):
            who, what = _the(_AGENTS[agent], plural=n), _OBJECTS[thing]
            act = (who, deed.verb, _the(what), past, negative)
            events[deed.verb].append(act)
    for name, noun in _AGENTS.items():
        some = list(grammar.indefinite_phrases(noun))
        apart = {thing for agent, thing in held_out if agent == name}
        for thing in sorted(_OBJECTS.keys() - apart - lexicon.NOT_LANDMARKS):
            place = _OBJECTS[thing]
            spots = [grammar.at(_NEAR, _the(place))]
            spots += [grammar.at(_IN, _the(place))] if place.inside else []
            goals = [(lexicon.SLEEP, spot) for spot in spots]
            goals.append((lexicon.WALK, grammar.at(_TO, _the(place))))
            for goal, n, negative in itertools.product(goals, both, both):
                who = _the(noun, plural=n)
                events["stay"].append((who, *goal, False, negative))
            for spot, (guest, negative) in itertools.product(spots, some):
                presences[negative].append((guest, spot, negative))
    shares = {"sight": 0.08, "find": 0.04, "miss": 0.03, "nap": 0.01}
    shares |= {"meet": 0.05, "stay": 0.06}
    # One pattern per verb of the deeds, as some have few nouns.
    return [
        *(
            _Pattern(shares.get(kind, 0.014), grammar.event, acts)
            for kind, acts in events.items()
        ),
        _Pattern(0.05, grammar.state, singular),
        _Pattern(0.07, grammar.state, plural),
        *(_Pattern(0.03, grammar.there_is, acts) for acts in presences),
    ]


def _states():
    """The horse isn't black. / This street is very wide. Then the plurals."""
    traits = {name: set() for name in (*_AGENTS, *_OBJECTS)}
    for deed in lexicon.DEEDS:
        for agent, thing in itertools.product(deed.agents, deed.objects):
            traits[agent].update(*deed.reasons)
            traits[thing].update(*deed.objects[thing])
    states = ([], [])
    for noun in _NOUNS:
        for subject in grammar.definite_phrases(noun, adjectives=False):
            names = {*noun.qualities, *noun.colours} - {"new"}
            # No plural of "wide", to keep the vocabulary small.
            if noun.english in _AGENTS or not subject.plural:
                names |= traits[noun.english]
            for name in sorted(names):
                absolute = name in _ABSOLUTE or name in noun.colours
                degrees = _DEGREES[: 1 if absolute else 3]
                same = states[subject.plural]
                same.append((subject, name, _NONE, True))
                same.extend((subject, name, degree) for degree in degrees)
    return states
